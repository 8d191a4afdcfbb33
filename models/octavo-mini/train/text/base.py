"""Shared pieces of the generator: the exchange, the hold-out rule and noise."""

from __future__ import annotations

import random
import string
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

Split = Literal["train", "test"]
T = TypeVar("T")

HELD_OUT_EVERY = 6


@dataclass(frozen=True)
class Exchange:
    """One question with its answer; `accept` lists other right answers."""

    user: str
    answer: str
    kind: str
    accept: tuple[str, ...] = ()

    def accepts(self, text: str) -> bool:
        """Say whether `text` is a right answer."""
        return text.strip() in (self.answer, *self.accept)


def phrasings(options: Sequence[str], split: Split) -> list[str]:
    """Return the phrasings of a split: every sixth one is held out for the test."""
    held = HELD_OUT_EVERY - 1
    return [o for i, o in enumerate(options) if (i % HELD_OUT_EVERY == held) == (split == "test")]


def held_out(key: str, one_in: int = 10) -> bool:
    """Say whether a value belongs to the test; a hash keeps the choice even."""
    return zlib.crc32(key.encode()) % one_in == 0


def values(options: Sequence[str], split: Split, one_in: int = 6) -> list[str]:
    """Return the values (names, words) of a split."""
    return [o for o in options if held_out(o, one_in) == (split == "test")]


def table(text: str) -> dict[str, str]:
    """Read `key: value` pairs, one on each line or parted by semicolons."""
    pairs = (entry.split(":", 1) for entry in text.replace("\n", ";").split(";") if entry.strip())
    return {key.strip(): value.strip() for key, value in pairs}


def words(text: str) -> list[str]:
    """Split a block of words; an underscore stands for a space inside one."""
    return [word.replace("_", " ") for word in text.split()]


def lines(text: str) -> list[str]:
    """Split a block into its non-empty lines."""
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


def first_mostly(options: Sequence[T], rng: random.Random) -> T:
    """Choose the first option more often, so that greedy decoding has one answer."""
    if len(options) == 1 or rng.random() < 0.7:
        return options[0]
    return rng.choice(options[1:])


def a(noun: str) -> str:
    """Return the noun with its indefinite article."""
    return ("an " if noun[0].lower() in "aeiou" else "a ") + noun


def capital(text: str) -> str:
    """Upper-case the first letter only."""
    return text[:1].upper() + text[1:]


def join(items: Sequence[str]) -> str:
    """Join items with commas and a final `and`."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def _typo(text: str, rng: random.Random) -> str:
    """Swap or drop one letter in one longer lower-case word."""
    parts = text.split(" ")
    places = [i for i, p in enumerate(parts) if len(p) > 4 and p.isalpha() and p.islower()]
    if not places:
        return text
    place = rng.choice(places)
    word = parts[place]
    at = rng.randrange(1, len(word) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    parts[place] = swapped if rng.random() < 0.5 else word[:at] + word[at + 1 :]
    return " ".join(parts)


def rough(text: str, rng: random.Random, keep_case: bool = False) -> str:
    """Make a question look typed: lower case, no punctuation, rarely a typo."""
    roll = rng.random()
    if roll < 0.45:
        return text
    if roll < 0.60 or roll >= 0.75:
        text = text.rstrip(string.punctuation) if text[-1:] in ".?!" else text
    if roll >= 0.60:
        text = text[:1].lower() + text[1:] if keep_case else text.lower()
    return _typo(text, rng) if not keep_case and rng.random() < 0.12 else text


OPENERS = lines(
    """
    Hey,
    Okay,
    So,
    Please tell me,
    One question:
    Quick question:
    Hello!
    Hi,
    """
)


def polite(text: str, rng: random.Random) -> str:
    """Put an opener before a question, or a `please` behind it, now and then."""
    roll = rng.random()
    if roll < 0.10:
        opener = rng.choice(OPENERS)
        rest = text if opener[-1] == "!" or text.startswith("I ") else text[:1].lower() + text[1:]
        return f"{opener} {rest}"
    if roll < 0.14 and text.endswith("?"):
        return text[:-1] + ", please?"
    return text


def typed(exchange: Exchange, rng: random.Random, keep_case: bool = False) -> Exchange:
    """Return the exchange with a question as people type it."""
    user = exchange.user if keep_case else polite(exchange.user, rng)
    return replace(exchange, user=rough(user, rng, keep_case))
