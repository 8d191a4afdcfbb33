"""Write the training text as JSON lines, one conversation or plain text each."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path

from text import choosing, tool_words
from text.arguments import arguments_record
from text.facts import fact_count
from text.mix import conversation, long_conversation, plain_text, practice, talk_chat

LONG_SHARE = 0.004
PLAIN_SHARE = 0.015
CHOOSING = {
    choosing.lines_record: 1, choosing.tools_record: 1.5, arguments_record: 2,
    tool_words.lines_record: 2, tool_words.tools_record: 2, tool_words.question_record: 2,
}


def records(
    count: int, seed: int, practice_share: float = 0.0, talk_share: float = 0.0, choosing_share: float = 0.0,
) -> Iterator[dict[str, object]]:
    """Yield `count` records; the same arguments give the same records."""
    rng = random.Random(seed)
    for _ in range(count):
        if choosing_share and rng.random() < choosing_share:
            yield rng.choices(list(CHOOSING), list(CHOOSING.values()))[0](rng)
            continue
        if practice_share and rng.random() < practice_share:
            yield practice(rng)
            continue
        if talk_share and rng.random() < talk_share:
            yield {"messages": talk_chat(rng)}
            continue
        roll = rng.random()
        if roll < PLAIN_SHARE:
            yield {"text": plain_text(rng)}
        elif roll < PLAIN_SHARE + LONG_SHARE:
            yield {"messages": long_conversation(rng)}
        else:
            yield conversation(rng)


def main() -> None:
    """Write the file and say how much is in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--practice", type=float, default=0.0, help="as in train.py")
    parser.add_argument("--talk", type=float, default=0.0, help="as in train.py")
    parser.add_argument("--choosing", type=float, default=0.0, help="as in train.py")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with options.out.open("w", encoding="utf-8") as file:
        for record in records(options.count, options.seed, options.practice, options.talk, options.choosing):
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    print(f"{options.count} records, {fact_count()} facts in the tables")


if __name__ == "__main__":
    main()
