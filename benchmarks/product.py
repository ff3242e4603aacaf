"""A process that times matrix products, alone or beside attnc: what `matmul.py` starts twice.

`python -m benchmarks.product plain` imports torch and nothing of attnc, so it times PyTorch's own
speed. Each line of its input asks for one figure.
"""

import sys
from collections.abc import Callable
from time import perf_counter

import torch

SIZE, PRODUCTS = 1024, 5


def serve(role: str) -> None:
    """Answer each line with the seconds of a few products, right after other work."""
    a, b = torch.randn(2, SIZE, SIZE)
    before = attention() if role == "attnc" else lambda: torch.matmul(a, b)
    for _ in sys.stdin:
        before()
        start = perf_counter()
        for _ in range(PRODUCTS):
            torch.matmul(a, b)
        print(perf_counter() - start, flush=True)


def attention() -> Callable[[], object]:
    """A compiled operator's call on all threads."""
    import attnc

    q, k, v = torch.randn(3, 1, 8, 512, 64)
    operator = attnc.compile("line/causal")
    return lambda: operator(q, k, v)


if __name__ == "__main__":
    serve(sys.argv[1])
