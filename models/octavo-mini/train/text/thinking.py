"""Short reasoning between think tags, when it is asked for.

It is asked for by the template (`enable_thinking`), which writes `/think` into
the system prompt, by `/think` behind a question, or in words.
"""

from __future__ import annotations

import random

from . import numbers
from .base import Exchange, Split, capital, held_out, lines, phrasings, values
from .fact_tables import DAYS
from .facts import random_fact
from .measures import SHIFT_ASKS
from .transforms import VOCABULARY

Record = dict[str, object]

WORDS = lines("""
    Think step by step.
    Think first.
    Think before you answer.
    Please think about it.
    Show your reasoning.
    Take your time and think.
    Reason step by step.
    Think about it first.
""")


def added(first: int, second: int) -> str:
    """Return the written addition, digit by digit from the right."""
    left, right = str(first)[::-1], str(second)[::-1]
    carry, steps, digits = 0, [], []
    for at in range(max(len(left), len(right))):
        x = int(left[at]) if at < len(left) else 0
        y = int(right[at]) if at < len(right) else 0
        total = x + y + carry
        parts = f"{x} + {y} + {carry}" if carry else f"{x} + {y}"
        carry = total // 10
        digits.append(str(total % 10))
        steps.append(f"{parts} = {total}, write {total % 10}" + (", carry 1" if carry else ""))
    if carry:
        digits.append("1")
        steps.append("write 1")
    return ". ".join(capital(s) for s in steps) + "."


def subtracted(first: int, second: int) -> str:
    """Return the written subtraction, digit by digit from the right; `first` is not smaller."""
    left, right = str(first)[::-1], str(second)[::-1]
    borrow, steps = 0, []
    for at in range(len(left)):
        x = int(left[at])
        y = (int(right[at]) if at < len(right) else 0) + borrow
        borrow = 1 if x < y else 0
        shown = x + 10 * borrow
        steps.append(f"{shown} - {y} = {shown - y}" + (", borrow 1" if borrow else ""))
    return ". ".join(steps) + "."


def _operand(rng: random.Random) -> int:
    digits = rng.choice((2, 2, 3, 3, 3, 4))
    return rng.randrange(10 ** (digits - 1), 10**digits)


def sum_case(rng: random.Random, split: Split = "train") -> tuple[str, str, str]:
    """Return question, reasoning and answer of a sum or a difference."""
    while True:
        first, second = _operand(rng), _operand(rng)
        plus = rng.random() < 0.6
        if numbers.is_test_pair(first, second, "+" if plus else "-") == (split == "test"):
            break
    if plus:
        ask = rng.choice(phrasings(numbers.ADD_ASKS, "train")).format(a=first, b=second)
        return ask, added(first, second), f"{first} + {second} = {first + second}."
    first, second = max(first, second), min(first, second)
    ask = rng.choice(phrasings(numbers.SUBTRACT_ASKS, "train")).format(a=first, b=second)
    return ask, subtracted(first, second), f"{first} - {second} = {first - second}."


def weekday_case(rng: random.Random, split: Split = "train") -> tuple[str, str, str]:
    """Return a question for a weekday, walked day by day."""
    while True:
        day, count = rng.randrange(7), rng.randrange(2, 10)
        if held_out(f"{DAYS[day]}{count}", 7) == (split == "test"):
            break
    walk = ", ".join(f"{i} {DAYS[(day + i) % 7]}" for i in range(1, count + 1))
    ask = rng.choice(phrasings(SHIFT_ASKS[1], "train")).format(d=DAYS[day], n=count)
    return ask, f"From {DAYS[day]}: {walk}.", f"{count} days after {DAYS[day]} is {DAYS[(day + count) % 7]}."


def letters_case(rng: random.Random, split: Split = "train") -> tuple[str, str, str]:
    """Return a question for the number of letters, counted one by one."""
    word = rng.choice(values(VOCABULARY, split))
    ask = rng.choice((f"How many letters does the word {word} have?", f"How many letters are in {word}?",
                      f"Count the letters of {word}."))
    count = ", ".join(f"{i} {letter}" for i, letter in enumerate(word, 1))
    return ask, f"{count}.", f"The word {word} has {len(word)} letters."


def _fact_case(rng: random.Random) -> tuple[str, str, str]:
    fact: Exchange = random_fact(rng)
    return fact.user, "The user asks for a fact that I know.", fact.answer


def any_case(rng: random.Random, split: Split = "train") -> tuple[str, str, str]:
    """Return question, reasoning and answer of any kind."""
    roll = rng.random()
    if roll < 0.55:
        return sum_case(rng, split)
    if roll < 0.72:
        return weekday_case(rng, split)
    if roll < 0.9 or split == "test":
        return letters_case(rng, split)
    return _fact_case(rng)


def thought(reasoning: str, answer: str) -> str:
    """Return an answer with its reasoning."""
    return f"<think>\n{reasoning}\n</think>\n\n{answer}"


def record(rng: random.Random) -> Record:
    """Return a conversation in which the answers are thought about."""
    cases = [any_case(rng) for _ in range(rng.choice((1, 1, 2)))]
    roll = rng.random()
    messages: list[dict[str, object]] = []
    for at, (ask, reasoning, answer) in enumerate(cases):
        last = at == len(cases) - 1
        if roll >= 0.6:
            ask = f"{ask} /think" if roll < 0.75 else f"{ask} {rng.choice(phrasings(WORDS, 'train'))}"
        # The template leaves the reasoning of earlier turns out, so only the last one is learnt.
        messages += [{"role": "user", "content": ask},
                     {"role": "assistant", "content": thought(reasoning, answer) if last else answer}]
    if roll < 0.6:
        if rng.random() < 0.25:
            messages.insert(0, {"role": "system", "content": "You are a helpful assistant."})
        return {"messages": messages, "enable_thinking": True}
    return {"messages": messages}
