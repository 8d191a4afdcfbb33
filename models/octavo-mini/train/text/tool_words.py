"""Practice in choosing a tool that a request means in other words than its description.

Each of these tools is asked for in seven or more ways, most of which share no
word with its description. Half of a list's tools stand near another one in
their table, so that a single word does not give the choice away.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace

from .base import phrasings
from .choosing import FORMS, coined_name
from .tool_asks import MORE_ASKS
from .tool_chats import strange
from .tool_tables import MORE_TOOLS, TOOLS
from .tools import NO_TOOL, POOLS, Record, Tool, as_call, read, tools
from .tools_computers import COMPUTER_TOOLS
from .tools_home import HOME_TOOLS
from .tools_office import OFFICE_TOOLS
from .tools_travel import TRAVEL_TOOLS


def _known() -> list[Tool]:
    """Return the written tools of the training with all their requests that are not held out."""
    more = {tool.name: tool.asks for tool in read(MORE_ASKS)}
    found = []
    for table, split in ((TOOLS, True), (MORE_TOOLS, False)):
        for tool in read(table):
            asks = tuple(phrasings(tool.asks, "train")) if split else tool.asks
            found.append(replace(tool, asks=asks + more.get(tool.name, ())))
    return found


def _shape(ask: str) -> str:
    """Return a request without what its parameters are called."""
    return re.sub(r"\{\w+\}", "{}", ask).lower().rstrip(".?!")


def _refuse_held_out(fields: list[list[Tool]]) -> None:
    """See to it that no request of the test is asked here."""
    asks = [phrasings(tool.asks, "test") for tool in tools("train")] + [tool.asks for tool in tools("test")]
    held = {_shape(ask) for some in asks for ask in some}
    for ask in (ask for field in fields for tool in field for ask in tool.asks):
        if _shape(ask) in held:
            raise ValueError(f"held out, and here too: {ask}")


_FIELDS = [_known(), *(read(table) for table in (HOME_TOOLS, TRAVEL_TOOLS, OFFICE_TOOLS, COMPUTER_TOOLS))]
_refuse_held_out(_FIELDS)
_SIZES = [len(field) for field in _FIELDS]
_NEAR = 8


def _drawn(rng: random.Random, count: int) -> list[Tool]:
    """Return tools that no request could mean both of; half of them stand near another one in the tables."""
    found: list[tuple[int, int]] = []
    taken: set[str] = set()
    while len(found) < count:
        if found and rng.random() < 0.5:
            field, near = rng.choice(found)
            at = min(max(near + rng.randint(-_NEAR, _NEAR), 0), _SIZES[field] - 1)
        else:
            field = rng.choices(range(len(_FIELDS)), _SIZES)[0]
            at = rng.randrange(_SIZES[field])
        tool = _FIELDS[field][at]
        marks = {tool.name, tool.description.lower(), *map(_shape, tool.asks)}
        if taken.isdisjoint(marks):
            taken |= marks
            found.append((field, at))
    rng.shuffle(found)
    return [_FIELDS[field][at] for field, at in found]


def _request(tool: Tool, rng: random.Random) -> tuple[str, Record]:
    """Return a request for a tool as people type it, and the call that answers it."""
    arguments = {name: POOLS[pool](rng, "train") for name, pool in tool.parameters}
    ask = rng.choice(tool.asks)
    said = ask.format(**arguments)
    if rng.random() < 0.1 and said[0].isupper() and not ask.startswith(("I", "{")):
        said = said[0].lower() + said[1:]
    if rng.random() < 0.1:
        said = said.rstrip(".")
    return said, {"name": tool.name, "arguments": arguments}


def _shown(tool: Tool, rng: random.Random) -> Tool:
    """Return the tool as it is offered: now and then its name says nothing, or its parameters have other names."""
    if rng.random() < 0.2:
        tool = tool.relabelled(coined_name(rng), {name: name for name, _ in tool.parameters})
    return strange(tool, rng) if rng.random() < 0.15 else tool.renamed(rng)


def _offer(rng: random.Random, most: int, hide: int) -> tuple[list[Tool], list[Tool]]:
    """Return the tools of a list, and others near them that it does not hold."""
    found = [_shown(tool, rng) for tool in _drawn(rng, rng.randint(1, most) + hide)]
    shown: dict[str, Tool] = {tool.name: tool for tool in found[hide:]}
    return list(shown.values()), found[:hide]


def _asked(shown: list[Tool], hidden: list[Tool], rng: random.Random, none: float) -> list[tuple[Tool, bool]]:
    """Return the tools that requests ask for, each once or twice, and whether the list holds them."""
    found = [(tool, True) for tool in shown for _ in range(1 if rng.random() < 0.8 else 2)]
    found += [(rng.choice(hidden), False) for _ in range(sum(rng.random() < none for _ in found))]
    rng.shuffle(found)
    return found


def lines_record(rng: random.Random) -> Record:
    """Return a list of tools as plain lines, and requests with the name that each of them means."""
    shown, hidden = _offer(rng, 7, 3)
    line, otherwise, before = rng.choice(FORMS)
    none = rng.choice(("none", "nothing"))
    end = '"}\n' if before.endswith('"') else "\n"
    head = "\n".join([*(line.format(d=t.description, n=t.name) for t in shown), "", otherwise.format(o=none), ""])
    pieces: list[tuple[str, float]] = [(head, 0.0)]
    for tool, there in _asked(shown, hidden, rng, 0.5):
        request = _request(tool, rng)[0].replace('"', "'") if end != "\n" else _request(tool, rng)[0]
        pieces += [(before.format(r=request), 0.0), (f"{tool.name if there else none}{end}", 1.0)]
    return {"pieces": pieces}


def tools_record(rng: random.Random) -> Record:
    """Return a conversation with a few tools, each called, and requests that fit none of them."""
    shown, hidden = _offer(rng, 4, 2)
    messages: list[Record] = []
    for tool, there in _asked(shown, hidden, rng, 0.5):
        request, called = _request(tool, rng)
        messages.append({"role": "user", "content": request})
        messages.append(as_call(called) if there else {"role": "assistant", "content": NO_TOOL})
    return {"tools": [tool.definition(rng) for tool in shown], "messages": messages}


def question_record(rng: random.Random) -> Record:
    """Return one request with one to four tools, as most clients send it."""
    shown, hidden = _offer(rng, 4, 1)
    tool, there = (hidden[0], False) if rng.random() < 0.4 else (rng.choice(shown), True)
    request, called = _request(tool, rng)
    answer = as_call(called) if there else {"role": "assistant", "content": NO_TOOL}
    return {"tools": [t.definition(rng) for t in shown], "messages": [{"role": "user", "content": request}, answer]}
