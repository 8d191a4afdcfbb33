"""Train the model on freshly generated text; stop and start again at will.

A run started again goes on from its checkpoint. With another seed it goes on
with another stream of text, for which the size of the batch may change too.

The rates fall by the clock or by steps: `--hours` is the time of the whole
run, `--steps` its number of steps; whichever is further on decides. A run by
the clock ends when it should, however busy the machine was.

On a CPU `--workers` processes of one thread each compute the gradient of
their own batches and add them up. Threads of one process wait for each other
at every operation, which costs much on a machine that does other work.
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
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import distributed

import optimizer as optimizers
from batches import Batch, Encoder, stream
from model import Llama, ModelConfig


def schedule(warm: float, progress: float, decay: float) -> float:
    """Return the factor on the learning rates: warm-up, plateau, then a cosine to 1 % of the rate.

    `warm` is the share of the warm-up that is over, `progress` that of the run.
    """
    falling = min(1.0, max(0.0, (progress - (1 - decay)) / decay)) if decay > 0 else 0.0
    return min(1.0, warm) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * falling)))


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

    def __init__(self, options: argparse.Namespace, rank: int) -> None:
        self.options, self.rank = options, rank
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(options.seed)
        self.encoder = Encoder(options.tokenizer, options.template)
        config = ModelConfig(vocab_size=self.encoder.tokenizer.get_vocab_size())
        self.model = Llama(config).to(self.device)
        if options.start_from and not options.checkpoint.exists():
            carry_over(self.model, options.start_from, self.encoder.tokenizer)
        self.optimizers = optimizers.build(self.model, options.matrix_rate, options.other_rate)
        self.rates = [o.param_groups[0]["lr"] for o in self.optimizers]
        if options.compile:
            self.model.hidden = torch.compile(self.model.hidden, dynamic=False)
        self.step, self.tokens, self.seconds = 0, 0, 0.0
        self.seed, self.seed_step = options.seed, 0
        self.asked, self.stopped, self.clock = False, False, 0.0
        if options.checkpoint.exists():
            self._load()

    def _load(self) -> None:
        state = torch.load(self.options.checkpoint, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        for one, saved in zip(self.optimizers, state["optimizers"]):
            one.load_state_dict(saved)
        self.step, self.tokens, self.seconds = state["step"], state["tokens"], state["seconds"]
        self.clock = self.seconds
        same = state["seed"] == self.options.seed
        self.seed_step = state["seed_step"] if same else self.step

    def stop(self, *_: object) -> None:
        """Ask all workers to save and end after the next step."""
        self.asked = True

    def save(self) -> None:
        """Write the checkpoint beside its place, then move it there."""
        if self.rank > 0:
            return
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
        seed = options.seed * options.workers + self.rank
        return stream(self.encoder, seed, options.batch_tokens, options.practice, skip)

    def train_step(self, batch: Batch) -> float:
        """Take one step and return its loss."""
        options = self.options
        factor = schedule((self.step + 1) / max(1, options.warmup), self.progress(), options.decay)
        for one, rate in zip(self.optimizers, self.rates):
            one.param_groups[0]["lr"] = rate * factor
        loss = loss_of(self.model, batch.to(self.device), options.bf16)
        loss.backward()
        entry = torch.tensor([loss.item(), float((batch.documents >= 0).sum()), float(self.asked), self.seconds])
        if options.workers > 1:
            self._add_up(entry)
        for one in self.optimizers:
            one.step()
            one.zero_grad(set_to_none=True)
        self.step += 1
        self.tokens += int(entry[1])
        self.stopped, self.clock = bool(entry[2] > 0), float(entry[3]) / options.workers
        return float(entry[0]) / options.workers

    def _add_up(self, entry: torch.Tensor) -> None:
        """Make gradients the mean of all workers', and `entry` their sum."""
        gradients = [p.grad for p in self.model.parameters()]
        flat = torch.cat([*(g.reshape(-1) for g in gradients), entry])
        distributed.all_reduce(flat)
        entry.copy_(flat[-len(entry) :])
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient)).div_(self.options.workers)
            at += gradient.numel()

    def progress(self) -> float:
        """Return how much of the run is over, by steps or by the clock; the same for all workers."""
        options = self.options
        return max(self.step / options.steps, self.clock / (3600 * options.hours))

    def train(self) -> None:
        """Train to the last step; log and save on the way."""
        options = self.options
        mean, started = None, time.monotonic()
        for batch in self._stream(self.step - self.seed_step):
            if self.progress() >= 1 or self.step >= options.until or self.stopped:
                break
            loss = self.train_step(batch)
            mean = loss if mean is None else 0.95 * mean + 0.05 * loss
            now = time.monotonic()
            self.seconds, started = self.seconds + now - started, now
            if self.rank == 0 and self.step % options.log_every == 0:
                entry = {"step": self.step, "loss": round(mean, 4), "tokens": self.tokens,
                         "seconds": round(self.seconds), "progress": round(self.progress(), 4)}
                print(json.dumps(entry), flush=True)
            if self.step % options.save_every == 0:
                self.save()
        self.save()


