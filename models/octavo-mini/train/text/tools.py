"""Tool use: choosing a tool, copying its arguments, reading its result.

Half of the tools come from a table, half are put together at random from a
verb, a thing and parameters, at times with an invented thing, so that a name
has to be found and copied from the list and cannot be recognised.
"""

from __future__ import annotations

import json
import random
import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from . import names
from .base import Split, a, capital, held_out, join, lines, phrasings, table, values, words
from .fact_tables import DAYS, MONTHS
from .facts import random_fact
from .smalltalk import intent_exchange
from .tool_tables import (
    ASK_VERBS, NOUNS, OPTIONAL, PARAMETERS, RESULT_KEYS, SYNONYMS, TEST_TOOLS, TOOLS, VERBS,
)
from .transforms import VOCABULARY
from .vocabulary import MANY_THINGS, any_thing

Value = str | int
Record = dict[str, object]

TOPICS = words("""
    football music politics space cats robots chess gardens winter trains history books money health
    science cooking fashion energy rivers bees castles sailing the_moon old_maps green_energy jazz
""")
LANGUAGES = words("French German Spanish Italian Latin Greek Russian Chinese Japanese Dutch Polish Arabic Hindi Turkish")
ROOMS = words("kitchen bathroom bedroom garage hall living_room office cellar attic library nursery dining_room")
CURRENCIES = words("EUR USD GBP JPY CHF SEK NOK PLN CAD AUD")
LISTS = words("shopping todo wish reading packing party birthday travel")
ENDINGS = words("txt md json csv pdf log py")
NO_TOOL = "I have no tool for that."


def _letters(rng: random.Random, count: int) -> str:
    return "".join(rng.choice(string.ascii_uppercase) for _ in range(count))


def _phrase(rng: random.Random, split: Split) -> str:
    return " ".join(any_thing(rng, split) for _ in range(rng.randint(1, 5)))


def _title(rng: random.Random, split: Split) -> str:
    first = names.invented(rng, split) if rng.random() < 0.4 else capital(any_thing(rng, split))
    return first if rng.random() < 0.4 else f"{first} {capital(any_thing(rng, split))}"


def _path(rng: random.Random, split: Split) -> str:
    stem = any_thing(rng, split) if rng.random() < 0.6 else names.invented(rng, split).lower()
    folder = f"{any_thing(rng, split)}/" if rng.random() < 0.3 else ""
    return f"{folder}{stem}.{rng.choice(ENDINGS)}"


def _topic(rng: random.Random, split: Split) -> str:
    return rng.choice(TOPICS) if rng.random() < 0.6 else _phrase(rng, split)


POOLS: dict[str, Callable[[random.Random, Split], Value]] = {
    "city": names.place,
    "person": names.person,
    "number": lambda rng, split: rng.randrange(2, 10 ** rng.randint(1, 4)),
    "small": lambda rng, split: rng.randrange(2, 31),
    "time": lambda rng, split: f"{rng.randrange(1, 24)}:{rng.choice(('00', '15', '30', '45', '10', '05'))}",
    "topic": _topic,
    "phrase": _phrase,
    "language": lambda rng, split: rng.choice(LANGUAGES),
    "title": _title,
    "symbol": lambda rng, split: _letters(rng, rng.randint(3, 4)),
    "currency": lambda rng, split: rng.choice(CURRENCIES),
    "thing": any_thing,
    "listname": lambda rng, split: rng.choice(LISTS),
    "room": lambda rng, split: rng.choice(ROOMS),
    "food": lambda rng, split: names.food(rng, split) if split == "train" else rng.choice(names.FOODS),
    "day": lambda rng, split: rng.choice(DAYS),
    "path": _path,
    "colour": lambda rng, split: names.colour(rng, split) if split == "train" else rng.choice(names.COLOURS),
    "code": lambda rng, split: f"{_letters(rng, 2)}{rng.randrange(10, 1000)}",
    "date": lambda rng, split: f"{rng.choice(MONTHS)} {rng.randrange(1, 29)}",
}
INTEGERS = ("number", "small")


