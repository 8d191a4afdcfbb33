"""Muon for the matrices of the layers, AdamW for the embedding and the norms.

Muon replaces the momentum of a matrix by the nearest orthogonal one, so all
its directions move at the same pace; on small models this saves many steps.
"""

from __future__ import annotations

import math
from collections import defaultdict

import torch
from torch import Tensor, nn


def orthogonal(matrices: Tensor, dtype: torch.dtype, steps: int = 5) -> Tensor:
    """Return nearly orthogonal matrices, by Newton-Schulz iteration in `dtype`."""
    x = matrices.to(dtype)
    tall = x.size(-2) > x.size(-1)
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal; matrices of one shape are handled together."""

    def __init__(self, params: list[nn.Parameter], lr: float, momentum: float = 0.95,
                 weight_decay: float = 0.01, dtype: torch.dtype = torch.bfloat16) -> None:
        self.dtype = dtype
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Take one step."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
            for param in group["params"]:
                shapes[param.shape].append(param)
            for shape, params in shapes.items():
                self._step_shape(shape, params, group)

    def _step_shape(self, shape: torch.Size, params: list[nn.Parameter], group: dict) -> None:
        momentum = group["momentum"]
        updates = []
        for param in params:
            state = self.state[param]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(param)
            state["momentum"].lerp_(param.grad, 1 - momentum)
            updates.append(param.grad.lerp(state["momentum"], momentum))
        scale = math.sqrt(max(1.0, shape[0] / shape[1]))
        for param, update in zip(params, orthogonal(torch.stack(updates), self.dtype)):
            param.mul_(1 - group["lr"] * group["weight_decay"])
            param.add_(update, alpha=-group["lr"] * scale)


def build(model: nn.Module, matrix_rate: float, other_rate: float, bf16: bool) -> list[torch.optim.Optimizer]:
    """Return the two optimizers of a model."""
    matrices, others = [], []
    for name, param in model.named_parameters():
        (matrices if param.ndim == 2 and "embed" not in name else others).append(param)
    adam = torch.optim.AdamW(others, lr=other_rate, betas=(0.9, 0.98), weight_decay=0.0)
    return [Muon(matrices, matrix_rate, dtype=torch.bfloat16 if bf16 else torch.float32), adam]
