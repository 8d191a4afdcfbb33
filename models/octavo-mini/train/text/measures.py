"""Computed exchanges about units, dates and weekdays."""

from __future__ import annotations

import random

from .base import Exchange, Split, held_out, lines, phrasings
from .fact_tables import DAYS, MONTHS

# larger unit, smaller unit, how many of the smaller make one of the larger
_UNITS = [
    ("kilometre", "kilometres", "metres", 1000), ("metre", "metres", "centimetres", 100),
    ("centimetre", "centimetres", "millimetres", 10), ("kilogram", "kilograms", "grams", 1000),
    ("litre", "litres", "millilitres", 1000), ("hour", "hours", "minutes", 60),
    ("minute", "minutes", "seconds", 60), ("day", "days", "hours", 24), ("week", "weeks", "days", 7),
    ("year", "years", "months", 12), ("dozen", "dozen", "pieces", 12), ("euro", "euros", "cents", 100),
]
DOWN_ASKS = lines("""
    How many {s} are in {n} {l}?
    Convert {n} {l} to {s}.
    How many {s} are {n} {l}?
    {n} {l} in {s}?
    What is {n} {l} in {s}?
    What are {n} {l} in {s}?
    {n} {l} is how many {s}?
    Change {n} {l} into {s}.
    Turn {n} {l} into {s}.
    How many {s} make {n} {l}?
    Tell me {n} {l} in {s}.
    Please convert {n} {l} into {s}.
""")
UP_ASKS = lines("""
    How many {l} are {n} {s}?
    Convert {n} {s} to {l}.
    {n} {s} in {l}?
    What is {n} {s} in {l}?
    Change {n} {s} into {l}.
    Express {n} {s} in {l}.
    {n} {s} is how many {l}?
    Turn {n} {s} into {l}.
    Tell me {n} {s} in {l}.
    How many {l} make {n} {s}?
    Convert {n} {s} into {l}.
    Please convert {n} {s} into {l}.
""")
SHIFT_ASKS = {
    1: lines("""
        Today is {d}. Which day is it in {n} days?
        What day is it {n} days after {d}?
        Which weekday comes {n} days after {d}?
        If today is {d}, what day is it in {n} days?
        It is {d}. What day will it be in {n} days?
        Which day is {n} days after {d}?
        {n} days after {d} is which day?
    """),
    -1: lines("""
        What day is it {n} days before {d}?
        Which weekday is {n} days before {d}?
        Today is {d}. Which day was it {n} days ago?
        If today is {d}, what day was it {n} days ago?
        {n} days before {d} is which day?
        Which day is {n} days before {d}?
    """),
}
_LENGTHS = dict(zip(MONTHS, (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)))
LENGTH_ASKS = lines("""
    How many days does {m} have?
    How many days are in {m}?
    How long is {m}?
    How many days has {m}?
    {m} has how many days?
    What is the number of days in {m}?
    Tell me how many days {m} has.
""")
NEXT_DATE_ASKS = lines("""
    What date comes after {d}?
    Which date is the day after {d}?
    What is the day after {d}?
    Today is {d}. What is the date tomorrow?
    Which date follows {d}?
    Tell me the date after {d}.
    If today is {d}, what date is tomorrow?
""")


def conversion(rng: random.Random, split: Split = "train", asks: Split = "train") -> Exchange:
    """Return a conversion between two units, whole numbers only."""
    while True:
        single, larger, smaller, factor = rng.choice(_UNITS)
        number = rng.randrange(2, 21 if factor in (10, 100, 1000) else 11)
        if held_out(f"{number} {larger}", 6) == (split == "test"):
            break
    if rng.random() < 0.6:
        ask = rng.choice(phrasings(DOWN_ASKS, asks))
        text = f"{number} {larger} are {number * factor} {smaller}."
        return Exchange(ask.format(n=number, l=larger, s=smaller), text, "units")
    ask = rng.choice(phrasings(UP_ASKS, asks))
    text = f"{number * factor} {smaller} are {number} {larger}."
    return Exchange(ask.format(n=number * factor, l=larger, s=smaller), text, "units")


def weekday(rng: random.Random, split: Split = "train", asks: Split = "train") -> Exchange:
    """Return a question for a weekday some days away."""
    while True:
        day, count, way = rng.randrange(7), rng.randrange(2, 7), rng.choice((1, 1, -1))
        if held_out(f"{DAYS[day]}{count * way}", 7) == (split == "test"):
            break
    ask = rng.choice(phrasings(SHIFT_ASKS[way], asks))
    found = DAYS[(day + way * count) % 7]
    side = "after" if way > 0 else "before"
    return Exchange(ask.format(d=DAYS[day], n=count), f"{count} days {side} {DAYS[day]} is {found}.", "dates")


def month_length(rng: random.Random, asks: Split = "train") -> Exchange:
    """Return a question for the length of a month."""
    month = rng.choice(MONTHS)
    ask = rng.choice(phrasings(LENGTH_ASKS, asks))
    return Exchange(ask.format(m=month), f"{month} has {_LENGTHS[month]} days.", "dates")


def next_date(rng: random.Random, split: Split = "train", asks: Split = "train") -> Exchange:
    """Return a question for the date after another one."""
    while True:
        month = rng.randrange(12)
        length = _LENGTHS[MONTHS[month]]
        day = length if rng.random() < 0.25 else rng.randrange(1, length)
        date = f"{MONTHS[month]} {day}"
        if held_out(date, 7) == (split == "test"):
            break
    if day == 28 and month == 1:
        return month_length(rng, asks)
    after = f"{MONTHS[month]} {day + 1}" if day < length else f"{MONTHS[(month + 1) % 12]} 1"
    ask = rng.choice(phrasings(NEXT_DATE_ASKS, asks))
    return Exchange(ask.format(d=date), f"The day after {date} is {after}.", "dates")


def dates(rng: random.Random, split: Split = "train", asks: Split = "train") -> Exchange:
    """Return any question about weekdays and dates."""
    roll = rng.random()
    if roll < 0.5:
        return weekday(rng, split, asks)
    if roll < 0.6 and split == "train":
        return month_length(rng, asks)
    return next_date(rng, split, asks)
