"""Answers as JSON of a schema that the question or the system prompt gives."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence

from . import names
from .base import Split, lines, phrasings, words
from .tools import POOLS, Record, Value
from .transforms import VOCABULARY
from .vocabulary import MANY_THINGS

# field, pool of values, sentences that tell it
_FIELDS: dict[str, tuple[str, list[str]]] = {
    "city": ("city", ["{n} lives in {v}.", "{n} is from {v}.", "{n} comes from {v}."]),
    "age": ("small", ["{n} is {v} years old.", "{n} is {v}.", "The age of {n} is {v}."]),
    "job": ("job", ["{n} works as a {v}.", "{n} is a {v}.", "The job of {n} is {v}."]),
    "colour": ("colour", ["{n} likes the colour {v}.", "The colour of {n} is {v}.", "{n} likes {v}."]),
    "food": ("food", ["{n} likes to eat {v}.", "{n} eats {v}.", "{n} loves {v}."]),
    "pet": ("pet", ["{n} has a {v}.", "{n} owns a {v}.", "The pet of {n} is a {v}."]),
    "hobby": ("hobby", ["{n} enjoys {v}.", "The hobby of {n} is {v}.", "{n} spends the day {v}."]),
    "room": ("room", ["{n} sits in the {v}.", "{n} is in the {v}.", "{n} waits in the {v}."]),
    "day": ("day", ["{n} comes on {v}.", "{n} arrives on {v}.", "We see {n} on {v}."]),
    "id": ("number", ["{n} has the id {v}.", "The id of {n} is {v}.", "{n} is number {v}."]),
    "friend": ("person", ["{n} has a friend called {v}.", "The friend of {n} is {v}.", "{n} is a friend of {v}."]),
    "code": ("code", ["{n} has the code {v}.", "The code of {n} is {v}.", "{n} uses the code {v}."]),
    "price": ("number", ["{n} pays {v}.", "{n} costs {v}.", "The price of {n} is {v}."]),
    "language": ("language", ["{n} speaks {v}.", "{n} learns {v}.", "The language of {n} is {v}."]),
}
_MORE: dict[str, Callable[[random.Random, Split], Value]] = {
    "job": lambda rng, split: names.job(rng, split) if split == "train" else rng.choice(names.JOBS),
    "pet": lambda rng, split: names.pet(rng, split) if split == "train" else rng.choice(names.PETS),
    "hobby": lambda rng, split: names.hobby(rng, split) if split == "train" else rng.choice(names.HOBBIES),
}
_KEYS = [*VOCABULARY, *MANY_THINGS]
HEADS = lines("""
    Answer as JSON with this schema:
    Answer with JSON of this schema:
    Reply as JSON. Schema:
    Use this JSON schema:
    Give the answer as JSON with the schema
    Return JSON that fits this schema:
    Fill in this JSON schema:
    Put this into JSON with this schema:
    Extract JSON of this schema:
    Answer in JSON. The schema is
    Write JSON for this schema:
    The answer is JSON with this schema:
