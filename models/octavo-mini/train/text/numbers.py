"""Computed exchanges: sums, differences, counting and comparing."""

from __future__ import annotations

import random
from collections.abc import Callable

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
    There are {a} cats and {b} dogs. How many animals are there?
    Can you tell me the sum of {a} and {b}?
    Work out {a} + {b}.
    Add {b} to {a}.
    Tell me how much {a} and {b} are together.
    {a} and {b} make how much?
    Compute {a} + {b}.
    Please calculate {a} plus {b}.
    Ben has {a} coins and finds {b} more. How many coins does Ben have?
    Could you add {a} and {b} for me?
    What do {a} and {b} add up to?
    Do the sum {a} + {b}.
    Can you work out {a} + {b}?
    I need the sum of {a} and {b}.
    A shop sells {a} loaves in the morning and {b} in the evening. How many in all?
    Please compute {a} + {b} for me.
    Calculate {a} + {b} for me.
    Give me {a} plus {b}.
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
    {a} - {b} = ?
    How much is {a} minus {b}?
    What is the difference between {a} and {b}?
    Compute {a} - {b}.
    Tell me {a} minus {b}.
    Work out {a} - {b}.
    There are {a} birds and {b} fly away. How many birds stay?
    Can you subtract {b} from {a}?
    Please take {b} from {a}.
    {a}-{b}
    How much is left of {a} without {b}?
    I have {a} coins and spend {b}. How many coins are left?
""")
LARGEST = 999


def is_test_pair(first: int, second: int, sign: str = "+") -> bool:
    """Say whether a pair of operands is held out, in either order."""
    low, high = sorted((first, second))
    return low >= 10 and held_out(f"{low}{sign}{high}", 8)


def _operand(rng: random.Random) -> int:
    return rng.randrange(10, 100) if rng.random() < 0.8 else rng.randrange(0, 10)


def _large_operand(rng: random.Random) -> int:
    return rng.randrange(100, LARGEST + 1) if rng.random() < 0.75 else _operand(rng)


def _pair(rng: random.Random, split: Split, sign: str,
          make: Callable[[random.Random], int] = _operand) -> tuple[int, int]:
    while True:
        first, second = make(rng), make(rng)
        if is_test_pair(first, second, sign) == (split == "test"):
            return first, second


def _sum(first: int, second: int, ask: str) -> Exchange:
    return Exchange(ask.format(a=first, b=second), f"{first} + {second} = {first + second}.", "sum")


def _difference(first: int, second: int, ask: str) -> Exchange:
    return Exchange(ask.format(a=first, b=second), f"{first} - {second} = {first - second}.", "difference")


def addition(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a sum; the test asks held-out pairs in trained phrasings."""
    return _sum(*_pair(rng, split, "+"), rng.choice(phrasings(ADD_ASKS, "train")))


def held_out_phrasing(rng: random.Random) -> Exchange:
    """Return a sum of a held-out pair in a held-out phrasing."""
    return _sum(*_pair(rng, "test", "+"), rng.choice(phrasings(ADD_ASKS, "test")))


def subtraction(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a difference that is not negative."""
    first, second = sorted(_pair(rng, split, "-"), reverse=True)
    return _difference(first, second, rng.choice(phrasings(SUBTRACT_ASKS, "train")))


def large(rng: random.Random, split: Split = "train") -> Exchange:
    """Return a sum or a difference with operands of up to three digits."""
    if rng.random() < 0.6:
        return _sum(*_pair(rng, split, "+", _large_operand), rng.choice(phrasings(ADD_ASKS, "train")))
    first, second = sorted(_pair(rng, split, "-", _large_operand), reverse=True)
    return _difference(first, second, rng.choice(phrasings(SUBTRACT_ASKS, "train")))


def _successor(rng: random.Random, split: Split) -> Exchange:
    number = _value(rng, split)
    ask = rng.choice(phrasings(lines("""
        What number comes after {n}?
        Which number is after {n}?
        What comes after {n}?
        Tell me the number after {n}.
        What is the number after {n}?
        Which number follows {n}?"""), "train"))
    return Exchange(ask.format(n=number), f"After {number} comes {number + 1}.", "counting")


def _value(rng: random.Random, split: Split) -> int:
    while True:
        number = rng.randrange(0, 99 if rng.random() < 0.7 else LARGEST)
        if held_out(f"number {number}", 8) == (split == "test"):
            return number


COMPARE_ASKS = lines("""
    Which is bigger, {a} or {b}?
    Which number is larger, {a} or {b}?
    What is more, {a} or {b}?
    Is {a} or {b} bigger?
    Which one is greater, {a} or {b}?
    Which of {a} and {b} is bigger?
    Compare {a} and {b}.
    Tell me which is bigger: {a} or {b}.
    Which number is bigger, {a} or {b}?
    What is the larger number, {a} or {b}?
    Which is larger: {a} or {b}?
    Which is the bigger number, {a} or {b}?
""")


def comparison(rng: random.Random, split: Split = "train", asks: Split = "train") -> Exchange:
    """Return a question for the larger of two numbers."""
    while True:
        first, second = rng.sample(range(100 if rng.random() < 0.6 else LARGEST + 1), 2)
        if is_test_pair(first, second, "?") == (split == "test"):
            break
    ask = rng.choice(phrasings(COMPARE_ASKS, asks))
    high, low = max(first, second), min(first, second)
    return Exchange(ask.format(a=first, b=second), f"{high} is bigger than {low}.", "counting")


def _count_to(rng: random.Random, split: Split) -> Exchange:
    number = rng.randrange(3, 13)
    ask = rng.choice(["Count to {n}.", "Please count to {n}.", "Can you count to {n}?",
                      "Count from 1 to {n}."])
    return Exchange(ask.format(n=number), ", ".join(map(str, range(1, number + 1))) + ".", "counting")


def _parity(rng: random.Random, split: Split) -> Exchange:
    number = _value(rng, split)
    ask = rng.choice(["Is {n} even or odd?", "Is {n} odd or even?", "Is the number {n} even or odd?",
                      "Tell me whether {n} is even or odd.", "{n}: even or odd?"])
    return Exchange(ask.format(n=number), f"{number} is {'odd' if number % 2 else 'even'}.", "counting")


def counting(rng: random.Random, split: Split = "train") -> Exchange:
    """Return an exchange about the order of numbers."""
    return rng.choice((_successor, comparison, comparison, _count_to, _parity))(rng, split)
