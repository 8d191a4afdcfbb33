"""Simple work on the user's own words: repeat, reverse, count, spell."""

from __future__ import annotations

import random

from .base import Exchange, Split, values, words
from .names import invented

VOCABULARY = words("""
    apple river stone cloud table window garden candle silver mountain paper pencil orange bread
    flower horse kitten castle ocean forest winter summer music dragon rabbit yellow purple green
    black white bottle basket bridge button camera carrot cherry circle coffee cookie cotton dinner
    doctor engine family farmer feather finger ginger hammer honey island jacket kettle ladder lemon
    letter lion magnet market mirror monkey morning needle night number onion paint parrot pepper
    planet pocket potato prince queen rain ribbon rocket school shadow ship shoe sister snow soap
    spider spoon spring square star storm story street sugar sun teacher thunder ticket tiger tomato
    tower train tree turtle uncle valley village violin wagon water whale wheel wind wolf wood
    world yard zebra book page leaf sheet ink cover spine cat dog bird fish moon hill lake road
    door key box hat coat cup plate knife fork milk tea egg rice salt king boat bell drum lamp
    desk chair wall roof field grass seed root bee ant frog duck goose bear deer fox owl crow
""")
NUMBER_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def _some(rng: random.Random, split: Split, low: int, high: int) -> list[str]:
    """Return words; a test list holds only held-out orders, by being random."""
    pool = VOCABULARY if split == "train" else values(VOCABULARY, "test")
    return rng.sample(pool, rng.randint(low, high))


def _words(rng: random.Random, split: Split) -> str:
    """Return words to copy, at times invented ones."""
    items = _some(rng, split, 1, 5)
    return " ".join(invented(rng, split) if rng.random() < 0.15 else item for item in items)


def repeat(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a request to copy a phrase."""
    phrase = _words(rng, split)
    ask = rng.choice(["Repeat after me: {p}", "Say {p}.", "Repeat: {p}", "Please say: {p}",
                      "Write {p}.", "Echo this: {p}", 'Say "{p}".', "Can you say {p}?"])
    return Exchange(ask.format(p=phrase), phrase, "repeat")


def reverse(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a request to turn a list of words around."""
    items = _some(rng, split, 2, 4)
    ask = rng.choice(["Reverse this list: {p}", "Reverse the list {p}.", "Turn this list around: {p}",
                      "Write this list backwards: {p}", "Reverse: {p}"])
    return Exchange(ask.format(p=", ".join(items)), ", ".join(reversed(items)), "reverse")


def count_words(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a request to count words."""
    items = _some(rng, split, 1, 7)
    ask = rng.choice(["How many words are in: {p}", "Count the words: {p}", "Count these words: {p}",
                      "How many words do you see: {p}", "How many words is this: {p}"])
    noun = "word" if len(items) == 1 else "words"
    answer = f"There {'is' if len(items) == 1 else 'are'} {NUMBER_WORDS[len(items)]} {noun}."
    return Exchange(ask.format(p=" ".join(items)), answer, "count words")


def pick_item(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a request for the first or the last item of a list."""
    items = _some(rng, split, 2, 5)
    which, item = rng.choice([("first", items[0]), ("last", items[-1])])
    ask = rng.choice(["What is the {w} word of: {p}", "Which word is {w}: {p}",
                      "Tell me the {w} item of this list: {p}", "Give me the {w} of these words: {p}"])
    return Exchange(ask.format(w=which, p=", ".join(items)), f"The {which} word is {item}.", "pick item")


def upper(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a request for capital letters."""
    word = " ".join(_some(rng, split, 1, 3))
    ask = rng.choice(["Write {p} in upper case.", "Upper-case the word {p}.", "Make {p} upper case.",
                      "Write {p} in capital letters.", "Put {p} in capitals.", "uppercase: {p}"])
    return Exchange(ask.format(p=word), word.upper(), "upper case")


def lower(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a request for small letters."""
    word = _some(rng, split, 1, 1)[0]
    ask = rng.choice(["Write {p} in lower case.", "Lower-case the word {p}.", "Make {p} lower case.",
                      "Write {p} in small letters.", "lowercase: {p}"])
    return Exchange(ask.format(p=word.upper()), word, "lower case")


def spell(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a request for the letters of a word."""
    word = _some(rng, split, 1, 1)[0]
    ask = rng.choice(["Spell {p}.", "Spell the word {p}.", "How do you spell {p}?",
                      "Which letters are in {p}?", "Can you spell {p}?"])
    return Exchange(ask.format(p=word), "-".join(word) + ".", "spell")


ALL = (repeat, repeat, reverse, reverse, count_words, pick_item, upper, upper, lower, spell)


def transform(rng: random.Random) -> Exchange:
    """Return any of the requests above."""
    return rng.choice(ALL)(rng)
