"""Dense definitions of the shipped patterns on grids, point by point, as their papers give them.

`KEYS[name](q, k, grid, **parameters)` says whether point `q` sees point `k`; `CASES[name]` are
extents with parameters to try.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.references import segments

Point = tuple[int, ...]


def near(q: int, k: int, size: int, w: int, d: int = 1) -> bool:
    """NATTEN: the w nearest of the positions that leave the remainder of q by d."""
    line = list(range(q % d, size, d))
    place = line.index(q)
    first = min(max(place - w // 2, 0), max(len(line) - w, 0))
    return k in line[first : first + w]


def led(q: int, k: int, size: int, w: int, stride: int, d: int = 1, causal: bool = False) -> bool:
    """Generalized NATTEN: the window of the query that leads a group of `stride`.

    It is the one in the middle, on a causal axis the last one; the groups are of the queries that
    leave one remainder by d.
    """
    line = list(range(q % d, size, d))
    group = line.index(q) // stride * stride
    if not causal:
        return near(line[min(group + stride // 2, len(line) - 1)], k, size, w, d)
    last = min(group + stride - 1, len(line) - 1)
    return k in line[max(last - w + 1, 0) : line.index(q) + 1]


def natten(q: Point, k: Point, grid: Point, **p: int) -> bool:
    names = "tyx"[-len(grid) :]
    kernels = [p.get(f"kernel_{n}", p.get("kernel", 0)) for n in names]
    steps = [p.get(f"dilation_{n}", p.get("dilation", 1)) for n in names]
    return all(map(near, q, k, grid, kernels, steps))


def gna(q: Point, k: Point, grid: Point, **p: int) -> bool:
    def along(i: int, name: str) -> bool:
        more = p.get(f"dilation_{name}", 1), bool(p.get(f"causal_{name}", False))
        return led(q[i], k[i], grid[i], p[f"kernel_{name}"], p[f"stride_{name}"], *more)

    return along(0, "y") and along(1, "x")


def swin(q: Point, k: Point, grid: Point, size: int) -> bool:
    return all(a // size == b // size for a, b in zip(q, k, strict=True))


def swin_shifted(q: Point, k: Point, grid: Point, size: int) -> bool:
    return all(
        (a + size // 2) // size == (b + size // 2) // size for a, b in zip(q, k, strict=True)
    )


def halonet(q: Point, k: Point, grid: Point, size: int, halo: int) -> bool:
    return all(
        b in range(a // size * size - halo, (a // size + 1) * size + halo)
        for a, b in zip(q, k, strict=True)
    )


def checkerboard(q: Point, k: Point, grid: Point, size: int) -> bool:
    """Coded second: odd points, from the even ones of their window."""
    second = sum(q) % 2 == 1 and sum(k) % 2 == 0
    return q == k or (second and swin(q, k, grid, size))


def radial(q: Point, k: Point, grid: Point, sinks: int) -> bool:
    """The width of a band of frames, all of a frame for the own and the next ones."""
    apart = abs(q[0] - k[0])
    doublings = math.floor(math.log2(max(apart, 1)))
    return k[0] < sinks or abs(q[1] - k[1]) < grid[1] / 2**doublings


def hidiffusion(q: Point, k: Point, grid: Point, size: int, shift: int) -> bool:
    return all((a + shift) // size == (b + shift) // size for a, b in zip(q, k, strict=True))


KEYS: Mapping[str, Callable[..., bool]] = {
    "grid/natten1d": natten,
    "grid/natten2d": natten,
    "grid/natten3d": natten,
    "grid/gna": gna,
    "grid/swin": swin,
    "grid/swin_shifted": swin_shifted,
    "grid/swin_rmt": swin,
    "grid/halonet": halonet,
    "grid/hidiffusion": hidiffusion,
    "grid/axial": lambda q, k, grid: q[0] == k[0] or q[1] == k[1],
    "grid/frame_causal": lambda q, k, grid, frames: 0 <= q[0] - k[0] < frames,
    "grid/motionstream": lambda q, k, grid, sinks, frames: (
        k[0] <= q[0] and (q[0] - k[0] < frames or k[0] < sinks)
    ),
    "grid/temporal": lambda q, k, grid: q[1:] == k[1:],
    "grid/spatial": lambda q, k, grid: q[0] == k[0],
    "grid/skiparse_token": lambda q, k, grid, step: (
        q[1] % step == k[1] % step and q[2] % step == k[2] % step
    ),
    "grid/skiparse_group": lambda q, k, grid, step: all(
        a // step % step == b // step % step for a, b in zip(q[1:], k[1:], strict=True)
    ),
    "grid/checkerboard": checkerboard,
    "grid/radial": radial,
    "grid/freeswim": lambda q, k, grid, **p: all(map(near, q, k, grid, p.values())),
    "grid/gcvit": swin,
    "grid/sener_plus": lambda q, k, grid, w: (
        sum(a != b for a, b in zip(q, k, strict=True)) < 2
        and sum(abs(a - b) for a, b in zip(q, k, strict=True)) <= w
    ),
    **segments.KEYS,
}

CASES: Mapping[str, tuple[tuple[Point, dict[str, Any]], ...]] = {
    "grid/natten1d": (((40,), {"kernel": 7, "dilation": 3}), ((9,), {"kernel": 4, "dilation": 2})),
    "grid/natten2d": (
        ((9, 14), {"kernel_y": 5, "kernel_x": 4, "dilation_y": 1, "dilation_x": 2}),
        ((3, 4), {"kernel_y": 7, "kernel_x": 7, "dilation_y": 1, "dilation_x": 1}),
    ),
    "grid/natten3d": (((3, 6, 8), {"kernel_t": 2, "kernel_y": 3, "kernel_x": 3, "dilation_x": 2}),),
    "grid/gna": (
        ((9, 17), {"kernel_y": 4, "kernel_x": 8, "stride_y": 2, "stride_x": 4}),
        (
            (7, 13),
            {"kernel_y": 3, "kernel_x": 3, "stride_y": 2, "stride_x": 2}
            | {"dilation_x": 2, "causal_y": True},
        ),
    ),
    "grid/swin": (((8, 10), {"size": 4}),),
    "grid/swin_shifted": (((8, 10), {"size": 4}),),
    "grid/swin_rmt": (((8, 10), {"size": 4}),),
    "grid/halonet": (((10, 12), {"size": 4, "halo": 1}),),
    "grid/hidiffusion": (((9, 12), {"size": 5, "shift": 2}), ((9, 12), {"size": 5, "shift": 0})),
    "grid/axial": (((7, 11), {}),),
    "grid/frame_causal": (((5, 3, 4), {"frames": 2}),),
    "grid/motionstream": (((6, 3, 4), {"sinks": 1, "frames": 2}),),
    "grid/temporal": (((5, 3, 4), {}),),
    "grid/spatial": (((5, 3, 4), {}),),
    "grid/skiparse_token": (((2, 6, 7), {"step": 3}),),
    "grid/skiparse_group": (((2, 6, 9), {"step": 2}),),
    "grid/checkerboard": (((9, 10), {"size": 4}),),
    "grid/radial": (((9, 12), {"sinks": 1}),),
    "grid/freeswim": (((4, 6, 8), {"frames": 3, "height": 4, "width": 5}),),
    "grid/gcvit": (((8, 10), {"size": 4}),),
    "grid/sener_plus": (((9, 9), {"w": 3}),),
    **segments.CASES,
}


def dense(name: str, grid: Point, **parameters: int) -> np.ndarray:
    """The pairs [N, N] of a pattern."""
    given = dict(parameters)
    found = segments.tokens(name, list(itertools.product(*map(range, grid))), given)
    keys = KEYS[name]
    return np.array([[keys(q, k, grid, **given) for k in found] for q in found])