""")


def _pool(field: str, rng: random.Random, split: Split) -> Value:
    name = _FIELDS[field][0]
    return (_MORE.get(name) or POOLS[name])(rng, split)


def _schema(keys: dict[str, str], rng: random.Random) -> str:
    properties = {key: {"type": kind} for key, kind in keys.items()}
    schema: Record = {"type": "object", "properties": properties}
    if rng.random() < 0.7:
        schema["required"] = list(keys)
    return json.dumps(schema)


def _kind(value: Value) -> str:
    return "integer" if isinstance(value, int) else "string"


def _person(rng: random.Random, split: Split, fields: Sequence[str] = ()) -> tuple[str, dict[str, Value]]:
    """Return sentences about a person, and the details in them; `fields` says which, in any order."""
    name = names.person(rng, split)
    chosen = rng.sample(fields or list(_FIELDS), len(fields) or rng.randint(1, 4))
    told = {field: _pool(field, rng, split) for field in chosen}
    sentences = [rng.choice(_FIELDS[f][1]).format(n=name, v=v) for f, v in told.items()]
    pronoun = rng.choice(("He", "She"))
    for at, sentence in enumerate(sentences[1:], 1):
        if sentence.startswith(f"{name} ") and rng.random() < 0.5:
            sentences[at] = pronoun + sentence.removeprefix(name)
    return " ".join(sentences), {"name": name, **told}


def _things(rng: random.Random, split: Split) -> tuple[str, dict[str, Value]]:
    """Return sentences that give values to words, which are the keys."""
    keys = rng.sample(VOCABULARY if split == "test" else _KEYS, rng.randint(1, 3))
    details: dict[str, Value] = {}
    for key in keys:
        details[key] = POOLS[rng.choice(("number", "person", "thing", "title"))](rng, split)
    return " ".join(f"The {k} is {v}." for k, v in details.items()), details


def _list_case(rng: random.Random, split: Split) -> tuple[str, str, str]:
    items = [str(POOLS[rng.choice(("thing", "person"))](rng, split)) for _ in range(rng.randint(2, 4))]
    key = rng.choice(words("items names words list values"))
    schema = {"type": "object", "properties": {key: {"type": "array", "items": {"type": "string"}}},
              "required": [key]}
    return ", ".join(items), json.dumps(schema), json.dumps({key: items})


def case(rng: random.Random, split: Split = "train", asks: Split = "train") -> Record:
    """Return a request for JSON with its answer; the keys stand in the schema's order."""
    if rng.random() < 0.2:
        text, schema, answer = _list_case(rng, split)
    else:
        text, details = _person(rng, split) if rng.random() < 0.7 else _things(rng, split)
        keys = [k for k in details if rng.random() < 0.75] or list(details)
        rng.shuffle(keys)
        schema = _schema({k: _kind(details[k]) for k in keys}, rng)
        answer = json.dumps({k: details[k] for k in keys}, ensure_ascii=False)
    head = f"{rng.choice(phrasings(HEADS, asks))} {schema}"
    if rng.random() < 0.5:
        return {"messages": [{"role": "system", "content": head}, {"role": "user", "content": text},
                             {"role": "assistant", "content": answer}]}
    ask = f"{head}\n{text}" if rng.random() < 0.5 else f"{text}\n{head}"
    return {"messages": [{"role": "user", "content": ask}, {"role": "assistant", "content": answer}]}


def _about_people(rng: random.Random) -> Callable[[], tuple[str, dict[str, Value]]]:
    fields = rng.sample(list(_FIELDS), rng.randint(1, 4))
    return lambda: _person(rng, "train", fields)


def _about_things(rng: random.Random) -> Callable[[], tuple[str, dict[str, Value]]]:
    pools = {key: rng.choice(("number", "person", "thing", "title")) for key in rng.sample(_KEYS, rng.randint(1, 4))}

    def told() -> tuple[str, dict[str, Value]]:
        details = {key: POOLS[pools[key]](rng, "train") for key in rng.sample(list(pools), len(pools))}
        return " ".join(f"The {k} is {v}." for k, v in details.items()), details

    return told


def series(rng: random.Random) -> Record:
    """Return several texts about people or things, each answered as JSON of the one schema of the system prompt."""
    make = _about_people(rng) if rng.random() < 0.6 else _about_things(rng)
    texts = [make() for _ in range(rng.randint(2, 6))]
    _, first = texts[0]
    keys = rng.sample(list(first), max(1, len(first) - rng.choice((0, 0, 1))))
    messages: list[dict[str, str]] = []
    for text, details in texts:
        answer = json.dumps({key: details[key] for key in keys}, ensure_ascii=False)
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]
    head = f"{rng.choice(phrasings(HEADS, 'train'))} {_schema({key: _kind(first[key]) for key in keys}, rng)}"
    return {"messages": [{"role": "system", "content": head}, *messages]}
