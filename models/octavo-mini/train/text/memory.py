"""Recall: facts that the user or the system prompt gives, asked for later."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from . import names
from .base import Exchange, Split, lines, phrasings
from .frames import expand

Maker = Callable[[random.Random, Split], str]


@dataclass(frozen=True)
class Detail:
    """Something about the user: how it is told, confirmed, asked and answered."""

    name: str
    make: Maker
    tells: list[str]
    reply: str
    asks: list[str]
    answer: str
    unknown: str
    system: str


DETAILS = [
    Detail("name", names.person, lines("""
        My name is {v}.
        I am {v}.
        I'm {v}.
        Hi, I am {v}.
        Hello, my name is {v}.
        People call me {v}.
        You can call me {v}.
        Call me {v}.
        Hi! My name is {v}.
        I am called {v}."""), "Nice to meet you, {v}!", expand(lines("""
        What is my name?
        Do you know my name?
        What's my name?
        Who am I?
        Tell me my name.
        Do you remember my name?
        What was my name?
        How am I called?
        Say my name.
        Can you tell me my name?
        * my name
        & what my name is""")),
        "Your name is {v}.", "You have not told me your name.", "The user's name is {v}."),
    Detail("city", names.place, lines("""
        I live in {v}.
        I am from {v}.
        My home is in {v}.
        I come from {v}.
        My town is {v}.
        My home town is {v}."""), "{v} sounds like a nice place.", expand(lines("""
        Where do I live?
        Where am I from?
        Which town do I live in?
        Do you know where I live?
        Tell me where I live.
        Do you remember where I live?
        Where is my home?
        & where I live
        * my town""")),
        "You live in {v}.", "You have not told me where you live.", "The user lives in {v}."),
    Detail("colour", names.colour, lines("""
        My favourite colour is {v}.
        I like the colour {v}.
        My favorite color is {v}.
        The colour I like best is {v}.
        I love the colour {v}.
        The color that I like best is {v}."""), "I will remember: {v}.", expand(lines("""
        What is my favourite colour?
        Which colour do I like?
        What's my favorite color?
        What is my favorite color?
        Which colour do I like best?
        Do you remember my favourite colour?
        Tell me my favourite colour.
        * my favourite colour
        & which colour I like""")),
        "Your favourite colour is {v}.", "You have not told me your favourite colour.",
        "The user's favourite colour is {v}."),
    Detail("food", names.food, lines("""
        My favourite food is {v}.
        I like to eat {v}.
        I love {v}.
        I like {v} best of all food.
        The food I like best is {v}.
        My favorite food is {v}."""), "I will remember: {v}.", expand(lines("""
        What is my favourite food?
        What do I like to eat?
        What's my favorite food?
        Which food do I like?
        Tell me my favourite food.
        Do you remember what I like to eat?
        What food do I like best?
        * my favourite food
        & what I like to eat""")),
        "Your favourite food is {v}.", "You have not told me your favourite food.",
        "The user's favourite food is {v}."),
    Detail("job", names.job, lines("""
        I work as a {v}.
        I am a {v}.
        My job is {v}.
        I'm a {v}.
        I have a job as a {v}.
        For a living, I am a {v}."""), "That sounds like a good job.", expand(lines("""
        What is my job?
        What do I do for work?
        What's my job?
        What is my work?
        Tell me my job.
        Do you remember my job?
        What do I work as?
        * my job
        & what I do for work""")),
        "You work as a {v}.", "You have not told me your job.", "The user works as a {v}."),
    Detail("age", lambda rng, split: str(rng.randrange(8, 90)), lines("""
        I am {v} years old.
        I'm {v} years old.
        My age is {v}.
        I am {v}.
        I turned {v} this year.
        I just turned {v}."""), "Thank you for telling me.", expand(lines("""
        How old am I?
        What is my age?
        What's my age?
        Do you know how old I am?
        Tell me my age.
        Do you remember my age?
        * my age
        & how old I am""")),
        "You are {v} years old.", "You have not told me your age.", "The user is {v} years old."),
    Detail("hobby", names.hobby, lines("""
        My hobby is {v}.
        I like {v}.
        In my free time I like {v}.
        I enjoy {v}.
        For fun I do some {v}.
        My favourite hobby is {v}."""), "That sounds like fun.", expand(lines("""
        What is my hobby?
        What do I do in my free time?
        What's my hobby?
        What do I enjoy?
        Tell me my hobby.
        Do you remember my hobby?
        * my hobby
        & what I enjoy""")),
        "Your hobby is {v}.", "You have not told me your hobby.", "The user's hobby is {v}."),
]
_PET_TELLS = lines("""
    My {p} is called {v}.
    I have a {p} named {v}.
    I have a {p} called {v}.
    The name of my {p} is {v}.
    My {p}'s name is {v}.
    My pet is a {p} and its name is {v}.
""")
_PET_ASKS = expand(lines("""
    What is my {p} called?
    What is the name of my {p}?
    What's the name of my {p}?
    What is my {p}'s name?
    Tell me the name of my {p}.
    Do you remember the name of my {p}?
    * the name of my {p}
    & what my {p} is called
"""))


def pet(rng: random.Random) -> Detail:
    """Return the detail about one kind of pet."""
    kind = rng.choice(names.PETS)
    fill = lambda text: text.replace("{p}", kind)  # noqa: E731
    return Detail("pet", names.person, [fill(t) for t in _PET_TELLS], f"{{v}} is a good name for a {kind}.",
                  [fill(t) for t in _PET_ASKS], f"Your {kind} is called {{v}}.",
                  f"You have not told me the name of your {kind}.", f"The user has a {kind} called {{v}}.")


def choose(rng: random.Random, count: int) -> list[Detail]:
    """Return different details; the name comes up more often than the rest."""
    pool = [*DETAILS, pet(rng)]
    chosen = rng.sample(pool, count)
    if rng.random() < 0.4 and DETAILS[0] not in chosen:
        chosen[0] = DETAILS[0]
    return chosen


def tell(detail: Detail, value: str, rng: random.Random) -> Exchange:
    """Return the exchange in which the user gives the detail."""
    text = rng.choice(phrasings(detail.tells, "train")).format(v=value)
    return Exchange(text, detail.reply.format(v=value), "told")


def tell_two(first: Detail, one: str, second: Detail, two: str, rng: random.Random) -> Exchange:
    """Return an exchange in which the user gives two details at once."""
    parts = [rng.choice(phrasings(d.tells, "train")).format(v=v) for d, v in ((first, one), (second, two))]
    text = f"{parts[0]} {parts[1]}" if rng.random() < 0.6 else f"{parts[0][:-1]} and {_low(parts[1])}"
    return Exchange(text, first.reply.format(v=one), "told")


def _low(text: str) -> str:
    return text if text.startswith("I") else text[:1].lower() + text[1:]


def some_ask(detail: Detail, rng: random.Random, split: Split = "train") -> str:
    """Return a question for the detail; the first ones come up more often."""
    asks = phrasings(detail.asks, split)
    return rng.choice(asks[:6] if rng.random() < 0.5 else asks)


def ask(detail: Detail, value: str, rng: random.Random, split: Split = "train") -> Exchange:
    """Return the exchange in which the user asks for the detail."""
    text = some_ask(detail, rng, split)
    return Exchange(text, detail.answer.format(v=value), "recall")


def ask_unknown(detail: Detail, rng: random.Random) -> Exchange:
    """Return a question for a detail that nobody gave."""
    return Exchange(some_ask(detail, rng), detail.unknown, "not told")
