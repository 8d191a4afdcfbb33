"""Short stories from a grammar: one hero with a trait, a helper, a place, an end."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .base import Exchange, a, capital, lines, words
from .names import person

HEROES = words("""
    dragon fox rabbit princess pirate robot cat dog bear mouse knight wizard owl frog king queen farmer
    baker sailor turtle lion horse bird ghost giant boy girl teacher penguin elephant monkey whale wolf
    hedgehog squirrel bee spider witch tree snowman
""")
TRAITS = words("small brave shy clever curious lazy kind hungry lonely quiet young old funny proud tired")
PLACES = lines("""
    in a dark forest
    by the sea
    in a small village
    on a high mountain
    in an old castle
    near a quiet lake
    at the edge of a big city
    on a green island
    in a warm valley
    in a house full of books
""")
WISHES = {
    "a friend": "had nobody to talk to",
    "a golden key": "stood before a locked door",
    "a way home": "had lost the way in the fog",
    "a lost book": "could not find the last page of a story",
    "some honey": "had nothing sweet for breakfast",
    "a blue flower": "wanted to give it to a sick friend",
    "a warm coat": "was cold in the winter",
    "a new song": "had forgotten how to sing",
    "a small boat": "wanted to cross the water",
    "a bright lamp": "was afraid of the dark",
}
SEARCHES = lines("""
    {N} looked under every stone, but found nothing.
    {N} walked all day and asked everyone on the way.
    {N} climbed a hill to see far.
    {N} sat down and thought for a long time.
    {N} followed the river until the evening.
    {N} packed some bread and left early in the morning.
""")
TROUBLES = lines("""
    Then a storm came, and {N} hid in a cave.
    Then it became dark, and {N} was afraid.
    On the way {N} fell into a deep hole.
    Soon {N} was very tired and wanted to give up.
    But a wide river was in the way.
""")
HELPS = lines("""
    A {h} heard the noise and came to help.
    Then a {h} came along and asked what was wrong.
    Just then {N} met a friendly {h}.
    There sat a {h}, who knew what to do.
""")
SPEECHES = lines("""
    "I will help you," said the {h}.
    "Do not be sad," said the {h}. "Come with me."
    "I know where to look," said the {h}.
    "Two can do more than one," said the {h}.
""")
FOUND = lines("""
    Together they found {w}.
    The next morning they found {w} behind an old tree.
    They went on together, and at last they found {w}.
    With the help of the {h}, {N} found {w}.
""")
ENDS = lines("""
    From that day on, {N} and the {h} were friends.
    {N} was happy and thanked the {h}.
    {N} went home with a smile.
    And {N} was never lonely again.
    In the evening {N} and the {h} had a big dinner.
""")
ASKS = lines("""
    Tell me a story about {s}.
    Tell me a short story about {s}.
    Write a story about {s}.
    Can you tell me a story about {s}?
    I want a story about {s}.
    Please write a short story about {s}.
    A story about {s}, please.
    Write a short story about {s}.
    Tell a story about {s}.
    Make up a story about {s}.
    story about {s}
    Do you know a story about {s}?
""")
PLAIN_ASKS = lines("""
    Tell me a story.
    Tell me a short story.
    Can you tell me a story?
    Write a story.
    I want to hear a story.
    Please tell me a story.
    Tell a story!
    Make up a story for me.
""")


@dataclass(frozen=True)
class Story:
    """A story, with the hero and the name that a question may ask for."""

    text: str
    hero: str
    name: str
    trait: str


def tell(hero: str, name: str, trait: str, rng: random.Random) -> str:
    """Write one story; the hero keeps the name, the helper and the wish."""
    helper = rng.choice([h for h in HEROES if h != hero and h[0] not in "aeiou"])
    wish = rng.choice(list(WISHES))
    slots = {"N": name, "h": helper, "w": wish}
    parts = [
        f"{rng.choice(['Once upon a time', 'Long ago', 'Once'])} there was {a(trait)} {hero} "
        f"called {name}, who lived {rng.choice(PLACES)}.",
        f"{name} {WISHES[wish]} and looked for {wish}.",
        rng.choice(SEARCHES).format(**slots),
        rng.choice(TROUBLES).format(**slots) if rng.random() < 0.6 else "",
        rng.choice(HELPS).format(**slots),
        rng.choice(SPEECHES).format(**slots) if rng.random() < 0.6 else "",
        rng.choice(FOUND).format(**slots),
        rng.choice(ENDS).format(**slots),
    ]
    return " ".join(part for part in parts if part)


def story(rng: random.Random) -> tuple[str, Story]:
    """Return what the user asked for and the story."""
    hero, trait, name = rng.choice(HEROES), rng.choice(TRAITS), person(rng)
    roll = rng.random()
    if roll < 0.15:
        subject = None
    elif roll < 0.5:
        subject = a(hero)
    elif roll < 0.75:
        subject = f"{a(trait)} {hero}"
    else:
        subject = f"{a(hero)} {rng.choice(['called', 'named'])} {name}"
    asked = rng.choice(PLAIN_ASKS) if subject is None else rng.choice(ASKS[:-1]).format(s=subject)
    return asked, Story(tell(hero, name, trait, rng), hero, name, trait)


def story_exchanges(rng: random.Random) -> list[Exchange]:
    """Return a story, at times followed by a question about it."""
    asked, told = story(rng)
    found = [Exchange(asked, told.text, "story")]
    if rng.random() < 0.3:
        question, answer = rng.choice([
            (f"What was the name of the {told.hero}?", f"The {told.hero} was called {told.name}."),
            (f"What was the {told.hero} called?", f"The {told.hero} was called {told.name}."),
            ("Who was the story about?", f"The story was about {a(told.trait)} {told.hero} called {told.name}."),
        ])
        found.append(Exchange(question, answer, "recall"))
    return found


def plain_story(rng: random.Random) -> str:
    """Return a story without a chat around it, for plain completions."""
    return capital(story(rng)[1].text)
