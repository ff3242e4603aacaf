"""What training-free routes read beside queries and keys, made as their systems make it.

Each function takes q [H, N, D], k [Hkv, N, D] and which tokens end a line, bool [N].
"""

import torch
from torch import Tensor

from attnc.runtime.routes.labels import moved, nearest

Inputs = dict[str, Tensor]
UNIT, AHEAD, KEPT = 128, 1024, 4  # InfLLM: keys of a unit, later queries that judge them, taken
BLOCK, LEAST_DISTANCE = 128, 0.1  # FlexPrefill: keys of a block, and its tau
LONGEST = 64  # DHSA: tokens of a chunk
COARSE, FINE, STEPS = 0.01, 0.05, 6  # Squeezed: clusters as shares of the keys; steps of k-means


def none(q: Tensor, k: Tensor, ends: Tensor) -> Inputs:
    """Nothing: the route reads queries and keys alone."""
    return {}


def representatives(q: Tensor, k: Tensor, ends: Tensor) -> Inputs:
    """InfLLM: the mean of the keys of each unit that the queries after them like best.

    A key is judged by its mean product with the queries up to `AHEAD` later, of all heads.
    """
    length, columns = q.shape[1:]
    asked = q.view(len(k), -1, length, columns).mean(1).double()
    sums = torch.cat([asked.new_zeros(len(k), 1, columns), asked.cumsum(1)], 1)
    at = torch.arange(length)
    end = (at + AHEAD).clamp_max(length)
    mean = (sums[:, end] - sums[:, at]) / (end - at)[:, None]
    worth = (mean * k).sum(-1).view(len(k), -1, UNIT)
    best = worth.topk(KEPT, -1).indices.unsqueeze(-1).expand(-1, -1, -1, columns)
    units = k.view(len(k), -1, UNIT, columns)
    return {"representative": units.gather(2, best).mean(2)}


def kinds(q: Tensor, k: Tensor, ends: Tensor) -> Inputs:
    """FlexPrefill: a head takes blocks where mean keys foretell what its last queries attend to.

    Its test: the Jensen-Shannon distance of the two distributions over blocks is below tau.
    """
    own = q[:, -BLOCK:]
    keys = k.repeat_interleave(len(q) // len(k), 0)
    scale = q.shape[2] ** -0.5
    products = own @ keys.transpose(1, 2) * scale
    length = q.shape[1]
    rows = torch.arange(length - BLOCK, length)[:, None]
    products = products.masked_fill(torch.arange(length) > rows, -torch.inf)
    true = products.softmax(-1).mean(1).view(len(q), -1, BLOCK).sum(-1)
    means = keys.view(len(q), -1, BLOCK, q.shape[2]).mean(2)
    guess = torch.einsum("hd,hud->hu", own.mean(1), means).mul(scale).softmax(-1)
    middle = (true + guess) / 2
    divergence = sum(torch.xlogy(x, x / middle).sum(-1) for x in (true, guess)) / 2
    return {"by_blocks": (torch.as_tensor(divergence).sqrt() < LEAST_DISTANCE).int()}


def chunks(q: Tensor, k: Tensor, ends: Tensor) -> Inputs:
    """DHSA: a chunk is a line of the text, cut after `LONGEST` tokens.

    The system's own boundaries come from a small trained predictor.
    """
    at = torch.arange(len(ends))
    begins = torch.cat([ends.new_ones(1), ends[:-1]])
    first = torch.where(begins, at, 0).cummax(0).values
    begins = begins | ((at - first) % LONGEST == 0)
    return {"chunk": (begins.cumsum(0) - 1).int()}


def clusters(q: Tensor, k: Tensor, ends: Tensor) -> Inputs:
    """Squeezed: labels of keys by spherical k-means, and those of their centroids by another."""
    unit = torch.nn.functional.normalize(k, dim=-1)
    inner, centroids = k_means(unit, int(FINE * k.shape[1]))
    outer, _ = k_means(centroids, int(COARSE * k.shape[1]))
    groups = len(q) // len(k)
    found = {"inner": inner, "outer": outer.gather(1, inner.long())}
    return {name: labels.repeat_interleave(groups, 0) for name, labels in found.items()}


def k_means(x: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Labels int32 [H, N] and unit centroids [H, count, D] of unit vectors [H, N, D].

    They start at vectors that lie evenly along the text.
    """
    centroids = x[:, torch.linspace(0, x.shape[1] - 1, count).long()]
    for _ in range(STEPS):
        centroids = moved(x, nearest(x, centroids), centroids, decay=0.0)
        centroids = torch.nn.functional.normalize(centroids, dim=-1)
    return nearest(x, centroids), centroids