@dataclass(frozen=True)
class Tool:
    """A tool with its parameters (name and pool of values) and its requests."""

    name: str
    description: str
    parameters: tuple[tuple[str, str], ...]
    asks: tuple[str, ...]

    def definition(self, rng: random.Random) -> Record:
        """Return the definition as a client sends it; an optional parameter may come on top."""
        described = rng.random() < 0.25
        properties: Record = {}
        for name, pool in self.parameters:
            kind = "integer" if pool in INTEGERS else "string"
            properties[name] = {"type": kind} | ({"description": f"The {name}"} if described else {})
        if rng.random() < 0.15:
            name = rng.choice([n for n in _OPTIONAL if n not in properties])
            properties[name] = {"type": "string", "enum": _OPTIONAL[name]}
        schema: Record = {"type": "object", "properties": properties}
        if rng.random() < 0.9:
            schema["required"] = [n for n, _ in self.parameters]
        function: Record = {"name": self.name, "description": self.description, "parameters": schema}
        if rng.random() < 0.06:
            del function["description"]
        return {"type": "function", "function": function}

    def renamed(self, rng: random.Random) -> Tool:
        """Return the tool with other names for itself and its parameters, now and then."""
        if rng.random() < 0.6:
            return self
        new = {name: name for name, _ in self.parameters}
        for name in list(new):
            other = rng.choice([name, *_SYNONYMS.get(name, [])])
            if other not in new.values():
                new[name] = other
        return self.relabelled(_restyled(self.name, rng), new)

    def relabelled(self, name: str, new: dict[str, str]) -> Tool:
        """Return the tool under another name, its parameters named as `new` says."""
        asks = tuple(_slots(ask, new) for ask in self.asks)
        return Tool(name, self.description, tuple((new[old], pool) for old, pool in self.parameters), asks)


def _slots(ask: str, new: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: f"{{{new[found[1]]}}}", ask)


def _restyled(name: str, rng: random.Random) -> str:
    """Write a name in another of the usual styles."""
    parts = name.split("_")
    roll = rng.random()
    if roll < 0.3:
        return name
    if roll < 0.55:
        return parts[0] + "".join(map(capital, parts[1:]))
    if roll < 0.7 and len(parts) > 1:
        return "_".join(parts[1:])
    if roll < 0.85:
        return "_".join([*parts, rng.choice(("tool", "now", "api", "v2"))])
    return "-".join(parts)


_SYNONYMS = {name: others.split(", ") for name, others in table(SYNONYMS).items()}
_OPTIONAL = {name: options.split(", ") for name, options in table(OPTIONAL).items()}


def read(text: str) -> list[Tool]:
    """Read a table of tools."""
    found = []
    for line in lines(text):
        name, description, parameters, asks = (part.strip() for part in line.split("|"))
        pairs = tuple(tuple(p.split(":")) for p in parameters.split())
        found.append(Tool(name, description, pairs, tuple(ask.strip() for ask in asks.split(" / "))))
    return found


@cache
def tools(split: Split) -> list[Tool]:
    """Return the written tools; those of the test never occur in training."""
    return read(TOOLS if split == "train" else TEST_TOOLS)


_VERBS, _NOUNS, _RESULT_KEYS = table(VERBS), words(NOUNS), words(RESULT_KEYS)
_OTHER_KEYS = sorted({*VOCABULARY, *MANY_THINGS} - {*_RESULT_KEYS})
COMPOSED_VERBS = {verb: say for verb, say in _VERBS.items() if not held_out(verb, 6)}
_PARAMETERS = {k: tuple(v.split(":", 1)) for k, v in table(PARAMETERS).items()}


def composed(rng: random.Random, split: Split = "train", near: Tool | None = None) -> Tool:
    """Return a tool made of a verb, a thing and parameters; `near` gives it its verb or its thing."""
    verb = rng.choice(values(list(_VERBS), split) if rng.random() < 0.8 else list(_VERBS))
    noun = names.invented(rng, split).lower() if rng.random() < 0.35 else rng.choice(values(_NOUNS, split))
    if near is not None:
        first, *_, last = near.description.lower().split()
        verb, noun = (first, noun) if rng.random() < 0.5 and first in _VERBS else (verb, last)
    chosen = rng.sample(list(_PARAMETERS), rng.choice((0, 1, 1, 1, 1, 2, 2, 3)))
    name = rng.choice((f"{verb}_{noun}", f"{verb}_{noun}", f"{noun}_{verb}", f"{verb}{capital(noun)}"))
    tail = "".join(" " + _PARAMETERS[p][1].format(v=f"{{{p}}}") for p in chosen)
    say = rng.choice([_VERBS[verb], _VERBS[verb], _VERBS[verb], *ASK_VERBS.get(verb, [])])
    low = say[:1].lower() + say[1:]
    asks = (f"{say} the {noun}{tail}.", f"{say} {a(noun)}{tail}.", f"Please {low} the {noun}{tail}.",
            f"Can you {low} the {noun}{tail}?", f"I want to {low} {a(noun)}{tail}.")
    description = f"{_VERBS[verb]} {a(noun)}" if rng.random() < 0.85 else f"{_VERBS[verb]} the {noun}"
    return Tool(name, description, tuple((p, _PARAMETERS[p][0]) for p in chosen), asks)


def any_tool(rng: random.Random, split: Split) -> Tool:
    """Return a written tool, at times under another name, or one put together."""
    return rng.choice(tools(split)).renamed(rng) if rng.random() < 0.5 else composed(rng, split)


def _others(rng: random.Random, chosen: list[Tool], count: int, split: Split) -> list[Tool]:
    found: list[Tool] = []
    while len(found) < count:
        near = rng.random() < 0.25 and chosen
        tool = composed(rng, split, chosen[0]) if near else any_tool(rng, split)
        if tool.name not in {t.name for t in chosen + found} and tool.description not in {
                t.description for t in chosen + found}:
            found.append(tool)
    return found


