"""Labels of tokens for `keys cluster(label)` and for masks that compare them."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def nearest(x: Tensor, centroids: Tensor) -> Tensor:
    """The number of the centroid of the greatest product: x [..., N, D], centroids [..., K, D].

    int32 [..., N]. With unit vectors this is spherical k-means (Roy et al. 2021, section 4.1).
    """
    return (x @ centroids.transpose(-2, -1)).argmax(-1).int()


def moved(x: Tensor, label: Tensor, centroids: Tensor, decay: float = 0.999) -> Tensor:
    """Centroids [..., K, D] moved towards the mean of the vectors of their label.

    A centroid without vectors stays. The update belongs outside of the kernel and has no gradient.
    """
    with torch.no_grad():
        each = torch.nn.functional.one_hot(label.long(), centroids.shape[-2]).to(x.dtype)
        sums = each.transpose(-2, -1) @ x
        counts = each.sum(-2).unsqueeze(-1)
        means = sums / counts.clamp_min(1)
        return torch.where(counts > 0, decay * centroids + (1 - decay) * means, centroids)


def buckets(x: Tensor, rotations: Tensor) -> Tensor:
    """The bucket of a random rotation (Kitaev et al. 2020, section 2): int32 [..., N].

    x [..., N, D] and `rotations` [D, K / 2] give one of K buckets, the largest of [xR, -xR].
    """
    turned = x @ rotations
    return torch.cat([turned, -turned], -1).argmax(-1).int()


def boxes(grid: Sequence[int], sizes: Sequence[int | None]) -> Tensor:
    """The box of each point of a grid in row-major order: int32 [points].

    `sizes` are the points of a box along each axis, None for all; boxes at the border may be
    smaller.
    """
    counts = [
        math.ceil(extent / (size or extent)) for extent, size in zip(grid, sizes, strict=True)
    ]
    found = torch.zeros(tuple(grid), dtype=torch.int64)
    for axis, (extent, size, count) in enumerate(zip(grid, sizes, counts, strict=True)):
        shape = [1] * len(grid)
        shape[axis] = extent
        found = found * count + (torch.arange(extent) // (size or extent)).view(shape)
    return found.flatten().int()


def members(grid: Sequence[int], sizes: Sequence[int | None]) -> Tensor:
    """How far from its first point the points of a box lie, in tokens: int64 [points of a box]."""
    found = torch.zeros(1, dtype=torch.int64)
    for place, (extent, size) in enumerate(zip(grid, sizes, strict=True)):
        steps = torch.arange(min(size or extent, extent)) * math.prod(grid[place + 1 :])
        found = (found[:, None] + steps).flatten()
    return found
