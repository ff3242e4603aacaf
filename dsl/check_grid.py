"""Grids: the declaration, and where positions of tokens are points and no numbers."""

import keyword
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from attnc.dsl import syntax as ast
from attnc.dsl.complexity import children
from attnc.dsl.constants import ConstantError, Environment, evaluate
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes.forms import DuplicateStatement
from attnc.dsl.mistakes.grids import (
    BarePosition,
    ExtentIsMask,
    ExtentNotConstant,
    InputOnAxis,
    NestedAxis,
    route_on_axis,
)
from attnc.dsl.mistakes.names import DuplicateName, ReservedName, ShadowsBuiltin
from attnc.dsl.mistakes.segments import SegmentLength, SegmentOnAxis
from attnc.dsl.print_nodes import print_expression
from attnc.dsl.scope import Level, Scope, Symbol
from attnc.dsl.types import BUILTINS, RESERVED, SCORE

_COMPARED = ("q", "k")


def grid_of(file: ast.File, attention: ast.Attention | None) -> ast.Grid | None:
    """The grid of a file's attention, declared in it or beside it."""
    found = _grids(file, attention)
    return found[0] if found else None


def repeated_grids(file: ast.File, attention: ast.Attention | None) -> list[Diagnostic]:
    """Grids after the first one, wherever they are."""
    grids = _grids(file, attention)
    return [DuplicateStatement("grid", str(grids[0].span), span=g.span) for g in grids[1:]]


def _grids(file: ast.File, attention: ast.Attention | None) -> list[ast.Grid]:
    """The grids of a file in the order of its lines."""
    inside = attention.body if attention is not None else ()
    found = [item for item in (*inside, *file.definitions) if isinstance(item, ast.Grid)]
    return sorted(found, key=lambda grid: (grid.span.line, grid.span.column))


def declare_grid(grid: ast.Grid | None, scope: Scope, mistakes: list[Diagnostic]) -> None:
    """Enters the extents that are names of their own as run-time integers."""
    if grid is None:
        return
    seen: dict[str, ast.GridAxis] = {}
    for axis in grid.axes:
        if axis.name in seen:
            first = str(seen[axis.name].span)
            mistakes.append(DuplicateName(axis.name, first, span=axis.span))
        seen[axis.name] = axis
        match axis.extent:
            case ast.Name(name) if name in (*BUILTINS, SCORE):
                mistakes.append(ShadowsBuiltin(name, span=axis.span))
            case ast.Name(name) if name in scope.masks:
                mistakes.append(ExtentIsMask(name, axis.name, span=axis.span))
            case ast.Name(name) if name in RESERVED or keyword.iskeyword(name):
                why = "it is a keyword of attnc.compile, of the compiled operator or of Python"
                mistakes.append(ReservedName(name, why, span=axis.span))
            case ast.Name(name) if name not in scope.symbols:
                scope.symbols[name] = Symbol("int", Level.VARYING, span=axis.span)
            case ast.Name(name) if (taken := scope.symbols[name]).axes is not None:
                mistakes.append(DuplicateName(name, str(taken.span), span=axis.span))
            case ast.Name(name):
                scope.used.add(name)
            case _:
                pass


def extent(axis: ast.GridAxis | ast.Segment, values: Environment) -> str | int:
    """The extent of an axis or a segment: its name where the call gives it, else its value or 0."""
    if isinstance(axis.extent, ast.Name) and axis.extent.id not in values:
        return axis.extent.id
    try:
        found = evaluate(axis.extent, values)
    except ConstantError:
        return 0
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def extent_mistakes(
    grid: ast.Grid | None, segments: Sequence[ast.Segment], values: Environment
) -> Iterator[Diagnostic]:
    """Extents and lengths that these values make no positive number."""
    for axis in grid.axes if grid else ():
        if not _positive(extent(axis, values)):
            yield ExtentNotConstant(print_expression(axis.extent), span=axis.span)
    for segment in segments:
        if not _positive(extent(segment, values)):
            text = print_expression(segment.extent)
            yield SegmentLength(text, segment.name, span=segment.span)


def _positive(found: str | int) -> bool:
    return isinstance(found, str) or found > 0


@dataclass(frozen=True, slots=True)
class PointChecker:
    """Refuses arithmetic on whole positions, reads of inputs and calls of routes at coordinates.

    `axis` is the one that the surrounding `on` names; there, positions are coordinates.
    """

    grid: ast.Grid
    masks: Mapping[str, ast.MaskDefinition]
    mistakes: list[Diagnostic]
    routes: Collection[str] = ()

    def check(self, node: ast.SetExpr | ast.Expr, axis: str = "") -> None:
        """Checks a set or an expression, through the masks that it calls."""
        match node:
            case ast.OnAxis(operand, inner):
                if axis:
                    self.mistakes.append(NestedAxis(inner, axis, span=node.span))
                self.check(operand, inner)
            case ast.SetCall():
                self._call(node, axis)
            case ast.Compare(operands=(ast.Name(left), ast.Name(right))) if (
                left in _COMPARED and right in _COMPARED
            ):
                pass
            case ast.Name("q" | "k" as name) if not axis:
                label = self.grid.axes[-1].name
                self.mistakes.append(BarePosition(name, label, span=node.span))
            case ast.Member(ast.Name(name), base, ()) if name in _COMPARED:
                if axis:
                    self.mistakes.append(SegmentOnAxis(name, base, axis, span=node.span))
            case ast.Member():  # of a segment, refused elsewhere: there are no sets on grids
                pass
            case ast.Index(base, indices):
                for index in indices:
                    self._index(base, index, axis)
            case _:
                self._parts(node, axis)

    def _call(self, call: ast.SetCall, axis: str) -> None:
        """A named set: what is wrong in it is told once, where it is used."""
        mask = self.masks.get(call.name)
        if call.name in self.routes:
            if axis:
                self.mistakes.append(route_on_axis(call.name, axis, call.span))
        elif mask is not None:
            before = len(self.mistakes)
            self.check(mask.body, axis)
            if len(self.mistakes) > before:
                first = self.mistakes[before]
                del self.mistakes[before:]
                self.mistakes.append(_moved(first, call))
        self._parts(call, axis)

    def _parts(self, node: ast.SetExpr | ast.Expr, axis: str) -> None:
        for part in children(node):
            self.check(part, axis)

    def _index(self, base: str, index: ast.Expr, axis: str) -> None:
        match index:
            case ast.Name("q" | "k" as name) if axis:
                self.mistakes.append(InputOnAxis(base, name, axis, span=index.span))
            case ast.Name("q" | "k"):
                pass
            case _:
                self.check(index, axis)


def _moved(mistake: Diagnostic, call: ast.SetCall) -> Diagnostic:
    """The mistake at the call that leads to it."""
    return replace(mistake, span=call.span)
