"""Computed exchanges: sums, differences, counting and comparing."""

from __future__ import annotations

import random

from .base import Exchange, Split, held_out, lines, phrasings

ADD_ASKS = lines("""
    What is {a} + {b}?
    {a} + {b}
    What is {a} plus {b}?
    How much is {a} + {b}?
    Add {a} and {b}.
    Can you add {a} and {b}?
    {a}+{b}=?
    What do you get if you add {a} and {b}?
    Calculate {a} + {b}.
    {a} plus {b}
    {a} + {b} = ?
    What is the sum of {a} and {b}?
    Sum {a} and {b}.
    Please add {a} and {b}.
    Tell me {a} + {b}.
    How much is {a} and {b}?
    How much is {a} plus {b}?
    Compute {a} + {b} for me.
    what's {a}+{b}
    What does {a} + {b} make?
    I have {a} apples and get {b} more. How many apples do I have?
    Solve {a} + {b}.
    {a}+{b}
    I have {a} books and buy {b} more. How many books do I have?
""")
SUBTRACT_ASKS = lines("""
    What is {a} - {b}?
    {a} - {b}
    What is {a} minus {b}?
    How much is {a} - {b}?
    Subtract {b} from {a}.
    Calculate {a} minus {b}.
    {a}-{b}=?
    Take {b} away from {a}.
    Calculate {a} - {b}.
    {a} minus {b}
    I have {a} apples and give away {b}. How many are left?
    What is {a} take away {b}?
""")


def is_test_pair(first: int, second: int, sign: str = "+") -> bool:
    """Say whether a pair of two-digit operands is held out, in either order."""
    low, high = sorted((first, second))
    return low >= 10 and held_out(f"{low}{sign}{high}", 8)


def _operand(rng: random.Random) -> int:
    return rng.randrange(10, 100) if rng.random() < 0.8 else rng.randrange(0, 10)


def _pair(rng: random.Random, split: Split, sign: str) -> tuple[int, int]:
    while True:
        first, second = _operand(rng), _operand(rng)
        if is_test_pair(first, second, sign) == (split == "test"):
            return first, second


def addition(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a sum; the test asks held-out pairs in trained phrasings."""
    first, second = _pair(rng, split, "+")
    ask = rng.choice(phrasings(ADD_ASKS, "train"))
    return Exchange(ask.format(a=first, b=second), f"{first} + {second} = {first + second}.", "sum")


def held_out_phrasing(rng: random.Random) -> Exchange:
    """Return a sum of a held-out pair in a held-out phrasing."""
    first, second = _pair(rng, "test", "+")
    ask = rng.choice(phrasings(ADD_ASKS, "test"))
    return Exchange(ask.format(a=first, b=second), f"{first} + {second} = {first + second}.", "sum")


def subtraction(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a difference that is not negative."""
    first, second = sorted(_pair(rng, split, "-"), reverse=True)
    ask = rng.choice(phrasings(SUBTRACT_ASKS, "train"))
    return Exchange(ask.format(a=first, b=second), f"{first} - {second} = {first - second}.", "difference")


def _successor(rng: random.Random) -> Exchange:
    number = rng.randrange(0, 99)
    ask = rng.choice(["What number comes after {n}?", "Which number is after {n}?",
                      "What comes after {n}?", "Tell me the number after {n}."])
    return Exchange(ask.format(n=number), f"After {number} comes {number + 1}.", "counting")


def _larger(rng: random.Random) -> Exchange:
    first, second = rng.sample(range(100), 2)
    ask = rng.choice(["Which is bigger, {a} or {b}?", "Which number is larger, {a} or {b}?",
                      "What is more, {a} or {b}?", "Is {a} or {b} bigger?"])
    high, low = max(first, second), min(first, second)
    return Exchange(ask.format(a=first, b=second), f"{high} is bigger than {low}.", "counting")


def _count_to(rng: random.Random) -> Exchange:
    number = rng.randrange(3, 13)
    ask = rng.choice(["Count to {n}.", "Please count to {n}.", "Can you count to {n}?",
                      "Count from 1 to {n}."])
    return Exchange(ask.format(n=number), ", ".join(map(str, range(1, number + 1))) + ".", "counting")


def counting(rng: random.Random) -> Exchange:
    """Return an exchange about the order of numbers."""
    return rng.choice((_successor, _larger, _larger, _count_to))(rng)
