"""The test sets: what the training left out, as plain records with a check.

A case holds `set`, `messages`, `check`, and at times `tools`, `variables` (for
the template) and `max_tokens`. A check is one of

    {"equals": [answers]}                      the answer is one of these, to the letter
    {"story": [hero, name]}                    it introduces the hero, uses the name three times, and says no
                                               sentence three times
    {"calls": [{"name", "arguments"}, ...]}    it calls these tools with these arguments
    {"json": object}                           it is this object, in any order of keys

`python held_out.py --out FILE` writes the cases that `npm run eval:model` asks.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path

from text import json_answers, memory, thinking, tools, transforms
from text.base import Exchange, a
from text.facts import test_facts
from text.measures import conversion, dates
from text.mix import long_recall_test, not_told_case, recall_test
from text.names import invented
from text.numbers import addition, comparison, held_out_phrasing, large, subtraction
from text.rewriting import count_items, rewrite, sort, summary
from text.smalltalk import test_group
from text.stories import ASKS, HEROES
from text.unknowns import ANSWERS, unknown

Case = dict[str, object]
Maker = Callable[[random.Random], list[Case]]
SEED = 4242


def _case(exchange: Exchange, before: list[dict[str, str]] | None = None) -> Case:
    messages = [*(before or []), {"role": "user", "content": exchange.user}]
    accepted = list(dict.fromkeys((exchange.answer, *exchange.accept)))
    return {"messages": messages, "check": {"equals": accepted}}


def _story(rng: random.Random) -> Case:
    hero, name = rng.choice(HEROES), invented(rng, "test")
    ask = ASKS[-1].format(s=f"{a(hero)} called {name}")
    return {"messages": [{"role": "user", "content": ask}], "check": {"story": [hero, name]}, "max_tokens": 250}


def _declined(rng: random.Random, held_phrasing: bool) -> Case:
    exchange = unknown(rng, "test", held_phrasing)
    return {**_case(exchange), "check": {"equals": list(ANSWERS)}}


def _tool(rng: random.Random, kind: str, split: str, known: bool = False) -> Case:
    """Return a request with tools; of a conversation that reads a result, the reading is asked for."""
    record = tools.case(rng, kind, split, known)
    *before, last = record["messages"]
    if last.get("tool_calls"):
        check: Case = {"calls": [c["function"] for c in last["tool_calls"]]}
    else:
        check = {"equals": [last["content"]]}
    for message in before:  # over HTTP the arguments of a call are text
        for each in message.get("tool_calls", ()):
            each["function"] = {**each["function"], "arguments": json.dumps(each["function"]["arguments"])}
    return {"messages": before, "tools": record["tools"], "check": check, "max_tokens": 120}


def _json(rng: random.Random, asks: str) -> Case:
    *before, last = json_answers.case(rng, "test", asks)["messages"]
    return {"messages": before, "check": {"json": json.loads(last["content"])}, "max_tokens": 120}


def _thought(rng: random.Random, case: Callable[[random.Random, str], tuple[str, str, str]]) -> Case:
    ask, _, answer = case(rng, "test")
    return {"messages": [{"role": "user", "content": ask}], "variables": {"enable_thinking": True},
            "check": {"equals": [answer]}, "max_tokens": 200}


def _thought_of_either(rng: random.Random) -> Case:
    return _thought(rng, rng.choice((thinking.weekday_case, thinking.letters_case)))


def _not_told(rng: random.Random) -> Case:
    before, exchange = not_told_case(rng)
    return _case(exchange, before)


def _recall(rng: random.Random) -> Case:
    before, exchange = recall_test(rng)
    return _case(exchange, before)


def _recall_phrasing(rng: random.Random) -> Case:
    detail = rng.choice(memory.DETAILS)
    value = detail.make(rng, "test")
    told = memory.tell(detail, value, rng)
    before = [{"role": "user", "content": told.user}, {"role": "assistant", "content": told.answer}]
    return _case(memory.ask(detail, value, rng, "test"), before)


def _long_recall(rng: random.Random) -> Case:
    before, exchange = long_recall_test(rng)
    return _case(exchange, before)


def sets(seed: int = SEED) -> dict[str, list[Case]]:
    """Return the cases of every set; each draws its own numbers, so that one can change without the others."""

    def many(count: int, make: Callable[..., Case], *arguments: object) -> Maker:
        return lambda rng: [make(rng, *arguments) for _ in range(count)]

    def asked(count: int, make: Callable[..., Exchange], *arguments: object) -> Maker:
        return lambda rng: [_case(make(rng, *arguments)) for _ in range(count)]

    def some(exchanges: list[Exchange], count: int) -> Maker:
        return lambda rng: [_case(e) for e in (rng.sample(exchanges, count) if len(exchanges) > count else exchanges)]

    makers: dict[str, Maker] = {
        "identity, held-out phrasings": some(test_group("identity"), 100),
        "identity, held-out frames": some(test_group("identity", framed=True), 60),
        "small talk, held-out phrasings": some(test_group("small talk"), 120),
        "the server, held-out phrasings": some(test_group("server"), 80),
        "the server, held-out frames": some(test_group("server", framed=True), 60),
        "two-digit sums, held-out pairs": asked(100, addition, "test"),
        "two-digit sums, held-out pairs and phrasings": asked(60, held_out_phrasing),
        "two-digit differences, held-out pairs": asked(60, subtraction, "test"),
        "three-digit sums and differences, held-out pairs": asked(60, large, "test"),
        "comparisons, held-out pairs": asked(40, comparison, "test"),
        "units, held-out values": asked(40, conversion, "test"),
        "weekdays and dates, held-out values": asked(40, dates, "test"),
        "facts, held-out phrasings": some(test_facts(), 115),
        "recall over turns, held-out values": many(90, _recall),
        "recall, held-out values and phrasings": many(40, _recall_phrasing),
        "recall over a long conversation": many(8, _long_recall),
        "says what was not told": many(40, _not_told),
        "declined unknowns, held-out values": many(60, _declined, False),
        "declined unknowns, held-out phrasings": many(60, _declined, True),
        "stories keep hero and name": many(20, _story),
        "repeat, new lists": asked(40, transforms.repeat, "test"),
        "reverse, new lists": asked(40, transforms.reverse, "test"),
        "upper case, new words": asked(30, transforms.upper, "test"),
        "count words, new lists": asked(30, transforms.count_words, "test"),
        "count items, new lists": asked(20, count_items, "test"),
        "pick item, new lists": asked(30, transforms.pick_item, "test"),
        "sort, new lists": asked(40, sort, "test"),
        "rewrite, held-out values": asked(40, rewrite, "test"),
        "rewrite, held-out phrasings": asked(30, rewrite, "test", "test"),
        "summary, held-out names": asked(20, summary, "test"),
        "tools, held-out requests and values": many(60, _tool, "call", "test", True),
        "tools never seen": many(60, _tool, "call", "test"),
        "no tool fits": many(30, _tool, "decline", "test"),
        "tool results, unseen keys": many(30, _tool, "read", "test"),
        "JSON of a schema, held-out values": many(40, _json, "train"),
        "JSON of a schema, held-out values and phrasings": many(30, _json, "test"),
        "reasoned sums, held-out pairs": many(40, _thought, thinking.sum_case),
        "reasoned weekdays and letters": many(30, _thought_of_either),
    }
    return {name: make(random.Random(f"{seed} {name}")) for name, make in makers.items()}


def cases(seed: int = SEED) -> list[Case]:
    """Return all cases in one list, each with the name of its set."""
    return [{"set": name, **case} for name, found in sets(seed).items() for case in found]


def main() -> None:
    """Write the cases as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("../held-out.jsonl"))
    options = parser.parse_args()
    found = cases()
    text = "".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n" for case in found)
    options.out.write_text(text, encoding="utf-8")
    print(f"{len(found)} cases in {len({case['set'] for case in found})} sets, {len(text.encode())} bytes")


if __name__ == "__main__":
    main()
