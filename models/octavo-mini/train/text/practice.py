"""Copying practice: texts whose second half follows from the first.

Recall needs attention that finds an earlier token and copies what followed it.
In chats few tokens ask for that, here every one does.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from .base import capital, join
from .names import person, syllables
from .vocabulary import any_thing

Record = dict[str, object]


def _unit(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.3:
        return any_thing(rng)
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


def _key(rng: random.Random) -> str:
    roll = rng.random()
    if roll < 0.2:
        return syllables(rng).lower()
    return any_thing(rng) if roll < 0.8 else f"{any_thing(rng)}_{any_thing(rng)}"


def _value(rng: random.Random) -> str | int:
    roll = rng.random()
    if roll < 0.25:
        return rng.randrange(10 ** rng.randint(1, 4))
    return _unit(rng) if roll < 0.7 else " ".join(_unit(rng) for _ in range(rng.randint(2, 3)))


def _sentences(pairs: dict[str, str | int], rng: random.Random) -> str:
    form = rng.choice(("The {k} is {v}.", "{k}: {v}", "{k} = {v}", "the {k} {v},", "with the {k} {v}", "{v} is the {k}."))
    return rng.choice((" ", "\n")).join(form.format(k=key, v=value) for key, value in pairs.items())


def fields_record(rng: random.Random) -> Record:
    """Return pairs in words and some of them as JSON, or JSON and its pairs in words."""
    pairs = {_key(rng): _value(rng) for _ in range(rng.randint(1, 6))}
    if rng.random() < 0.3:
        said = join([f"the {key} is {value}" for key, value in pairs.items()])
        return {"prompt": f"{json.dumps(pairs)}\n", "text": capital(said) + "."}
    asked = rng.sample(list(pairs), rng.randint(1, len(pairs)))
    kinds = {key: {"type": "integer" if isinstance(pairs[key], int) else "string"} for key in asked}
    wanted = json.dumps(kinds) if rng.random() < 0.4 else ", ".join(asked)
    chosen = json.dumps({key: pairs[key] for key in asked})
    told = _sentences(pairs, rng)
    prompt = f"{told}\n{wanted}\n" if rng.random() < 0.5 else f"{wanted}\n{told}\n"
    return {"prompt": prompt, "text": chosen}


# How the words of an identifier are put together; the words of `said` stand as people write them.
_STYLES: tuple[Callable[[list[str]], str], ...] = (
    "_".join, "-".join, lambda parts: parts[0] + "".join(map(capital, parts[1:])), lambda parts: "".join(map(capital, parts)),
    lambda parts: f"get_{'_'.join(parts)}",
)
_SAID: tuple[Callable[[list[str]], str], ...] = (
    lambda parts: capital(" ".join(parts)), " ".join, lambda parts: " ".join(map(capital, parts)),
    lambda parts: f"{capital(parts[0])} {' '.join(['the', *parts[1:]])}", lambda parts: " ".join(parts).upper(),
)


def identifier_record(rng: random.Random) -> Record:
    """Return words as people write them and the same words as identifiers, or the other way round.

    A word has other tokens behind a space, at the beginning of a sentence and in an identifier; to find a tool
    by its name the model has to know them as one.
    """
    style, said = rng.choice(_STYLES), rng.choice(_SAID)
    link = rng.choice((" -> ", ": ", " = ", " => "))
    turned = rng.random() < 0.25
    pieces: list[tuple[str, float]] = []
    for _ in range(rng.randint(3, 9)):
        parts = [word for _ in range(rng.randint(1, 3)) for word in _key(rng).replace("_", " ").split()]
        pair = said(parts), style([part.lower() for part in parts])
        first, second = reversed(pair) if turned else pair
        pieces += [(f"{first}{link}", 0.0), (f"{second}\n", 1.0)]
    return {"pieces": pieces}
