"""A process that times matrix products, alone or beside attnc: what `matmul.py` starts twice.

`python -m benchmarks.product plain` imports torch and nothing of attnc, so it times PyTorch's own
speed. Each line of its input asks for one figure.
"""

import sys
from collections.abc import Callable
from time import perf_counter

import torch
from torch.nn.functional import scaled_dot_product_attention

SIZE, PRODUCTS = 1024, 5


def serve(role: str) -> None:
    """Answer each line with the seconds of a few products, right after other work."""
    a, b = torch.randn(2, SIZE, SIZE)
    before = attention(role)
    for _ in sys.stdin:
        before()
        start = perf_counter()
        for _ in range(PRODUCTS):
            torch.matmul(a, b)
        print(perf_counter() - start, flush=True)


def attention(role: str) -> Callable[[], object]:
    """A call of attention on all threads: attnc's or PyTorch's own."""
    q, k, v = torch.randn(3, 1, 8, 512, 64)
    if role == "plain":
        return lambda: scaled_dot_product_attention(q, k, v, is_causal=True)
    import attnc

    operator = attnc.compile("line/causal")
    return lambda: operator(q, k, v)


if __name__ == "__main__":
    serve(sys.argv[1])