def carry_over(model: Llama, folder: Path, tokenizer: Tokenizer) -> None:
    """Start from exported weights of the same shape, whose tokenizer may be another one.

    A token that the other tokenizer has too keeps its embedding; any other one
    begins as the mean of the embeddings of its pieces there.
    """
    saved = load_file(folder / "model.safetensors")
    other = Tokenizer.from_file(str(folder / "tokenizer.json"))
    old, known = saved["model.embed_tokens.weight"].float(), other.get_vocab()
    rows = torch.empty_like(model.model.embed_tokens.weight)
    for token, at in tokenizer.get_vocab().items():
        pieces = [known[token]] if token in known else _pieces(token, tokenizer, other)
        rows[at] = old[pieces].mean(0)
    model.load_state_dict({k: v.float() for k, v in saved.items()} | {"model.embed_tokens.weight": rows})


def _pieces(token: str, tokenizer: Tokenizer, other: Tokenizer) -> list[int]:
    text = tokenizer.decode([tokenizer.token_to_id(token)], skip_special_tokens=False)
    return other.encode(text, add_special_tokens=False).ids


def work(options: argparse.Namespace, rank: int) -> None:
    """Train as one of the workers."""
    torch.set_num_threads(options.threads)
    if options.workers > 1:
        rendezvous = f"file://{options.checkpoint.with_suffix('.meeting').resolve()}"
        distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=options.workers)
    run = Run(options, rank)
    signal.signal(signal.SIGTERM, run.stop)
    signal.signal(signal.SIGINT, run.stop)
    run.train()


def main() -> None:
    """Read the options and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--template", type=Path, default=Path("../chat_template.jinja"))
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--start-from", type=Path, help="a model directory whose weights a new run begins with")
    parser.add_argument("--steps", type=int, default=10**9)
    parser.add_argument("--hours", type=float, default=math.inf, help="time of the whole run")
    parser.add_argument("--until", type=int, default=10**9, help="end before the schedule does")
    parser.add_argument("--practice", type=float, default=0.0, help="share of extra copying and sums")
    parser.add_argument("--batch-tokens", type=int, default=4096, help="tokens of a step, for each worker")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--other-rate", type=float, default=0.003)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--decay", type=float, default=0.5, help="share of the run with a falling rate")
    parser.add_argument("--log-every", type=int, default=20)
    parser.add_argument("--save-every", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1, help="processes, each with its own batches")
    parser.add_argument("--threads", type=int, default=1, help="threads of each worker")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    options = parser.parse_args()
    options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    options.checkpoint.with_suffix(".meeting").unlink(missing_ok=True)
    children = []
    for rank in range(1, options.workers):
        if (child := os.fork()) == 0:
            work(options, rank)
            return
        children.append(child)
    work(options, 0)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
