"""Greedy replies in batches, for free-running figures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .llama import bias_of
from .losses import DTYPE
from .model import Glamm
from .text import EOS


@torch.no_grad()
def generate(
    model: Glamm, embeds: list[Tensor], limit: int
) -> tuple[list[list[int]], list[Tensor]]:
    """Replies to prompts given as embeddings [X, W] of differing lengths, and for each the final
    hidden states [n, W] from which its ids were predicted."""
    longest, n = max(len(e) for e in embeds), len(embeds)
    x = torch.stack([F.pad(e, (0, 0, longest - len(e), 0)) for e in embeds]).to(DTYPE)
    start = torch.tensor([longest - len(e) for e in embeds])
    at = torch.arange(longest)
    seen = at[None] >= start[:, None]
    causal = at[:, None] >= at[None]
    # Padding sees itself, so that no row of the softmax is empty.
    allowed = (seen[:, None, :] & causal) | torch.eye(longest, dtype=torch.bool)
    positions = (at[None] - start[:, None]).clamp(min=0)
    hidden, caches = model.llm(x, positions, bias_of(allowed, DTYPE)[:, None])
    last = hidden[:, -1]
    ids: list[list[int]] = [[] for _ in embeds]
    states: list[list[Tensor]] = [[] for _ in embeds]
    open_ = torch.ones(n, dtype=torch.bool)
    for step in range(limit):
        chosen = model.lm_head(last).float().argmax(-1)
        for i in open_.nonzero()[:, 0].tolist():
            ids[i].append(int(chosen[i]))
            states[i].append(last[i])
        open_ &= chosen != EOS
        if not open_.any():
            break
        seen = torch.cat([seen, torch.ones(n, 1, dtype=torch.bool)], 1)
        x = F.embedding(chosen, model.model.embed_tokens.weight)[:, None].to(DTYPE)
        positions = (longest + step - start)[:, None]
        hidden, caches = model.llm(x, positions, bias_of(seen, DTYPE)[:, None, None], caches)
        last = hidden[:, -1]
    return ids, [torch.stack(s) for s in states]