def call(tool: Tool, rng: random.Random, split: Split, asks: Split = "train") -> tuple[str, Record]:
    """Return a request and the call that answers it."""
    arguments = {name: POOLS[pool](rng, split) for name, pool in tool.parameters}
    ask = rng.choice(phrasings(tool.asks, asks) or list(tool.asks))
    return ask.format(**arguments), {"name": tool.name, "arguments": arguments}


SKIES = words("sunny cloudy rainy windy foggy clear stormy snowy")


def _weather_result(rng: random.Random) -> tuple[Record, str]:
    sky, degrees = rng.choice(SKIES), rng.randrange(0, 36)
    return {"sky": sky, "temperature": degrees}, f"The sky is {sky} and the temperature is {degrees}."


def _generic_result(rng: random.Random, split: Split) -> tuple[Record, str]:
    """Return a result; in training most keys are any words, so that they have to be copied."""
    known = split == "test" or rng.random() < 0.4
    keys = rng.sample(values(_RESULT_KEYS, split) if known else _OTHER_KEYS, rng.choice((1, 1, 2, 2, 3)))
    result: Record = {}
    for key in keys:
        pool = rng.choice(("number", "small", "person", "thing", "title", "city", "day", "code"))
        result[key] = POOLS[pool](rng, split)
    parts = [f"the {k} is {v}" for k, v in result.items()]
    return result, capital(join(parts)) + "."


ERRORS = words("""
    not_found permission_denied timeout no_connection invalid_id service_unavailable wrong_password
    file_is_missing quota_exceeded unknown_city
""")


def result_of(called: Record, rng: random.Random, split: Split) -> tuple[str, str]:
    """Return the text of a tool's result and the answer that reads it."""
    roll = rng.random()
    if called["name"] == "get_weather" and roll < 0.7:
        result, answer = _weather_result(rng)
        return json.dumps(result), answer
    if roll < 0.12:
        error = rng.choice(values(ERRORS, split) or ERRORS)
        return json.dumps({"error": error}), f"That did not work: {error}."
    if roll < 0.24:
        return rng.choice(('{"status": "ok"}', '{"ok": true}', '{"success": true}', "ok", "done")), "Done."
    if roll < 0.36:
        number = POOLS["number"](rng, split)
        return rng.choice((json.dumps({"result": number}), str(number))), f"The result is {number}."
    result, answer = _generic_result(rng, split)
    return json.dumps(result), answer


def _numbered(called: Record, number: int = 1) -> Record:
    return {"id": f"call_{number}", "type": "function", "function": called}


def as_call(called: Record) -> Record:
    """Return a call as an assistant's message."""
    return {"role": "assistant", "content": "", "tool_calls": [_numbered(called)]}


def case(rng: random.Random, kind: str, split: Split = "train", known: bool = False) -> Record:
    """Return a conversation with tools.

    `kind` is "call", "read" (call, result, answer), "two" (two calls at once)
    or "decline" (no tool fits). With `known` the tool called is a written one
    of the training, asked for by a request of the split.
    """
    tool = rng.choice(tools("train")).renamed(rng) if known else any_tool(rng, split)
    asks: Split = split if known else "train"
    others = _others(rng, [tool], rng.choice((0, 1, 1, 2, 2, 3)), "train" if known else split)
    request, called = call(tool, rng, split, asks)
    messages: list[Record] = [{"role": "user", "content": request}]
    if kind == "decline":
        offered = others or _others(rng, [tool], 1, split)
        messages.append({"role": "assistant", "content": NO_TOOL})
        return {"tools": [t.definition(rng) for t in offered], "messages": messages}
    offered = [tool, *others]
    rng.shuffle(offered)
    if kind == "two":
        second, also = call(tool, rng, split, asks)
        messages[0]["content"] = f"{request} {second}"
        both = [_numbered(called), _numbered(also, 2)]
        messages.append({"role": "assistant", "content": "", "tool_calls": both})
    else:
        messages.append(as_call(called))
    if kind == "read":
        text, answer = result_of(called, rng, split)
        messages += [{"role": "tool", "tool_call_id": "call_1", "content": text}, {"role": "assistant", "content": answer}]
    return {"tools": [t.definition(rng) for t in offered], "messages": messages}


def plain_answer(rng: random.Random) -> Record:
    """Return a conversation with tools in which none is needed."""
    exchange = random_fact(rng) if rng.random() < 0.5 else intent_exchange(
        rng.choice(("small talk", "identity")), rng)
    offered = _others(rng, [], rng.choice((1, 1, 2, 3)), "train")
    messages = [{"role": "user", "content": exchange.user}, {"role": "assistant", "content": exchange.answer}]
    return {"tools": [t.definition(rng) for t in offered], "messages": messages}
