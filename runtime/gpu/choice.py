"""How routes of GPU operators choose: by a Triton kernel where it can, else by PyTorch.

Choosers are the kernel's queries and units its keys, which are scored a tile at a time. Which of
them are candidates is a mask of their numbers, so that nothing is read back from the GPU.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from attnc.codegen.triton.config import TritonConfig
from attnc.compiler import fold
from attnc.compiler.choosers import K_LAST, Q_FIRST, Q_LAST, Numbered
from attnc.compiler.elaborate import Sizes
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex
from attnc.dsl.loader import load
from attnc.dsl.printer import print_expr
from attnc.runtime.gpu.aot import require_triton
from attnc.runtime.gpu.devices import current
from attnc.runtime.gpu.launch import module_of
from attnc.runtime.gpu.lower_triton import choice_source
from attnc.runtime.routes.candidates import Candidates
from attnc.runtime.routes.frame import Frame
from attnc.runtime.routes.scores import Products, Scores

MOST = 32  # places of a list, which a tile has for each chooser
FEWEST = 1 << 16  # scores of a head from which on a kernel is worth its compilation
WIDEST = 256  # columns
TILE, WARPS = (32, 32), 4  # choosers and units; docs/gpu.md has its registers


@dataclass(frozen=True, slots=True)
class Choice:
    """A kernel's specialisation: the mask of candidates, what is known of it, and the sizes."""

    mask: ast.Expr
    numbered: Numbered
    sizes: Sizes

    @property
    def names(self) -> list[str]:
        """The positions of a call that the mask reads."""
        return [n for n in (Q_FIRST, Q_LAST, K_LAST) if n in fold.names(self.mask)]

    @property
    def text(self) -> str:
        """The Triton file."""
        inputs = "".join(f"    input {name}: int\n" for name in self.names)
        mask = f"    mask {{ {print_expr(self.mask)} }}\n"
        bound = load(f"attention choice {{\n    cross\n{inputs}{mask}}}\n").bind()
        facts = self.numbered.facts(frozenset(self.names))
        return choice_source(bound, self.sizes, TILE, TritonConfig(WARPS), facts).text


def on_gpu(worth: Scores, allowed: Candidates, lse: Tensor | None) -> Tensor | None:
    """Lists int32 [Hc, C, n] by a kernel of the GPU's; None for what PyTorch chooses."""
    found = choice(worth, allowed) if isinstance(worth, Products) else None
    if found is None:
        return None
    assert isinstance(worth, Products)
    return _chosen(found, worth, allowed.at)


def choice(worth: Products, allowed: Candidates) -> Choice | None:
    """The kernel for a route in one sequence; None where there is none."""
    at, route = allowed.at, allowed.at.route
    if not (_fits(at) and _columns_fit(worth)) or at.row.k_start:
        return None
    numbered = Numbered(route.rows, route.size, route.stride)
    within, keep = (x.condition if x else None for x in (allowed.within, allowed.keep))
    mask = numbered.mask(within, keep, route.any)
    by_head = mask is not None and "h" in fold.names(mask)
    if mask is None or (by_head and at.own_heads != at.heads):
        return None
    sizes = Sizes(
        heads=at.heads if by_head else 0,
        kv_heads=len(worth.vectors) if by_head else 0,
        head_dim=worth.vectors.shape[2],
        value_dim=worth.vectors.shape[2],
        best=int(route.amounts[0]),
    )
    return Choice(mask, numbered, sizes)


def _fits(at: Frame) -> bool:
    """Whether a kernel keeps what a route wants: so many of each of many choosers."""
    route = at.route
    rule = route.rule in ("top", "bottom") and len(route.amounts) == 1
    many = route.choosers in ("token", "blocks", "group") and at.count * at.units >= FEWEST
    consecutive = route.units in ("token", "blocks") and not route.query_box
    return rule and many and consecutive and 0 < route.amounts[0] <= MOST


def _columns_fit(worth: Products) -> bool:
    return worth.asked.dtype == torch.float32 and worth.asked.shape[2] <= WIDEST


def _chosen(found: Choice, worth: Products, at: Frame) -> Tensor | None:
    """The lists of a kernel; heads that choose as one ask as one, as products add up."""
    asked = worth.asked
    if at.own_heads != at.heads:
        if at.own_heads % len(worth.vectors):
            return None
        asked = asked.view(at.own_heads, -1, *asked.shape[1:]).mean(1)
    asked = -asked if at.route.rule == "bottom" else asked
    choose = _function(found)
    if choose is None:
        return None
    row, rows = at.row, at.route.rows
    places = {
        Q_FIRST: row.q_start,
        Q_LAST: row.q_start + row.q_len - 1,
        K_LAST: row.k_start + row.k_len - 1,
    }
    given = {name: places[name] for name in found.names}
    with current(asked):
        lists = choose(asked[None], worth.vectors[None], q_start=row.q_start // rows, **given)
    return lists[0, ..., : at.units]


@cache
def _function(found: Choice) -> Callable[..., Tensor] | None:
    """`choose` of the file; None for masks of which isl makes no loop."""
    require_triton()
    try:
        choose: Callable[..., Tensor] = module_of(found.text).choose
    except AnalysisTooComplex:
        return None
    return choose
