"""The best units by one kernel, where each chooser's candidates follow each other.

Units are its keys and choosers its queries; scores exist one tile at a time.
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from attnc.compiler.elaborate import Sizes
from attnc.dsl.loader import load
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import bind_call
from attnc.runtime.calls.inputs import dtype_name
from attnc.runtime.cpu import kernels
from attnc.runtime.cpu.choices import best_keys
from attnc.runtime.routes.candidates import Candidates
from attnc.runtime.routes.choose import CHUNK
from attnc.runtime.routes.scores import Products
from attnc.runtime.routes.waiting import free

SPEC = """
attention choice {
    cross
    input first: int[q]
    input end: int[q]
    mask { first[q] <= k and k < end[q] }
}
"""
MOST = 32  # places of a list: each candidate goes down all of them
FEWEST = 1 << 18  # scores from which on a kernel pays for what it takes to call it


def fused(worth: Products, allowed: Candidates) -> Tensor | None:
    """int32 [H, C, n] as `choose.best` gives them; None for what needs the general way."""
    at, count = allowed.at, few_best(allowed)
    found = ranges(allowed) if count and at.own_heads == at.heads else None
    if found is None:
        return None
    first, end = found
    q, k = worth.asked.unsqueeze(0).contiguous(), worth.vectors.unsqueeze(0).contiguous()
    bound, kernel = _kernel(q.shape[3], dtype_name(q.dtype), count)
    call = bind_call(bound, q, k, k, scale=1.0, inputs={"first": first, "end": end})
    _, picks = best_keys(kernel, call, count)
    return ascending(picks[0])


def few_best(allowed: Candidates) -> int:
    """How many units a kernel keeps for each chooser; 0 where it is not of use."""
    at, route = allowed.at, allowed.at.route
    if not free(at.q) or route.rule != "top" or len(route.amounts) > 1:
        return 0
    count = min(int(route.amounts[0]), at.units)
    able = count <= MOST
    return count if able and at.count * at.units >= FEWEST else 0


def ascending(picks: Tensor) -> Tensor:
    """The same lists in the order of units, in place; the -1 of places that are left come last."""
    picks.numpy().view(np.uint32).sort(-1)
    return picks


@cache
def _kernel(columns: int, dtype: str, count: int) -> tuple[Bound, kernels.LoadedKernel]:
    bound = load(SPEC).bind()
    sizes = Sizes(head_dim=columns, value_dim=columns, dtype=dtype, best=count)
    return bound, kernels.from_files(kernels.files(bound, sizes))


def ranges(allowed: Candidates) -> tuple[Tensor, Tensor] | None:
    """The first candidate of each chooser and the one after its last, int32 [C]; or None."""
    alike = allowed.alike()
    if alike is not None:
        rows, counts = alike
        found = _range(rows)
        if found is None:
            return None
        first, end = found.repeat_interleave(counts, 1)
        return first, end
    at, parts = allowed.at, []
    step = max(1, CHUNK // at.units)
    for low in range(0, at.count, step):
        rows = allowed.of(low, min(low + step, at.count))
        one = _range(rows[0]) if rows.shape[0] == 1 else None
        if one is None:
            return None
        parts.append(one)
    first, end = torch.cat(parts, 1)
    return first, end


def _range(rows: Tensor) -> Tensor | None:
    """The firsts and ends of bool [C, U], int32 [2, C]; None where one has a gap."""
    numbers = rows.int()
    counts, first = numbers.sum(-1), numbers.argmax(-1)
    last = rows.shape[1] - 1 - numbers.flip(-1).argmax(-1)
    if bool(((last - first + 1 != counts) & (counts > 0)).any()):
        return None
    return torch.stack([first, first + counts]).int()
