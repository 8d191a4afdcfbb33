"""Plain words of the training: those that the exercises use, and many more that have to be copied."""

from __future__ import annotations

import random

from . import wide_values as wide
from .base import Split, held_out, table, values, words
from .names import HELD_OUT, syllables
from .tool_tables import NOUNS, RESULT_KEYS, TEST_WORDS, VERBS
from .transforms import VOCABULARY

# Words by which the test knows its tools and the keys of their results.
_VERBS = [verb for verb in table(VERBS) if held_out(verb, 6)]
TESTED = frozenset((*HELD_OUT, *_VERBS, *words(TEST_WORDS), *values(words(NOUNS), "test"), *values(words(RESULT_KEYS), "test")))
MANY_THINGS = sorted({*wide.THINGS, *wide.FOODS, *wide.PETS} - TESTED)
MANY_VERBS = sorted({*wide.VERBS} - TESTED)


def any_thing(rng: random.Random, split: Split = "train") -> str:
    """Return a plain word; in training most are of the many, a few are of random syllables."""
    roll = rng.random() if split == "train" else 0.0
    if roll < 0.4:
        return rng.choice(VOCABULARY)
    return rng.choice(MANY_THINGS) if roll < 0.92 else syllables(rng).lower()
