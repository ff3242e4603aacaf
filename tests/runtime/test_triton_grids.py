"""Triton files of grids against the oracle, in Triton's interpreter."""

from attnc.dsl.loader import load, shipped_grids
from tests.runtime.test_triton import numbers

EXTENTS = {1: (45,), 2: (7, 9), 3: (2, 5, 4)}
SMALL = {
    "grid/checkerboard": {"size": 4},
    "grid/frame_causal": {"frames": 2},
    "grid/freeswim": {"frames": 2, "height": 3, "width": 3},
    "grid/gcvit": {"size": 3},
    "grid/gna": {"kernel_y": 4, "kernel_x": 4, "stride_y": 2, "stride_x": 2, "causal_x": True},
    "grid/halonet": {"size": 3, "halo": 1},
    "grid/hidiffusion": {"size": 4},
    "grid/motionstream": {"frames": 1},
    "grid/natten1d": {"kernel": 5, "dilation": 3},
    "grid/natten2d": {"kernel_y": 3, "kernel_x": 3, "dilation_x": 2},
    "grid/natten3d": {"kernel_t": 2, "kernel_y": 3, "kernel_x": 3},
    "grid/swin": {"size": 4},
    "grid/swin_rmt": {"size": 4},
    "grid/swin_shifted": {"size": 4},
}
PLANE = "grid y: H, x: W  attention a"
MORE = {
    "one box": (f"{PLANE} {{ mask window(2) on y & neighborhood(3) on x }}", (3, 4)),
    "heads": (
        f"{PLANE} {{ mask (same on y when h mod 2 == 0) | (same on x when h mod 2 == 1) }}",
        (5, 12),
    ),
    "points": (f"{PLANE} {{ mask causal & ~{{ q == k }} & {{ k.x + 2 < len }} }}", (6, 7)),
    "data": (
        f"{PLANE} {{ input group: int[token]  input bias: float[h, d]  mask window(2) on y & "
        "{ group[q] == group[k] } score s + bias[h, clamp(q.x - k.x, -2, 2) + 2] }",
        (5, 12),
    ),
    "constant": ("attention a(n = 6) { grid y: n, x: 9  mask window(2) on y }", (6, 9)),
}  # fmt: skip


def one_attention() -> list[str]:
    """The shipped specs whose tokens are all on the grid."""
    return [name for name in shipped_grids() if not load(name).bind().segments]


def shipped_cases() -> list[dict]:
    return [
        {
            "spec": name,
            "tile": (32, 16),
            "parameters": SMALL.get(name, {}),
            "grids": [
                (9, 9) if name == "grid/sener_plus" else EXTENTS[len(load(name).bind().grid)]
            ],
        }
        for name in one_attention()
    ]


def test_every_spec_on_a_grid():
    cases = shipped_cases()
    cases += [
        {"spec": name, "text": text, "parameters": {}, "tile": (32, 16), "grids": [extents]}
        for name, (text, extents) in MORE.items()
    ]
    found = numbers(cases)
    assert len(found) == len(cases)
    assert not [
        r for r in found
        if not (r["out"] < 1e-5 and r["lse"] < 1e-5 and r["blind"] and r["repeats"])
    ]  # fmt: skip


def test_gradients():
    decay = {"spec": "grid/swin_rmt", "parameters": {"size": 4}, "grids": [(5, 7)]}
    frames = {"spec": "grid/motionstream", "parameters": {"frames": 1}, "grids": [(3, 2, 6)]}
    text = (
        f"{PLANE} {{ input group: int[token]  mask window(2) on y & {{ group[q] == group[k] }} }}"
    )
    data = {"spec": "data", "text": text, "parameters": {}, "grids": [(4, 9)]}
    cases = [decay, frames, data]
    found = numbers([{**case, "backward": (16, 16)} for case in cases])
    assert len(found) == len(cases)
    assert not [r for r in found if not (max(r["errors"]) < 1e-5 and r["repeats"])]
