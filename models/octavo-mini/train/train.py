"""Train the model on freshly generated text; stop and start again at will.

A run started again goes on from its checkpoint. With another seed it goes on
with another stream of text, for which the size of the batch may change too.

The rates fall by the clock or by steps: `--hours` is the time of the whole
run, `--steps` its number of steps; whichever is further on decides. A run by
the clock ends when it should, however busy the machine was.

On a CPU `--workers` processes of one thread each take steps on the same
weights, which lie in shared memory, and never wait for each other. Threads of
one process would wait at every operation, and processes that add up their
gradients at every step, which costs much on a machine that does other work.
The price is that a gradient may be one step old, and that a seed no longer
decides the weights.
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
    """One worker of a training run: optimizers over the shared weights, and a place in its own stream of text."""

    def __init__(self, options: argparse.Namespace, rank: int, model: Llama, saved: dict, counters: torch.Tensor) -> None:
        self.options, self.rank, self.model, self.counters = options, rank, model, counters
        self.device = next(model.parameters()).device
        self.encoder = Encoder(options.tokenizer, options.template)
        self.optimizers = optimizers.build(model, options.matrix_rate, options.other_rate, options.bf16)
        for one, state in zip(self.optimizers, saved.get("optimizers", ())):
            one.load_state_dict(state)
        self.rates = (options.matrix_rate, options.other_rate)
        if options.compile:
            model.hidden = torch.compile(model.hidden, dynamic=False)
        self.start = (saved.get("step", 0), saved.get("tokens", 0), saved.get("seconds", 0.0))
        same_text = saved.get("seed") == options.seed
        self.seed_step = saved["seed_step"] if same_text else self.start[0]
        self.started = time.monotonic()

    @property
    def step(self) -> int:
        """Steps of all workers, earlier starts included."""
        return self.start[0] + int(self.counters[:, 0].sum())

    @property
    def tokens(self) -> int:
        """Tokens of all workers, earlier starts included."""
        return self.start[1] + int(self.counters[:, 1].sum())

    @property
    def seconds(self) -> float:
        """Time of the run, earlier starts included."""
        return self.start[2] + time.monotonic() - self.started

    @property
    def stopped(self) -> bool:
        """Whether any worker was asked to stop."""
        return bool(self.counters[:, 2].any())

    def stop(self, *_: object) -> None:
        """Ask all workers to end after their current step."""
        self.counters[self.rank, 2] = 1

    def save(self) -> None:
        """Write the checkpoint beside its place, then move it there."""
        path = self.options.checkpoint
        state = {
            "model": self.model.state_dict(), "config": self.model.config.as_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "step": self.step, "tokens": self.tokens, "seconds": self.seconds,
            "seed": self.options.seed, "seed_step": self.seed_step,
        }
        scratch = path.with_suffix(".part")
        torch.save(state, scratch)
        os.replace(scratch, path)

    def _stream(self) -> Iterator[Batch]:
        options = self.options
        skip = (self.start[0] - self.seed_step) // options.workers
        return stream(self.encoder, options.seed * options.workers + self.rank, options.batch_tokens, skip,
                      options.practice, options.talk, options.choosing)

    def train_step(self, batch: Batch) -> float:
        """Take one step and return its loss."""
        options = self.options
        factor = schedule((self.step + 1) / max(1, options.warmup), self.progress(), options.decay)
        for one, rate in zip(self.optimizers, self.rates):
            one.param_groups[0]["lr"] = rate * factor
        loss = loss_of(self.model, batch.to(self.device), options.bf16)
        loss.backward()
        for one in self.optimizers:
            one.step()
            one.zero_grad(set_to_none=True)
        self.counters[self.rank, 0] += 1
        self.counters[self.rank, 1] += int((batch.documents >= 0).sum())
        return loss.item()

    def progress(self) -> float:
        """Return how much of the run is over, by steps or by the clock."""
        options = self.options
        return max(self.step / options.steps, self.seconds / (3600 * options.hours))

    def train(self) -> None:
        """Train to the end of the run; the first worker logs and saves on the way."""
        options, mean = self.options, None
        for count, batch in enumerate(self._stream(), 1):
            if self.progress() >= 1 or self.step >= options.until or self.stopped:
                break
            loss = self.train_step(batch)
            mean = loss if mean is None else 0.95 * mean + 0.05 * loss
            if self.rank == 0 and count % options.log_every == 0:
                entry = {"step": self.step, "loss": round(mean, 4), "tokens": self.tokens,
                         "seconds": round(self.seconds), "progress": round(self.progress(), 4)}
                print(json.dumps(entry), flush=True)
            if self.rank == 0 and count % options.save_every == 0:
                self.save()


def build(options: argparse.Namespace) -> tuple[Llama, dict]:
    """Return the model as the run begins or goes on with it, and the state that was saved."""
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    saved: dict = {}
    if options.checkpoint.exists():
        saved = torch.load(options.checkpoint, map_location=device, weights_only=True)
    model = Llama(ModelConfig(**saved.get("config", {"vocab_size": tokenizer.get_vocab_size()})))
    if model.config.vocab_size != tokenizer.get_vocab_size():
        raise ValueError("the checkpoint was trained with another tokenizer")
    if saved:
        model.load_state_dict(saved["model"])
    elif options.start_from:
        carry_over(model, options.start_from, tokenizer)
    return model.to(device), saved


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


def work(options: argparse.Namespace, rank: int, model: Llama, saved: dict, counters: torch.Tensor) -> Run:
    """Train as one of the workers."""
    run = Run(options, rank, model, saved, counters)
    signal.signal(signal.SIGTERM, run.stop)
    signal.signal(signal.SIGINT, run.stop)
    run.train()
    return run


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
    parser.add_argument("--talk", type=float, default=0.0, help="share of extra small talk and identity")
    parser.add_argument("--choosing", type=float, default=0.0, help="share of extra choosing from lists and of tools")
    parser.add_argument("--batch-tokens", type=int, default=4096, help="tokens of a step")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--other-rate", type=float, default=0.003)
    parser.add_argument("--warmup", type=int, default=50)
    parser.add_argument("--decay", type=float, default=0.5, help="share of the run with a falling rate")
    parser.add_argument("--log-every", type=int, default=20)
    parser.add_argument("--save-every", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1, help="processes that share the weights, each with its own batches")
    parser.add_argument("--threads", type=int, default=1, help="threads of each worker")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True,
                        help="products in bfloat16, which processors without instructions for it are slow at")
    options = parser.parse_args()
    options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    model, saved = build(options)
    counters = torch.zeros((options.workers, 3), dtype=torch.float64).share_memory_()
    if options.workers > 1:
        model.share_memory()
    children = []
    for rank in range(1, options.workers):
        if (child := os.fork()) == 0:
            work(options, rank, model, saved, counters)
            os._exit(0)
        children.append(child)
    run = work(options, 0, model, saved, counters)
    for child in children:
        os.waitpid(child, 0)
    run.save()


if __name__ == "__main__":
    main()
