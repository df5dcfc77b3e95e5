"""Optimisers: Muon for the matrices inside the blocks, AdamW for the rest.

Muon (Jordan et al. 2024) orthogonalises the momentum of each matrix; from scratch and with few
steps it gets further than AdamW alone.
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor, nn


def orthogonalise(g: Tensor, steps: int = 5) -> Tensor:
    """Newton-Schulz iteration on a stack [N, rows, columns], in bfloat16."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.bfloat16()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    x = x / (x.float().norm(dim=(1, 2), keepdim=True) + 1e-7).bfloat16()
    for _ in range(steps):
        xx = x @ x.mT
        x = a * x + (b * xx + c * xx @ xx) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised; matrices of one shape go together."""

    def __init__(self, params: list[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.02):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.share: dict[int, float] = {}
        """Of the rate, by `id` of a matrix; 1 where it is not listed."""

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            shapes: dict[tuple[int, ...], list[nn.Parameter]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    shapes[tuple(p.shape)].append(p)
            for same in shapes.values():
                self._update(same, group)

    def _update(self, same: list[nn.Parameter], group: dict[str, float]) -> None:
        ready = []
        for p in same:
            m = self.state[p].setdefault("momentum", torch.zeros_like(p))
            m.lerp_(p.grad, 1 - group["momentum"])
            ready.append(p.grad.lerp(m, group["momentum"]))
        update = orthogonalise(torch.stack(ready)).float()
        rows, columns = same[0].shape
        scale = group["lr"] * max(1.0, rows / columns) ** 0.5
        for p, u in zip(same, update):
            share = self.share.get(id(p), 1.0)
            p.mul_(1 - share * group["lr"] * group["weight_decay"])
            p.add_(u, alpha=-share * scale)


def split(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """Matrices for Muon, other weights that decay, and the rest."""
    inner = ("layers.", "blocks.", "mm_projector", "text_hidden_fcs", "transformer.")
    muon, decay, rest = [], [], []
    for name, p in model.named_parameters():
        if p.ndim == 2 and any(k in name for k in inner) and "rel_pos" not in name and "hypernet" not in name:
            muon.append(p)
        elif p.ndim >= 2 and "embed" not in name and "token" not in name:
            decay.append(p)
        else:
            rest.append(p)
    return muon, decay, rest


class Optimiser:
    """Both, with one schedule factor."""

    def __init__(self, modules: list[nn.Module], muon_lr: float, adam_lr: float) -> None:
        parts = [split(m) for m in modules]
        muon, decay, rest = ([p for part in parts for p in part[i]] for i in range(3))
        self.params = [*muon, *decay, *rest]
        self.muon = Muon(muon, muon_lr)
        groups = [{"params": decay, "weight_decay": 0.02}, {"params": rest, "weight_decay": 0.0}]
        self.adam = torch.optim.AdamW(groups, lr=adam_lr, betas=(0.9, 0.98), fused=True)
        self.base = {id(self.muon): muon_lr, id(self.adam): adam_lr}

    def slow_down(self, modules: list[nn.Module], share: float) -> None:
        """Gives the matrices of these modules a share of the rate: they are trained already."""
        self.muon.share |= {id(p): share for m in modules for p in m.parameters()}

    def step(self, factor: float) -> float:
        """One clipped step at `factor` times the base rates; gives the gradient's norm."""
        norm = float(torch.nn.utils.clip_grad_norm_(self.params, 1.0, foreach=True))
        for optimiser in (self.muon, self.adam):
            for group in optimiser.param_groups:
                group["lr"] = self.base[id(optimiser)] * factor
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return norm

    def state_dict(self) -> dict[str, object]:
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state: dict[str, dict]) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
