"""A spec's mask and score as plain torch functions of index tensors.

FlexAttention takes them as `mask_mod` and `score_mod`; `eager` evaluates them densely. They are
written from the compiler's closed formulas, as the Python expressions that a person would write.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import prod
from typing import Any, assert_never

import torch
from torch import Tensor

from attnc.compiler.all_tokens import all_tokens
from attnc.compiler.inline import mask_condition, score_expression
from attnc.dsl import syntax as ast
from attnc.dsl.program import Bound
from attnc.runtime.calls.row import Row
from attnc.runtime.segmented.attend import layout_of
from attnc.runtime.torch_helpers import HELPERS

Function = Callable[..., Tensor]


@dataclass(frozen=True, slots=True)
class Functions:
    """`mask(b, h, i, j)` and, if the spec has a score, `score(s, b, h, i, j)`; i and j are rows."""

    mask: Function
    score: Function | None


def torch_functions(
    bound: Bound,
    rows: Row,
    heads: int,
    kv_heads: int,
    inputs: Mapping[str, Any],
    grid: tuple[int, ...] = (),
    device: torch.device | str = "cpu",
) -> Functions:
    """The functions of a bound spec for one sequence. Raises `AnalysisTooComplex`."""
    if bound.segments:
        layout = layout_of(bound, grid, inputs)
        condition, score = all_tokens(bound, layout, heads, kv_heads)
    else:
        condition = mask_condition(bound, heads, kv_heads)
        score = score_expression(bound, heads, kv_heads)
    return Functions(
        function_of(condition, bound, rows, heads, inputs, grid, "", device),
        None
        if score is None
        else function_of(score, bound, rows, heads, inputs, grid, "s, ", device),
    )


def function_of(
    expr: ast.Expr,
    bound: Bound,
    rows: Row,
    heads: int,
    inputs: Mapping[str, Any],
    grid: tuple[int, ...] = (),
    score: str = "",
    device: torch.device | str = "cpu",
) -> Function:
    """The function of (b, h, i, j), after `score`, for a closed expression of a bound spec.

    `inputs` are on the device that it will be called on.
    """
    extents = dict(zip((label for label, _ in bound.grid), grid, strict=False))
    writer = _Writer(bound, rows, heads, dict(inputs), extents, device)
    return writer.function(f"{score}b, h, i, j", expr)


def tile_function(
    bound: Bound,
    rows: Row,
    heads: int,
    inputs: Mapping[str, Any],
    expr: ast.Expr,
    names: Sequence[str],
) -> Function:
    """A function of `names` (`h`, `b`, or bounds such as `q_low`) from an expression over them."""
    writer = _Writer(bound, rows, heads, dict(inputs))
    arguments = ", ".join(name if name in "hb" else f"e_{name}" for name in names)
    found: Function = eval(f"lambda {arguments}: {writer.text(expr)}", writer.names)
    return found


def head_function(bound: Bound, expr: ast.Expr, heads: int, inputs: Mapping[str, Any]) -> Function:
    """A function of (b, h) from a closed expression that reads no position."""
    writer = _Writer(bound, Row(0, 0, 0, 0, 0, 0), heads, dict(inputs))
    found: Function = eval(f"lambda b, h: {writer.text(expr)}", writer.names)
    return found


def closed_function(
    bound: Bound,
    rows: Row,
    heads: int,
    inputs: Mapping[str, Any],
    expr: ast.Expr,
    names: tuple[str, ...],
    grid: tuple[int, ...] = (),
) -> Function:
    """A function of b, h and further names from a closed expression; `q`, `k` are positions."""
    extents = dict(zip((label for label, _ in bound.grid), grid, strict=False))
    writer = _Writer(bound, rows, heads, dict(inputs), extents)
    own = (name if name in ("q", "k", "s") else f"e_{name}" for name in names)
    found: Function = eval(f"lambda b, h, {', '.join(own)}: {writer.text(expr)}", writer.names)
    return found


@dataclass(frozen=True, slots=True)
class _Writer:
    bound: Bound
    rows: Row
    heads: int
    inputs: dict[str, Any]
    grid: dict[str, int] = field(default_factory=dict)
    device: torch.device | str = "cpu"
    names: dict[str, Any] = field(default_factory=lambda: dict(HELPERS))

    def function(self, arguments: str, expr: ast.Expr) -> Function:
        """A function of rows; the formula's `q` and `k` are positions. A condition gives bools."""
        positions = f"i + {self.rows.q_start}, j + {self.rows.k_start}"
        text = f"(lambda q, k: {self.text(expr)})({positions})"
        if not arguments.startswith("s"):
            text = f"holds_({text}, b)"
        found: Function = eval(f"lambda {arguments}: {text}", self.names)
        return found

    def text(self, expr: ast.Expr) -> str:
        """The Python text of an expression, parenthesised throughout."""
        match expr:
            case ast.Int(value) | ast.Float(value) | ast.Bool(value):
                return f"({value!r})"
            case ast.Name(name):
                return self._name(name)
            case ast.Index(base, indices):
                return self._read(base, indices)
            case ast.Member(value, base, indices):
                return self._member(value, base, indices)
            case ast.Unary("-", operand):
                return f"(-{self.text(operand)})"
            case ast.Unary(_, operand):
                return f"not_({self.text(operand)})"
            case ast.Binary(op, left, right):
                return f"({self.text(left)} {_OPERATORS.get(op, op)} {self.text(right)})"
            case ast.Compare(ops, operands):
                pairs = pairwise(map(self.text, operands))
                links = (f"({a} {op} {b})" for op, (a, b) in zip(ops, pairs, strict=True))
                return f"({' & '.join(links)})"
            case ast.Call():
                return self._call(expr)
            case ast.Exists(variable, low, high, body):
                bounds = f"{self.text(low)}, {self.text(high)}"
                return f"exists_(lambda e_{variable}: {self.text(body)}, {bounds})"
            case ast.List():
                raise AssertionError("inlining leaves lists in `at` only")
            case _:
                assert_never(expr)

    def _call(self, call: ast.Call) -> str:
        match call:
            case ast.Call("at", (ast.List(items), index)):
                return f"{self._table(items)}[{self.text(index)}]"
            case ast.Call(function, arguments):
                return f"{function}_({', '.join(map(self.text, arguments))})"

    def _name(self, name: str) -> str:
        match name:
            case "q" | "k" | "h" | "b" | "s":
                return name
            case "len":
                return f"({self.rows.k_start + self.rows.k_len})"
            case "qlen":
                return f"({self.rows.q_len})"
            case _ if "." in name:
                return self._along(*name.split("."))
            case _ if name in self.inputs:
                self.names[f"x_{name}"] = self.inputs[name]
                return f"x_{name}"
            case _:
                return f"e_{name}"

    def _along(self, what: str, label: str) -> str:
        """A coordinate (or `len`, the extent) of a point, the last axis being the fastest."""
        if what == "len":
            return f"({self.grid[label]})"
        labels = list(self.grid)
        inner = prod(self.grid[other] for other in labels[labels.index(label) + 1 :])
        return f"({what} // {inner} % {self.grid[label]})"

    def _read(self, base: str, indices: tuple[ast.Expr, ...]) -> str:
        axes, x = self.bound.inputs[base].axes, self.inputs[base]
        self.names[f"x_{base}"] = x
        sizes = x.shape[x.dim() - len(axes) :]
        texts = map(self.text, indices)
        places = [self._place(*row) for row in zip(axes, texts, sizes, strict=True)]
        if x.dim() > len(axes):
            places.insert(0, "b" if x.shape[0] > 1 else "0")
        return f"x_{base}[{', '.join(places)}]"

    def _member(self, value: ast.Expr, base: str, indices: tuple[ast.Expr, ...]) -> str:
        """Lists are the last axis; those of queries are counted from that of the first one."""
        axes, x = self.bound.inputs[base].axes, self.inputs[base]
        self.names[f"x_{base}"] = x
        places = []
        for axis, index in zip(axes, indices, strict=True):
            text = self.text(index)
            if axis == "q":
                size = index.right if isinstance(index, ast.Binary) else ast.Int(1)
                first = f"({self.rows.q_start} // {self.text(size)})"
                places.append(f"{text} - {first} + {self.rows.q_row}")
            else:
                places.append(self._place(axis, text, x.shape[axes.index(axis) - len(axes) - 1]))
        if x.dim() > len(axes) + 1:
            places.insert(0, "b" if x.shape[0] > 1 else "0")
        return f"member_({', '.join([self.text(value), f'x_{base}', *places])})"

    def _place(self, axis: str, index: str, size: int) -> str:
        """The tensor row that an index means; a query beyond the keys has the nearest token."""
        rows = self.rows
        match axis:
            case "hkv":
                return f"{index} // {self.heads // size}"
            case "token":
                return f"({index} - {rows.k_start}).clamp(0, {rows.k_len - 1}) + {rows.k_row}"
            case "k":
                return f"{index} + {rows.k_row - rows.k_start}"
            case "q":
                return f"{index} + {rows.q_row - rows.q_start}"
            case _:
                return index

    def _table(self, items: tuple[ast.Expr, ...]) -> str:
        name = f"t_{len(self.names)}"
        self.names[name] = torch.tensor(
            [eval(self.text(item)) for item in items], device=self.device
        )
        return name


_OPERATORS = {"div": "//", "mod": "%", "^": "**", "and": "&", "or": "|"}
