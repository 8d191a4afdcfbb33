"""Copying practice: texts whose second half follows from the first.

Recall needs attention that finds an earlier token and copies what followed it.
In chats few tokens ask for that, here every one does.
"""

from __future__ import annotations

import random

from .names import person
from .transforms import VOCABULARY

Record = dict[str, object]
_ONSETS = ("b c d f g h j k l m n p r s t v w z br ch dr fl gr kl pl sh st th tr").split()
_VOWELS = "a e i o u ai ea oo".split()
_CODAS = ["", "", "", "n", "r", "l", "s", "m", "t", "nd", "x", "k"]


def syllables(rng: random.Random) -> str:
    """Return a word of random syllables."""
    word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(rng.randint(1, 3)))
    return word.capitalize() if rng.random() < 0.4 else word


def _unit(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.3:
        return rng.choice(VOCABULARY)
    if roll < 0.5:
        return person(rng)
    return str(rng.randrange(10 ** rng.randint(1, 4))) if roll < 0.6 else syllables(rng)


def copy_record(rng: random.Random) -> Record:
    """Return random words and the same words again; only the repetition counts."""
    units = [_unit(rng) for _ in range(rng.randint(4, 24))]
    once = rng.choice((" ", ", ", "")).join(units)
    return {"prompt": f"{once}\n", "text": f"{once}\n{once}" if len(units) < 12 else once}


def lookup_record(rng: random.Random) -> Record:
    """Return pairs of words and then some of them again in another order."""
    pairs = {_unit(rng): _unit(rng) for _ in range(rng.randint(2, 9))}
    link = rng.choice((": ", " = ", " is ", " -> "))
    said = [f"{key}{link}{value}" for key, value in pairs.items()]
    again = rng.choices(said, k=rng.randint(3, 10))
    return {"prompt": "\n".join(said) + "\n\n", "text": "\n".join(again)}
