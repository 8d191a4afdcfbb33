"""Conversations with tools of the training: several requests about one list of tools.

A list of tools is long and a call is short, so a conversation that asks for
several calls gives more practice for the same length.
"""

from __future__ import annotations

import random

from .base import a, capital, words
from .facts import random_fact
from .smalltalk import intent_exchange
from .tool_tables import MORE_TOOLS, NOUNS
from .tools import (
    COMPOSED_VERBS, NO_TOOL, POOLS, Record, Tool, any_tool, as_call, call, case, composed, plain_answer, read, result_of,
)
from .transforms import VOCABULARY

_MORE = read(MORE_TOOLS)
_THINGS = [word for word in VOCABULARY if word not in words(NOUNS)]
_LINKS = ("with the {p} {v}", "with {p} {v}", "for the {p} {v}", "of {p} {v}", "and the {p} is {v}", "where the {p} is {v}")


def free(rng: random.Random) -> Tool:
    """Return a tool whose thing and parameters are any words of the vocabulary; a request names each parameter."""
    verb, say = rng.choice(list(COMPOSED_VERBS.items()))
    noun, *names = rng.sample(_THINGS, rng.choice((2, 2, 3, 3, 4)))
    pools = {name: rng.choice(list(POOLS)) for name in names}
    link = rng.choice(_LINKS)
    tail = " ".join(link.replace("{p}", name).replace("{v}", f"{{{name}}}") for name in pools)
    asks = (f"{say} the {noun} {tail}.", f"Please {say.lower()} {a(noun)} {tail}.", f"I want to {say.lower()} the {noun} {tail}.")
    name = rng.choice((f"{verb}_{noun}", f"{verb}{capital(noun)}", f"{noun}_{verb}"))
    return Tool(name, f"{say} the {noun}", tuple(pools.items()), asks)


def _tool(rng: random.Random) -> Tool:
    roll = rng.random()
    if roll < 0.3:
        return rng.choice(_MORE).renamed(rng)
    if roll < 0.5:
        return free(rng)
    return any_tool(rng, "train")


def _different(rng: random.Random, count: int) -> list[Tool]:
    found: list[Tool] = []
    while len(found) < count:
        tool = composed(rng, "train", found[0]) if found and rng.random() < 0.15 else _tool(rng)
        if all(tool.name != t.name and tool.description != t.description for t in found):
            found.append(tool)
    return found


def _called(tool: Tool, rng: random.Random, last: bool) -> list[Record]:
    request, made = call(tool, rng, "train")
    messages: list[Record] = [{"role": "user", "content": request}, as_call(made)]
    if last and rng.random() < 0.6:
        return messages
    text, answer = result_of(made, rng, "train")
    return [*messages, {"role": "tool", "tool_call_id": "call_1", "content": text}, {"role": "assistant", "content": answer}]


def _plain(rng: random.Random) -> list[Record]:
    exchange = random_fact(rng) if rng.random() < 0.5 else intent_exchange(rng.choice(("small talk", "identity")), rng)
    return [{"role": "user", "content": exchange.user}, {"role": "assistant", "content": exchange.answer}]


def dialogue(rng: random.Random) -> Record:
    """Return a conversation of several requests: most call a tool, some fit none, some need none."""
    offered, spare = rng.choice((1, 2, 2, 3, 3, 4)), 2
    found = _different(rng, offered + spare)
    offered_tools, missing = found[spare:], found[:spare]
    messages: list[Record] = []
    turns = rng.choice((1, 2, 3, 3, 4, 5))
    for turn in range(turns):
        roll = rng.random()
        if roll < 0.14:
            request, _ = call(rng.choice(missing), rng, "train")
            messages += [{"role": "user", "content": request}, {"role": "assistant", "content": NO_TOOL}]
        elif roll < 0.17:
            messages += _plain(rng)
        else:
            messages += _called(rng.choice(offered_tools), rng, turn == turns - 1)
    return {"tools": [t.definition(rng) for t in offered_tools], "messages": messages}


def strange(tool: Tool, rng: random.Random) -> Tool:
    """Return the tool with any words for the names of its parameters, so that they have to be looked up."""
    new = {name: name for name, _ in tool.parameters}
    for name in list(new):
        roll = rng.random()
        if roll < 0.4:
            continue
        other = rng.choice(_THINGS) if roll < 0.8 else f"{rng.choice(_THINGS)}_{rng.choice((name, 'id', 'name', 'value'))}"
        if other not in new.values():
            new[name] = other
    return tool.relabelled(tool.name, new)


def drill(rng: random.Random) -> Record:
    """Return many short requests about few tools; of seven, one fits none of them."""
    offered = rng.choice((1, 2, 2, 2, 3))
    found = [strange(tool, rng) for tool in _different(rng, offered + 2)]
    offered_tools, missing = found[:offered], found[offered:]
    messages: list[Record] = []
    for _ in range(rng.randint(3, 6)):
        if rng.random() < 0.15:
            request, _ = call(rng.choice(missing), rng, "train")
            messages += [{"role": "user", "content": request}, {"role": "assistant", "content": NO_TOOL}]
        else:
            messages += _called(rng.choice(offered_tools), rng, rng.random() < 0.7)
    return {"tools": [t.definition(rng) for t in offered_tools], "messages": messages}


def tool_record(rng: random.Random) -> Record:
    """Return a conversation with tools of the training split."""
    kind = rng.choices(("dialogue", "call", "read", "two", "decline", "plain"), (54, 18, 10, 3, 11, 4))[0]
    if kind == "dialogue":
        record = dialogue(rng)
    else:
        record = plain_answer(rng) if kind == "plain" else case(rng, kind)
    messages: list[Record] = record["messages"]  # type: ignore[assignment]
    if rng.random() < 0.15:
        system = rng.choice(("You are a helpful assistant.", "Use the tools.", "You can call tools."))
        messages.insert(0, {"role": "system", "content": system})
    return record
