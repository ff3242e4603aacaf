"""One call of a pattern: a spec with its lengths, heads, batch and inputs, all checked."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attnc.compiler import fold
from attnc.compiler.all_tokens import all_tokens
from attnc.compiler.grids import on_tokens
from attnc.compiler.inline import mask_condition, score_expression
from attnc.dsl import syntax as ast
from attnc.dsl.errors import HeadsMissing, InvalidValue, NotBuiltForTarget
from attnc.dsl.loader import load
from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Row
from attnc.runtime.calls.grids import check_grid, segment_lengths, tokens_of
from attnc.runtime.calls.inputs import bind_inputs
from attnc.runtime.oracle.errors import BatchMissing, LengthMissing
from attnc.runtime.segmented.attend import layout_of
from attnc.runtime.torch_functions import Function, function_of

Spec = str | os.PathLike[str]
Device = torch.device | str


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes that a caller gives; `seq` sets both lengths."""

    q_len: int | None
    kv_len: int | None
    seq: int | None = None
    grid: tuple[int, ...] | None = None
    heads: int | None = None
    kv_heads: int | None = None
    batch: int | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A bound spec at given sizes, with its inputs as given, on the CPU."""

    bound: Bound
    rows: Row
    grid: tuple[int, ...]
    heads: int | None
    kv_heads: int | None
    batch: int | None
    inputs: Mapping[str, Any]

    @property
    def condition(self) -> ast.Expr:
        """The mask as one closed formula of positions, also where the spec has a grid."""
        if self.bound.segments:
            return self._of_all_tokens[0]
        found = mask_condition(self.bound, self.heads, self.kv_heads)
        return on_tokens(found, [n for n, _ in self.bound.grid], self.grid) if self.grid else found

    @property
    def score(self) -> ast.Expr | None:
        """The score as a closed formula, if the spec has one."""
        if self.bound.segments:
            return self._of_all_tokens[1]
        return score_expression(self.bound, self.heads, self.kv_heads)

    @property
    def _of_all_tokens(self) -> tuple[ast.Expr, ast.Expr | None]:
        """Mask and score of a grid with segments."""
        layout = layout_of(self.bound, self.grid, self.inputs)
        return all_tokens(self.bound, layout, self.heads, self.kv_heads)

    @property
    def entries(self) -> int:
        """The batch entries that have masks of their own: 1 where all share one."""
        sizes = self.batches(self.condition)
        if "b" in fold.names(self.condition) and not sizes:
            if self.batch is None:
                raise BatchMissing
            return self.batch
        return max(sizes, default=1)

    def batches(self, expr: ast.Expr | None) -> list[int]:
        """The lengths of the batch axes of the inputs that an expression reads."""
        declared = self.bound.inputs
        read = {name: self.inputs.get(name) for name in names_in(expr) & declared.keys()}
        return [
            x.shape[0]
            for name, x in read.items()
            if isinstance(x, Tensor) and x.dim() >= len(declared[name].axes) > 0
            if "b" in declared[name].axes or x.dim() > len(declared[name].axes)
        ]

    def mask_mod(self, device: Device = "cpu") -> Function:
        """The mask as a function of batch entry, head, row of queries and row of keys."""
        condition = self.condition
        if isinstance(condition, ast.Bool):
            value = condition.value
            return lambda b, h, i, j: b.new_full((), value, dtype=torch.bool)
        return self._function(condition, device)

    def score_mod(self, device: Device = "cpu") -> Function | None:
        """The score as a function of the scaled product and the four indices."""
        return None if self.score is None else self._function(self.score, device, "s, ")

    def _function(self, expr: ast.Expr, device: Device, first: str = "") -> Function:
        inputs = {n: x.to(device) if isinstance(x, Tensor) else x for n, x in self.inputs.items()}
        heads = self.heads or 0
        return function_of(expr, self.bound, self.rows, heads, inputs, self.grid, first, device)


def pattern_of(spec: Spec, sizes: Sizes, given: dict[str, Any], score: bool = False) -> Pattern:
    """The pattern of a spec; `given` are its parameters and inputs.

    The inputs that the mask reads have to be there, or those that the score reads. Raises
    `AttnError`.
    """
    program = load(spec)
    inputs = {name: x for name, x in given.items() if name in program.inputs and x is not None}
    bound = program.bind(**{name: x for name, x in given.items() if name not in program.inputs})
    if bound.routes:
        raise NotBuiltForTarget("a mask whose keys a route chooses at each call", "flex", ("cpu",))
    grid = check_grid(bound, sizes.grid, None)
    rows = _rows(bound, sizes, grid, segment_lengths(bound, inputs))
    own = {name: x.cpu() if isinstance(x, Tensor) else x for name, x in inputs.items()}
    kv_heads = sizes.kv_heads or sizes.heads
    found = Pattern(bound, rows, grid, sizes.heads, kv_heads, sizes.batch, own)
    _check(found, found.score if score else found.condition)
    return found


def names_in(expr: ast.Expr | None) -> frozenset[str]:
    """What an expression reads: built-ins, tensors, run-time numbers."""
    if expr is None:
        return frozenset()
    read = {node.base for node in fold.walk(expr) if isinstance(node, ast.Index | ast.Member)}
    return fold.names(expr) | read


def _rows(bound: Bound, sizes: Sizes, grid: tuple[int, ...], segments: Mapping[str, int]) -> Row:
    points = tokens_of(grid, segments=segments) if grid else None
    found = []
    for name, given in (("q_len", sizes.q_len), ("kv_len", sizes.kv_len)):
        length = next((n for n in (given, sizes.seq, points) if n is not None), None)
        if length is None:
            raise LengthMissing(name)
        if length < 1 or points not in (None, length):
            expected = (
                "a length of 1 or more"
                if points is None
                else f"{points}, as in the grid{' and the segments' * bool(segments)}"
            )
            raise InvalidValue(name, expected, str(length))
        found.append(length)
    q_len, k_len = found
    return Row(0, 0, 0 if bound.cross else k_len - q_len, 0, q_len, k_len)


def _check(pattern: Pattern, expr: ast.Expr | None) -> None:
    """Check what an expression reads against operands of these sizes."""
    if expr is not None and any(isinstance(node, ast.Member) for node in fold.walk(expr)):
        raise NotBuiltForTarget("a test of a run-time set", "FlexAttention")
    used = names_in(expr)
    if "h" in used and pattern.heads is None:
        raise HeadsMissing
    batch = pattern.batch or max(pattern.batches(expr), default=1)
    one, rows = torch.empty(1), pattern.rows
    q = one.expand(batch, pattern.heads or 1, rows.q_len, 1)
    k = one.expand(batch, pattern.kv_heads or 1, rows.k_len, 1)
    bind_inputs(pattern.bound, pattern.inputs, q, k, wanted=used)
