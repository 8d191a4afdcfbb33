"""Train the model on freshly generated text; stop and start again at will.

A run started again goes on from its checkpoint. With another seed it goes on
with another stream of text, for which the size of the batch may change too.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F

import optimizer as optimizers
from batches import Batch, Encoder, stream
from model import Llama, ModelConfig


def schedule(step: int, steps: int, warmup: int, decay: float) -> float:
    """Return the factor on the learning rates: warm-up, plateau, cosine to zero."""
    if step < warmup:
        return (step + 1) / warmup
    start = int(steps * (1 - decay))
    if step < start:
        return 1.0
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - start) / max(1, steps - start)))


def loss_of(model: Llama, batch: Batch, amp: bool) -> torch.Tensor:
    """Return the weighted loss over the tokens that count."""
    device = batch.ids.device.type
    with torch.autocast(device, torch.bfloat16, enabled=amp):
        hidden = model.hidden(batch.ids, batch.positions, batch.documents)
        chosen = batch.weights > 0
        logits = F.linear(hidden[chosen], model.model.embed_tokens.weight)
    losses = F.cross_entropy(logits.float(), batch.targets[chosen], reduction="none")
    weights = batch.weights[chosen]
    return (losses * weights).sum() / weights.sum()


class Run:
    """A training run: the model, its optimizers and the place in the stream."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(options.seed)
        self.encoder = Encoder(options.tokenizer)
        config = ModelConfig(vocab_size=self.encoder.tokenizer.get_vocab_size())
        self.model = Llama(config).to(self.device)
        self.optimizers = optimizers.build(self.model, options.matrix_rate, options.other_rate)
        self.rates = [o.param_groups[0]["lr"] for o in self.optimizers]
        if options.compile:
            self.model.hidden = torch.compile(self.model.hidden, dynamic=False)
        self.step, self.tokens, self.seconds = 0, 0, 0.0
        self.seed, self.seed_step = options.seed, 0
        self.stopped = False
        if options.checkpoint.exists():
            self._load()

    def _load(self) -> None:
        state = torch.load(self.options.checkpoint, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        for one, saved in zip(self.optimizers, state["optimizers"]):
            one.load_state_dict(saved)
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]
        same = state["seed"] == self.options.seed
        self.seed_step = state["seed_step"] if same else self.step

    def stop(self, *_: object) -> None:
        """Ask the loop to save and end after the current step."""
        self.stopped = True

    def save(self) -> None:
        """Write the checkpoint beside its place, then move it there."""
        path = self.options.checkpoint
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(), "config": self.model.config.as_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step, "tokens": self.tokens, "seconds": self.seconds,
            "seed": self.seed, "seed_step": self.seed_step,
        }
        scratch = path.with_suffix(".part")
        torch.save(state, scratch)
        os.replace(scratch, path)

    def _stream(self, skip: int) -> Iterator[Batch]:
        options = self.options
        return stream(self.encoder, options.seed, options.batch_tokens, options.practice, skip)

    def train_step(self, batch: Batch) -> float:
        """Take one step and return its loss."""
        options = self.options
        factor = schedule(self.step, options.steps, options.warmup, options.decay)
        for one, rate in zip(self.optimizers, self.rates):
            one.param_groups[0]["lr"] = rate * factor
        loss = loss_of(self.model, batch.to(self.device), options.bf16)
        loss.backward()
        for one in self.optimizers:
            one.step()
            one.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += int((batch.documents >= 0).sum())
        return loss.item()

    def train(self) -> None:
        """Train to the last step; log and save on the way."""
        options = self.options
        mean, started = None, time.monotonic()
        for batch in self._stream(self.step - self.seed_step):
            if self.step >= min(options.steps, options.until) or self.stopped:
                break
            loss = self.train_step(batch)
            mean = loss if mean is None else 0.95 * mean + 0.05 * loss
            now = time.monotonic()
            self.seconds, started = self.seconds + now - started, now
            if self.step % options.log_every == 0:
                entry = {"step": self.step, "loss": round(mean, 4), "tokens": self.tokens,
                         "seconds": round(self.seconds)}
                print(json.dumps(entry), flush=True)
            if self.step % options.save_every == 0:
                self.save()
        self.save()


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--until", type=int, default=10**9, help="end before the schedule does")
    parser.add_argument("--practice", type=float, default=0.0, help="share of extra copying and sums")
    parser.add_argument("--batch-tokens", type=int, default=4096)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--other-rate", type=float, default=0.003)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--decay", type=float, default=0.5, help="share of the steps with a falling rate")
    parser.add_argument("--log-every", type=int, default=20)
    parser.add_argument("--save-every", type=int, default=100)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    run = Run(options)
    signal.signal(signal.SIGTERM, run.stop)
    run.train()


if __name__ == "__main__":
    main()
