"""Segments: the declaration of tokens beside a grid, and `q in text`."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from attnc.dsl import syntax as ast
from attnc.dsl.complexity import children
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes.grids import MissingGrid
from attnc.dsl.mistakes.names import DuplicateName, ReservedName, ShadowsBuiltin
from attnc.dsl.mistakes.segments import CoordinateOffGrid, SegmentTest
from attnc.dsl.mistakes.syntax import NotSupported
from attnc.dsl.place import ALL_TOKENS, coordinate_input
from attnc.dsl.scope import Level, Scope, Symbol, Typed
from attnc.dsl.types import BUILTINS, INTERNAL, RESERVED, SCORE

if TYPE_CHECKING:
    from attnc.dsl.check_expression import ExpressionChecker


def segments_of(file: ast.File, attention: ast.Attention | None) -> tuple[ast.Segment, ...]:
    """The segments in the order of their tokens: those before the grid, those after it."""
    inside = attention.body if attention is not None else ()
    found = [item for item in (*file.definitions, *inside) if isinstance(item, ast.Segment)]
    return tuple(sorted(found, key=lambda segment: segment.side == "after"))


def segment_inputs(
    segments: Sequence[ast.Segment], attention: ast.Attention
) -> dict[str, ast.Input]:
    """The lengths that the call gives: run-time numbers under the names of the segments."""
    constants = {parameter.name for parameter in attention.parameters}
    return {
        s.name: ast.Input(s.name, "int", (), False, span=s.span)
        for s in segments
        if isinstance(s.extent, ast.Name) and s.extent.id not in constants
    }


def declare_segments(
    segments: Sequence[ast.Segment],
    grid: ast.Grid | None,
    attention: ast.Attention,
    scope: Scope,
    mistakes: list[Diagnostic],
) -> None:
    """Enters the lengths that are names of their own as run-time integers."""
    if segments and grid is None:
        mistakes.append(MissingGrid("a segment", span=segments[0].span))
    taken = {name: str(symbol.span) for name, symbol in scope.symbols.items()}
    for segment in segments:
        mistakes += _named(segment.name, segment, taken)
        taken[segment.name] = str(segment.span)
    for segment in segments:
        match segment.extent:
            case ast.Name(name) if (known := scope.symbols.get(name)) is not None:
                scope.used.add(name)
                if known.level > Level.CONSTANT:
                    mistakes.append(DuplicateName(name, str(known.span), span=segment.span))
            case ast.Name(name):
                own = {n: at for n, at in taken.items() if n != segment.name}
                mistakes += _named(name, segment, own)
                scope.symbols[name] = Symbol("int", Level.VARYING, span=segment.span)
            case _:
                pass
    if segments:
        mistakes += _unbuilt(attention)
        mistakes += _internal(attention, grid)


def _named(name: str, at: ast.Segment, taken: dict[str, str]) -> Iterator[Diagnostic]:
    if name in (*BUILTINS, SCORE):
        yield ShadowsBuiltin(name, span=at.span)
    elif name in RESERVED or name in INTERNAL:
        why = "it is a keyword of the compiled operator, or the compiler's own name"
        yield ReservedName(name, why, span=at.span)
    elif name in taken:
        yield DuplicateName(name, taken[name], span=at.span)


def _unbuilt(attention: ast.Attention) -> Iterator[Diagnostic]:
    for item in attention.body:
        if isinstance(item, ast.Input) and "token" in item.axes:
            what = "an input of tokens beside a segment (give it the axis `q` or `k`)"
            yield NotSupported(what, span=item.span)


def _internal(attention: ast.Attention, grid: ast.Grid | None) -> Iterator[Diagnostic]:
    """Inputs and parameters with the names of what parts of the tokens are given."""
    axes = grid.axes if grid is not None else ()
    taken = {coordinate_input(f"{side}.{axis.name}") for side in "qk" for axis in axes}
    inputs = [item for item in attention.body if isinstance(item, ast.Input)]
    declared: list[ast.Parameter | ast.Input] = [*attention.parameters, *inputs]
    for item in declared:
        if item.name in {*taken, ALL_TOKENS}:
            why = "it is the compiler's name for a coordinate or the number of tokens"
            yield ReservedName(item.name, why, span=item.span)


def check_segment_test(checker: "ExpressionChecker", expr: ast.Member) -> Typed:
    """`q in text`, `k in text`: a condition on whole positions."""
    match expr:
        case ast.Member(ast.Name("q" | "k"), _, ()):
            return Typed("bool", Level.VARYING)
        case _:
            return checker.fail(SegmentTest(expr.base, span=expr.span))


def off_grid(score: ast.Expr, segments: Sequence[str]) -> Iterator[Diagnostic]:
    """The coordinates that a score reads although a token of a segment has none."""
    match score:
        case ast.Call("where", (condition, *_)) if _asks(condition, segments):
            return
        case ast.Name(name) if "." in name:
            yield CoordinateOffGrid(name, segments[0], span=score.span)
        case _:
            for part in children(score):
                yield from off_grid(part, segments)  # type: ignore[arg-type]


def _asks(condition: ast.SetExpr | ast.Expr, segments: Sequence[str]) -> bool:
    """Whether a condition asks which segment a token is in."""
    if isinstance(condition, ast.Member) and condition.base in segments:
        return True
    return any(_asks(part, segments) for part in children(condition))
