"""Grow a checkpoint: more layers, and wider feed-forward blocks, that at first change nothing.

A new layer is a copy of the one before it whose two output projections are
zero, so that it adds nothing until it learns to (LLaMA Pro, arXiv 2401.02415,
section 3.2). New units of a feed-forward block are random going in and zero
going out. What the checkpoint can do it can still do after; the optimizers
begin anew, as their state has the old shapes.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from model import Llama, ModelConfig


def origins(old: int, new: int) -> list[tuple[int, bool]]:
    """Return for each of `new` layers the one of `old` it comes from, and whether it is a copy that begins silent."""
    if not old <= new <= 2 * old:
        raise ValueError(f"a model of {old} layers grows to at most {2 * old}, not to {new}")
    copied = {(i + 1) * old // (new - old) - 1 for i in range(new - old)}
    return [(at, silent) for at in range(old) for silent in ((False, True) if at in copied else (False,))]


def wider(layer: dict[str, Tensor], inner: int) -> dict[str, Tensor]:
    """Return a layer's tensors with `inner` units in its feed-forward block."""
    more = inner - layer["mlp.up_proj.weight"].shape[0]
    if more < 0:
        raise ValueError("a feed-forward block does not shrink")
    hidden = layer["mlp.up_proj.weight"].shape[1]
    grown = dict(layer)
    for name in ("mlp.gate_proj.weight", "mlp.up_proj.weight"):
        grown[name] = torch.cat((layer[name], torch.randn(more, hidden) * layer[name].std()))
    grown["mlp.down_proj.weight"] = torch.cat((layer["mlp.down_proj.weight"], torch.zeros(hidden, more)), dim=1)
    return grown


def grow(weights: dict[str, Tensor], config: ModelConfig, layers: int, inner: int) -> tuple[dict[str, Tensor], ModelConfig]:
    """Return the weights and the sizes of the grown model."""
    grown = {name: tensor for name, tensor in weights.items() if not name.startswith("model.layers.")}
    for at, (origin, silent) in enumerate(origins(config.num_hidden_layers, layers)):
        prefix = f"model.layers.{origin}."
        layer = {name.removeprefix(prefix): tensor.clone() for name, tensor in weights.items() if name.startswith(prefix)}
        if silent:
            for name in ("self_attn.o_proj.weight", "mlp.down_proj.weight"):
                layer[name].zero_()
        grown |= {f"model.layers.{at}.{name}": tensor for name, tensor in wider(layer, inner).items()}
    return grown, replace(config, num_hidden_layers=layers, intermediate_size=inner)


def main() -> None:
    """Read a checkpoint, grow it, and see to it that both give the same logits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--layers", type=int, required=True)
    parser.add_argument("--intermediate-size", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.manual_seed(1)
    saved = torch.load(options.checkpoint, map_location="cpu", weights_only=True)
    before = Llama(ModelConfig(**saved["config"]))
    before.load_state_dict(saved["model"])
    weights, config = grow(saved["model"], before.config, options.layers, options.intermediate_size)
    after = Llama(config)
    after.load_state_dict(weights)
    ids = torch.randint(0, config.vocab_size, (1, 64))
    places = torch.arange(64)[None]
    with torch.no_grad():
        torch.testing.assert_close(after(ids, places), before(ids, places), atol=1e-3, rtol=1e-3)
    # Steps from 0, so that the new optimizers' rates warm up.
    kept = {"step": 0, "tokens": saved["tokens"], "seconds": 0.0}
    torch.save({"model": weights, "config": config.as_dict(), "optimizers": []} | kept, options.out)
    print(f"{sum(t.numel() for t in after.parameters()):,} parameters")


if __name__ == "__main__":
    main()
