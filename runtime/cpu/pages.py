"""Large results in large pages.

What takes 32 MiB or more is mapped anew by the C library each time, and what takes a few often, and
its first writing, page by page of 4 KiB, takes longer than all later ones. Linux maps 2 MiB at a
time where it is asked to.
"""

import ctypes
import mmap
from functools import cache
from typing import Any

from torch import Tensor

LEAST = 4 << 20  # bytes


def large_pages(x: Tensor) -> Tensor:
    """The tensor, which was just made: where it is large and the system can, in large pages."""
    size, advise = x.numel() * x.element_size(), _advise()
    if size < LEAST or x.device.type != "cpu" or advise is None:
        return x
    first = -(-x.data_ptr() // mmap.PAGESIZE) * mmap.PAGESIZE
    end = (x.data_ptr() + size) // mmap.PAGESIZE * mmap.PAGESIZE
    advise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), mmap.MADV_HUGEPAGE)
    return x


@cache
def _advise() -> Any:
    """The C library's `madvise`; None where there are no such pages."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    return getattr(ctypes.CDLL(None), "madvise", None)
