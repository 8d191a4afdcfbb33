"""Short facts: tables, and many ways to ask for each entry."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .base import Exchange, a, capital, lines, phrasings, table
from .frames import expand
from .fact_tables import (
    ANIMAL_HOMES, ANIMAL_LEGS, ANIMAL_SOUNDS, ANIMAL_YOUNG, CAPITALS, COLOURS,
    CONTINENTS, DAYS, FOODS, MADE_OF, MONTHS, OPPOSITES, PLACES_OF_WORK, PLURALS, SCIENCE,
)


@dataclass(frozen=True)
class Relation:
    """A table with its questions; `{x}` is the key, `{y}` the value."""

    name: str
    entries: dict[str, str]
    asks: list[str]
    answer: str
    follow: str = ""

    def some_ask(self, rng: random.Random) -> str:
        """Return a phrasing of the training split; the first ones, written for this table, more often."""
        asks = phrasings(self.asks, "train")
        return rng.choice(asks[:8]) if rng.random() < 0.5 else rng.choice(asks)

    def exchange(self, key: str, ask: str) -> Exchange:
        """Return one question about one entry."""
        value = self.entries[key]
        slots = {"x": key, "y": value, "X": capital(key), "Y": capital(value), "ax": a(key)}
        slots["aX"] = capital(slots["ax"])
        return Exchange(ask.format(**slots), self.answer.format(**slots), f"fact:{self.name}")

    def brief(self, key: str) -> str:
        """Return the answer alone, for conversations that ask for one word."""
        return capital(self.entries[key])


def _cycle(names: list[str], step: int) -> dict[str, str]:
    return {name: names[(i + step) % len(names)] for i, name in enumerate(names)}


_MONTH_NUMBERS = dict(zip(MONTHS, lines(
    "first\nsecond\nthird\nfourth\nfifth\nsixth\nseventh\neighth\nninth\ntenth\neleventh\ntwelfth")))

RELATIONS: list[Relation] = [
    Relation("capital", table(CAPITALS), expand(lines("""
        What is the capital of {x}?
        Capital of {x}?
        What's the capital of {x}?
        Tell me the capital of {x}.
        Which city is the capital of {x}?
        Do you know the capital of {x}?
        Name the capital of {x}.
        What is the capital city of {x}?
        Do you know what the capital of {x} is?
        I want to know the capital of {x}.
        Can you tell me the capital of {x}?
        Please name the capital city of {x}.
        Give me the capital of {x}.
        {x} has which capital?
        * the capital of {x}
        & what the capital of {x} is""")),
        "The capital of {x} is {y}.", follow="And of {x}?"),
    Relation("country", {v: k for k, v in table(CAPITALS).items()}, expand(lines("""
        {x} is the capital of which country?
        Which country has the capital {x}?
        Of which country is {x} the capital?
        What country is {x} the capital of?
        {x} is the capital of what country?
        Which country's capital is {x}?
        Tell me which country has {x} as its capital.
        Name the country whose capital is {x}.
        & which country has the capital {x}
        * the country with the capital {x}""")),
        "{x} is the capital of {y}.", follow="And {x}?"),
    Relation("continent", table(CONTINENTS), expand(lines("""
        Which continent is {x} in?
        What continent is {x} on?
        On which continent is {x}?
        Where in the world is {x}?
        Where is {x}?
        In which continent do I find {x}?
        Tell me the continent of {x}.
        Do you know which continent {x} is in?
        & which continent {x} is in
        & where {x} is
        * the continent of {x}""")),
        "{x} is in {y}.", follow="And {x}?"),
    Relation("colour", table(COLOURS), expand(lines("""
        What colour is {ax}?
        What color is {ax}?
        Which colour does {ax} have?
        Tell me the colour of {ax}.
        What is the colour of {ax}?
        Do you know what colour {ax} is?
        What is the color of {ax}?
        Name the colour of {ax}.
        Can you tell me the color of {ax}?
        & what colour {ax} is
        * the colour of {ax}
        * the color of {ax}""")),
        "{aX} is {y}.", follow="And {ax}?"),
    Relation("opposite", table(OPPOSITES), expand(lines("""
        What is the opposite of {x}?
        Opposite of {x}?
        What's the opposite of {x}?
        Tell me the opposite of {x}.
        Which word is the opposite of {x}?
        Can you give me the opposite of {x}?
        Give me the opposite of {x}.
        What is the opposite of the word {x}?
        Do you know the opposite of {x}?
        Name the opposite of {x}.
        * the opposite of {x}
        & what the opposite of {x} is""")),
        "The opposite of {x} is {y}.", follow="And of {x}?"),
    Relation("plural", table(PLURALS), expand(lines("""
        What is the plural of {x}?
        Plural of {x}?
        What's the plural of {x}?
        Tell me the plural of {x}.
        How do I write the plural of {x}?
        Do you know the plural of {x}?
        Give me the plural of {x}.
        What is the plural form of {x}?
        One {x}, two what?
        * the plural of {x}
        & what the plural of {x} is""")),
        "The plural of {x} is {y}.", follow="And of {x}?"),
    Relation("sound", table(ANIMAL_SOUNDS), expand(lines("""
        What does {ax} say?
        What sound does {ax} make?
        Which sound does {ax} make?
        How does {ax} sound?
        What noise does {ax} make?
        Tell me what sound {ax} makes.
        Tell me the sound of {ax}.
        Do you know what {ax} says?
        & what {ax} says
        & what sound {ax} makes
        * the sound of {ax}""")),
        "{aX} says {y}.", follow="And {ax}?"),
    Relation("young", table(ANIMAL_YOUNG), expand(lines("""
        What is a baby {x} called?
        What do you call a baby {x}?
        What is the name for a young {x}?
        What is a young {x} called?
        How do you call a young {x}?
        Do you know what a baby {x} is called?
        Tell me the word for a baby {x}.
        What's a baby {x} called?
        & what a baby {x} is called
        * the name of a baby {x}
        * the word for a young {x}""")),
        "A baby {x} is called {y}.", follow="And a baby {x}?"),
    Relation("legs", table(ANIMAL_LEGS), expand(lines("""
        How many legs does {ax} have?
        How many legs has {ax}?
        What number of legs does {ax} have?
        Tell me how many legs {ax} has.
        Count the legs of {ax}.
        Do you know how many legs {ax} has?
        {aX} has how many legs?
        & how many legs {ax} has
        * the number of legs of {ax}""")),
        "{aX} has {y} legs.", follow="And {ax}?"),
    Relation("home", table(ANIMAL_HOMES), expand(lines("""
        Where does {ax} live?
        Where do I find {ax}?
        What is the home of {ax}?
        In what place does {ax} live?
        Tell me where {ax} lives.
        Do you know where {ax} lives?
        What is {ax}'s home?
        & where {ax} lives
        * the home of {ax}""")),
        "{aX} lives in {y}.", follow="And {ax}?"),
    Relation("eats", table(FOODS), expand(lines("""
        What does {ax} eat?
        What do you feed {ax}?
        What is the food of {ax}?
        Tell me what {ax} eats.
        What does {ax} like to eat?
        Do you know what {ax} eats?
        What can {ax} eat?
        & what {ax} eats
        * the food of {ax}""")),
        "{aX} eats {y}.", follow="And {ax}?"),
    Relation("made of", table(MADE_OF), expand(lines("""
        What is {x} made of?
        What do you make {x} from?
        What is {x} made from?
        Tell me what {x} is made of.
        From what do people make {x}?
        Do you know what {x} is made of?
        What do I need to make {x}?
        & what {x} is made of""")),
        "{X} is made of {y}.", follow="And {x}?"),
    Relation("work", table(PLACES_OF_WORK), expand(lines("""
        Where does {ax} work?
        In what place does {ax} work?
        What is the workplace of {ax}?
        Tell me where {ax} works.
        Where can I find {ax}?
        Do you know where {ax} works?
        Where would {ax} work?
        & where {ax} works
        * the workplace of {ax}""")),
        "{aX} works in {y}.", follow="And {ax}?"),
    Relation("day after", _cycle(DAYS, 1), expand(lines("""
        What day comes after {x}?
        Which day is after {x}?
        What is the day after {x}?
        Which day follows {x}?
        What comes after {x}?
        Tell me the day that comes after {x}.
        Today is {x}. What day is tomorrow?
        * the day after {x}
        & which day comes after {x}""")),
        "The day after {x} is {y}.", follow="And after {x}?"),
    Relation("day before", _cycle(DAYS, -1), expand(lines("""
        What day comes before {x}?
        Which day is before {x}?
        What is the day before {x}?
        What comes before {x}?
        Today is {x}. What day was yesterday?
        Tell me the day that comes before {x}.
        * the day before {x}
        & which day comes before {x}""")),
        "The day before {x} is {y}.", follow="And before {x}?"),
    Relation("month after", _cycle(MONTHS, 1), expand(lines("""
        What month comes after {x}?
        Which month is after {x}?
        What is the month after {x}?
        Which month follows {x}?
        What comes after {x}?
        Tell me the month that comes after {x}.
        * the month after {x}
        & which month comes after {x}""")),
        "The month after {x} is {y}.", follow="And after {x}?"),
    Relation("month before", _cycle(MONTHS, -1), expand(lines("""
        What month comes before {x}?
        Which month is before {x}?
        What is the month before {x}?
        What comes before {x}?
        Name the month before {x}.
        Tell me the month that comes before {x}.
        * the month before {x}
        & which month comes before {x}""")),
        "The month before {x} is {y}.", follow="And before {x}?"),
    Relation("month number", _MONTH_NUMBERS, expand(lines("""
        Which month of the year is {x}?
        What number is the month {x}?
        Is {x} the first month of the year?
        Where in the year is {x}?
        What place does {x} have in the year?
        Tell me which month of the year {x} is.
        & which month of the year {x} is""")),
        "{x} is the {y} month of the year."),
]


def _science() -> list[tuple[list[str], str]]:
    """Read the single facts: questions parted by bars, then the answer."""
    facts = []
    for line in lines(SCIENCE):
        asks, answer = line.split("=>")
        facts.append(([ask.strip() for ask in asks.split("|")], answer.strip()))
    return facts


SCIENCE_FACTS = _science()


def fact_count() -> int:
    """Return the number of distinct facts."""
    return sum(len(r.entries) for r in RELATIONS) + len(SCIENCE_FACTS)


def random_fact(rng: random.Random) -> Exchange:
    """Return one fact as an exchange of the training split."""
    if rng.random() < 0.16:
        asks, answer = rng.choice(SCIENCE_FACTS)
        return Exchange(rng.choice(asks[:3]), answer, "fact:science")
    relation = rng.choices(RELATIONS, [len(r.entries) ** 0.8 for r in RELATIONS])[0]
    key = rng.choice(list(relation.entries))
    return relation.exchange(key, relation.some_ask(rng))


def follow_up(rng: random.Random) -> list[Exchange]:
    """Return a question and a short one that leans on it (`And of Spain?`)."""
    relation = rng.choice([r for r in RELATIONS if r.follow])
    keys = rng.sample(list(relation.entries), 3)
    first = relation.exchange(keys[0], relation.some_ask(rng))
    rest = [relation.exchange(key, relation.follow) for key in keys[1 : rng.choice((2, 3))]]
    return [first, *rest]


def one_word_fact(rng: random.Random) -> Exchange:
    """Return a fact whose answer is the value alone."""
    relation = rng.choice(RELATIONS[:6])
    key = rng.choice(list(relation.entries))
    full = relation.exchange(key, relation.some_ask(rng))
    return Exchange(full.user, relation.brief(key) + ".", "one word")


def test_facts() -> list[Exchange]:
    """Return every entry under every held-out phrasing."""
    found = [
        relation.exchange(key, ask)
        for relation in RELATIONS
        for key in relation.entries
        for ask in phrasings(relation.asks, "test")
    ]
    for asks, answer in SCIENCE_FACTS:
        found += [Exchange(ask, answer, "fact:science") for ask in asks[3:]]
    return found
