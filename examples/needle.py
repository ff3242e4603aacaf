"""A needle far back: a route finds the key that one query asks for, a window does not.

`python -m examples.needle [picture.png]` plants a key that matches the last query.
"""

import sys

import torch
from torch import Tensor

import attnc

LENGTH, DIM, NEEDLE, BLOCK, CHOSEN, WINDOW = 1024, 64, 200, 32, 4, 160


def haystack() -> tuple[Tensor, Tensor, Tensor]:
    """Random q, k, v [1, 1, N, D]; the value at the needle is 1 in each column, others small."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(1, 1, LENGTH, DIM, generator=generator) for _ in range(3))
    q[..., -1, :] = 3 * k[..., NEEDLE, :]
    v = 0.1 * v
    v[..., NEEDLE, :] = 1.0
    return q, k, v


def main(picture: str | None = None) -> None:
    """What the last query reads: 1 where the needle was found, about 0 where it was not."""
    q, k, v = haystack()
    window = attnc.compile("line/mistral", w=WINDOW)(q, k, v)
    route = attnc.compile("route/moba", block=BLOCK, n=CHOSEN)
    routed, routes = route(q, k, v, return_routes=True)
    full = attnc.compile("line/causal")(q, k, v)
    print(f"the needle is in block {NEEDLE // BLOCK}; {LENGTH - NEEDLE} tokens lie behind it")
    print(f"the last query chose blocks {routes['picked'][0, 0, -1].tolist()}")
    for name, out in (("full", full), ("route", routed), ("window", window)):
        print(f"{name} reads {out[0, 0, -1].mean():.3f}")
    if picture is not None:
        draw(picture, q, k)


def draw(path: str, q: Tensor, k: Tensor) -> None:
    """Both patterns, one pixel for each pair, the needle's column marked."""
    from matplotlib import pyplot

    routed = attnc.mask("route/moba", q=q, k=k, block=BLOCK, n=CHOSEN)[0, 0]
    window = attnc.mask("line/mistral", w=WINDOW, seq=LENGTH)[0]
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 5), layout="constrained")
    panels = zip(axes, (window, routed), ("a window", "a route"), strict=True)
    for axis, pairs, title in panels:
        axis.imshow(pairs, cmap="Greys", interpolation="nearest")
        axis.axvline(NEEDLE, color="tab:red", linewidth=0.8)
        axis.plot(NEEDLE, LENGTH - 1, "o", color="tab:red", clip_on=False)
        axis.set(title=title, xlabel="key", ylabel="query")
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main(*sys.argv[1:2])
