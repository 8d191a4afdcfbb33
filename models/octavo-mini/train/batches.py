"""Turn generated records into packed rows of tokens, weights and positions."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer
from torch import Tensor

from generate import records

CHUNK = 3000
LENGTHS = (192, 512, 2048)
CONTEXT_WEIGHT = 0.4
CONTEXT_SHARE = 0.08
PLAIN_WEIGHT = 0.5
# Of an answer with tools the token that decides between call and refusal, and the first one of a tool's name.
CHOICE_WEIGHT = 4.0
# The first token of an argument, which decides for one of the request's values.
VALUE_WEIGHT = 3.0


@dataclass(frozen=True)
class Document:
    """Tokens of one record; `weights[i]` is how much predicting token i counts."""

    ids: list[int]
    weights: list[float]


@dataclass(frozen=True)
class Batch:
    """Packed rows; `documents` numbers the texts of a row, padding is -1."""

    ids: Tensor
    targets: Tensor
    weights: Tensor
    positions: Tensor
    documents: Tensor

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


def chat_template(path: Path) -> Template:
    """Compile the chat template, set up as transformers does it."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(path.read_text(encoding="utf-8"))


class Encoder:
    """Writes records by the chat template itself, and marks what counts."""

    def __init__(self, tokenizer: Path, template: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(tokenizer))
        self.template = chat_template(template)
        self.end_of_text = self.tokenizer.token_to_id("<|endoftext|>")
        self.start = self.tokenizer.token_to_id("<|im_start|>")
        self.end = self.tokenizer.token_to_id("<|im_end|>")
        self.answer = [self.start, *self._plain("assistant\n")]
        self.call = self._plain('<tool_call>\n{"name": "')
        self.value = (self._plain('x": "')[1:], self._plain('x": 1')[1:-1])
        self.rng = random.Random(0)

    def _plain(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def encode(self, record: dict) -> Document:
        """Return the document of one record."""
        if "text" in record:
            prompt = self._plain(record.get("prompt", ""))
            ids = self._plain(record["text"]) + [self.end_of_text]
            weight = 1.0 if prompt else PLAIN_WEIGHT
            return Document(prompt + ids, [0.0] * len(prompt) + [weight] * len(ids))
        if "pieces" in record:
            parts = [(self._plain(text), weight) for text, weight in record["pieces"]]
            ids = [token for part, _ in parts for token in part]
            weights = [CHOICE_WEIGHT * weight if at == 0 else weight for part, weight in parts for at in range(len(part))]
            return Document([*ids, self.end_of_text], [*weights, 0.0])
        ids = self._plain(self.template.render(record).removesuffix("\n"))
        weights = self._weights(ids)
        if record.get("tools"):
            self._emphasise(ids, weights)
        return Document(ids, weights)

    def _emphasise(self, ids: list[int], weights: list[float]) -> None:
        """Let the tokens that choose count more: few of hundreds do, and the others are soon known."""
        rules = [(self.answer, CHOICE_WEIGHT), (self.call, CHOICE_WEIGHT), *((before, VALUE_WEIGHT) for before in self.value)]
        for before, weight in rules:
            size = len(before)
            for at in range(len(ids) - size):
                if weights[at + size] == 1.0 and ids[at : at + size] == before:
                    weights[at + size] = weight

    def _weights(self, ids: list[int]) -> list[float]:
        """Weigh answers fully; of the other tokens let a random share count, which saves work in the head."""
        weights, at, size = [], 0, len(self.answer)
        while at < len(ids):
            if ids[at : at + size] == self.answer:
                end = ids.index(self.end, at) + 1
                weights += [0.0] * size + [1.0] * (end - at - size)
                at = end
            else:
                weights.append(CONTEXT_WEIGHT if self.rng.random() < CONTEXT_SHARE else 0.0)
                at += 1
        return weights


def pack(documents: list[Document], length: int) -> list[list[Document]]:
    """Fill rows first-fit, with few rows open at a time."""
    done: list[list[Document]] = []
    open_rows: list[tuple[int, list[Document]]] = []
    for document in documents:
        size = len(document.ids)
        for index, (used, row) in enumerate(open_rows):
            if used + size <= length:
                row.append(document)
                open_rows[index] = (used + size, row)
                break
        else:
            open_rows.append((size, [document]))
        if len(open_rows) > 24:
            fullest = max(range(len(open_rows)), key=lambda i: open_rows[i][0])
            done.append(open_rows.pop(fullest)[1])
    return done + [row for _, row in open_rows]


def packed(documents: list[Document]) -> dict[int, list[list[Document]]]:
    """Return rows of each length; short texts fill what long ones leave of theirs.

    A row is not longer than its longest text needs, as attention costs the square of it.
    """
    short = [d for d in documents if len(d.ids) <= LENGTHS[0]]
    found: dict[int, list[list[Document]]] = {}
    for shortest, length in zip(LENGTHS, LENGTHS[1:]):
        found[length] = pack([d for d in documents if shortest < len(d.ids) <= length], length)
        for row in found[length]:
            room = length - sum(len(d.ids) for d in row)
            while short and len(short[-1].ids) <= room:
                room -= len(short[-1].ids)
                row.append(short.pop())
    return found | {LENGTHS[0]: pack(short, LENGTHS[0])}


def to_batch(rows: list[list[Document]], length: int) -> Batch:
    """Lay rows out as tensors; targets are the tokens one step ahead."""
    shape = (len(rows), length)
    ids, targets, positions = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
    documents = torch.full(shape, -1, dtype=torch.long)
    weights = torch.zeros(shape)
    for number, row in enumerate(rows):
        at = 0
        for index, document in enumerate(row):
            size = len(document.ids)
            span = slice(at, at + size)
            ids[number, span] = torch.tensor(document.ids)
            targets[number, at : at + size - 1] = torch.tensor(document.ids[1:])
            weights[number, at : at + size - 1] = torch.tensor(document.weights[1:])
            positions[number, span] = torch.arange(size)
            documents[number, span] = index
            at += size
    return Batch(ids, targets, weights, positions, documents)


def chunk_batches(encoder: Encoder, seed: int, chunk: int, tokens: int, *shares: float) -> list[Batch]:
    """Return the batches of one chunk of fresh text, rows of several lengths mixed."""
    rng = random.Random(seed * 1_000_003 + chunk)
    encoder.rng.seed(rng.random())
    found = [encoder.encode(r) for r in records(CHUNK, rng.randrange(2**60), *shares)]
    batches = []
    for length, rows in packed(found).items():
        rng.shuffle(rows)
        size = tokens // length
        batches += [to_batch(rows[i : i + size], length) for i in range(0, len(rows) - size + 1, size)]
    rng.shuffle(batches)
    return batches


def stream(encoder: Encoder, seed: int, tokens: int, skip: int, *shares: float) -> Iterator[Batch]:
    """Yield batches without end; `skip` batches were seen before a restart, `shares` are those of `records`."""
    chunk = 0
    while True:
        batches = chunk_batches(encoder, seed, chunk, tokens, *shares)
        yield from batches[skip:]
        skip = max(0, skip - len(batches))
        chunk += 1
