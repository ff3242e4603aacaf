"""From a spec to a first result with nothing cached: what a user waits for once."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import torch

import attnc
from attnc.runtime.timing import seconds
from benchmarks.cases import flex_attention, tensors, within


def ours() -> float:
    """Seconds from `line/mistral` to its first output; imports and LLVM's start are not counted."""
    q, k, v = tensors(4, 512, 64)
    with empty_cache("ATTNC_CACHE_DIR"):
        attnc.compile("line/causal")(q, k, v)
        return seconds(lambda: attnc.compile("line/mistral", w=251)(q, k, v))


def flex() -> float:
    """Seconds from a mask function to FlexAttention's first output, imports aside."""
    q, k, v = tensors(4, 512, 64)
    torch.compile(lambda x: x + 1)(q)
    attend, block_mask = flex_attention()
    keep = within(251)
    torch._dynamo.reset()
    with empty_cache("TORCHINDUCTOR_CACHE_DIR"):
        return seconds(
            lambda: attend(q, k, v, block_mask=block_mask(keep, None, None, 512, 512, device="cpu"))
        )


@contextmanager
def empty_cache(variable: str) -> Iterator[None]:
    """Let an environment variable name a new, empty folder."""
    before = os.environ.get(variable)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[variable] = folder
        yield
    del os.environ[variable]
    if before is not None:
        os.environ[variable] = before
