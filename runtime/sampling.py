"""The density of random sets, from pairs that are looked at one by one.

What was drawn is fixed by the seed, but no count of integer points tells it. A sample does, for the
seed at hand and without a dense mask.
"""

from collections.abc import Mapping
from typing import Any

import torch

from attnc.compiler.affine import drawn_only
from attnc.compiler.analysis import Lengths
from attnc.compiler.inline import mask_condition
from attnc.dsl.program import Bound
from attnc.runtime.calls.row import Row
from attnc.runtime.torch_functions import function_of

PAIRS, AT_ONCE = 1 << 19, 1 << 14  # so few stay in the cache


def sampled_density(
    bound: Bound,
    lengths: Lengths,
    heads: int | None,
    kv_heads: int | None,
    inputs: Mapping[str, Any],
) -> tuple[float, float] | None:
    """The share of `PAIRS` random pairs that are in the mask, and its standard error.

    `inputs` are the run-time numbers. None where there is no pair, or something else than draws
    leaves the pairs open.
    """
    condition = mask_condition(bound, heads, kv_heads)
    if not drawn_only(condition) or not lengths.q_len * lengths.kv_len:
        return None
    rows = Row(0, 0, lengths.q_start, lengths.k_start, lengths.q_len, lengths.kv_len)
    holds = function_of(condition, bound, rows, heads or 1, inputs)
    chance = torch.Generator().manual_seed(0)
    below, entry = (heads or 1, lengths.q_len, lengths.kv_len), torch.tensor(inputs.get("b", 0))
    found = 0
    for _ in range(PAIRS // AT_ONCE):
        places = (torch.randint(0, n, (AT_ONCE,), generator=chance) for n in below)
        found += int(holds(entry, *places).sum())
    share = found / PAIRS
    return share, (share * (1 - share) / PAIRS) ** 0.5
