"""One attention: its parameters, inputs and statements."""

import keyword
from dataclasses import dataclass

from attnc.dsl import syntax as ast
from attnc.dsl.check_assertion import check_assertion
from attnc.dsl.check_branch import BranchChecker
from attnc.dsl.check_expression import ExpressionChecker
from attnc.dsl.check_grid import PointChecker, declare_grid
from attnc.dsl.check_masks import MaskTable, typed_parameters, unused_parameters
from attnc.dsl.check_segments import declare_segments, off_grid
from attnc.dsl.check_set import SetChecker
from attnc.dsl.complexity import nodes
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes import forms, names, sets
from attnc.dsl.mistakes.grids import cross_on_grid
from attnc.dsl.mistakes.syntax import NotSupported
from attnc.dsl.print_nodes import print_assertion
from attnc.dsl.scope import Scope, input_symbol
from attnc.dsl.types import (
    AXES,
    BOUNDS,
    BUILTINS,
    EPILOGUE_AXES,
    INTERNAL,
    NORMALISERS,
    NORMALISERS_BUILT,
    RESERVED,
    SCORE,
    SET_AXES,
)


@dataclass(frozen=True, slots=True)
class AttentionChecker:
    """Checks an attention against the masks of its file."""

    masks: MaskTable
    mistakes: list[Diagnostic]
    grid: ast.Grid | None = None
    segments: tuple[ast.Segment, ...] = ()
    routed: frozenset[str] = frozenset()  # inputs that routes read
    epilogue: frozenset[str] = frozenset()  # inputs that only a merge or an output reads

    def check(self, attention: ast.Attention) -> tuple[ast.Parameter, ...]:
        """The parameters with their types; what is wrong is added to the mistakes."""
        before = len(self.mistakes)
        cross = any(isinstance(s, ast.CrossStatement) for s in attention.body)
        scope = Scope("mask", cross=cross, masks=self.masks.names())
        scope.grid, scope.segments = self.masks.grid, self.masks.segments
        parameters = typed_parameters(attention.parameters, scope, self.mistakes)
        for parameter in parameters:
            self._free(parameter.name, parameter)
        self._inputs(attention, scope)
        scope.used.clear()
        declare_grid(self.grid, scope, self.mistakes)
        declare_segments(self.segments, self.grid, attention, scope, self.mistakes)
        if self.segments and self.masks.routes:
            self._unbuilt("a segment beside a route", self.segments[0])
        for statement in attention.body:
            self.statement(statement, scope)
        self._once_each(attention)
        BranchChecker(self, scope).check(attention)
        if len(self.mistakes) == before:  # else a misspelt name could be what is unused
            self.mistakes.extend(unused_parameters(parameters, scope.used))
            self._unused_inputs(attention, scope)
        return parameters

    def _free(self, name: str, at: ast.Parameter | ast.Input) -> None:
        """Refuses the names that the call of an operator or the compiler uses."""
        if name in RESERVED and name not in BUILTINS:
            why = "it is a keyword of attnc.compile or of the compiled operator"
            self.mistakes.append(names.ReservedName(name, why, span=at.span))
        elif isinstance(at, ast.Input) and (name in INTERNAL or name.endswith(BOUNDS)):
            why = "it is the compiler's name for a tile, a length or a bound"
            self.mistakes.append(names.ReservedName(name, why, span=at.span))
        elif keyword.iskeyword(name):
            self.mistakes.append(names.ReservedName(name, "it is a word of Python", span=at.span))

    def _inputs(self, attention: ast.Attention, scope: Scope) -> None:
        for given in attention.body:
            if not isinstance(given, ast.Input):
                continue
            self._free(given.name, given)
            if given.name in (*BUILTINS, SCORE):
                self.mistakes.append(names.ShadowsBuiltin(given.name, span=given.span))
            if (taken := scope.symbols.get(given.name)) is not None:
                first = str(taken.span)
                self.mistakes.append(names.DuplicateName(given.name, first, span=given.span))
            scope.symbols[given.name] = input_symbol(given)
            if given.grad and given.dtype != "float":
                self.mistakes.append(forms.GradientOfInt(given.name, span=given.span))
            self._axes(given)

    def _axes(self, given: ast.Input) -> None:
        if given.dtype == "set":
            for axis in [a for a in given.axes if a in AXES and a not in SET_AXES]:
                self.mistakes.append(sets.SetAxis(given.name, axis, span=given.span))
            if self.grid is not None:
                self._unbuilt("a set on a grid", given)
        unknown = [axis for axis in given.axes if axis not in AXES]
        self.mistakes.extend(names.UnknownAxis(axis, AXES, span=given.span) for axis in unknown)
        places = [AXES.index(axis) for axis in given.axes if axis in AXES]
        free = set(given.axes) <= set(EPILOGUE_AXES) and given.name in self.epilogue
        if sorted(set(places)) != places and not (free and len(set(places)) == len(places)):
            facts = (", ".join(given.axes), ", ".join(AXES))
            self.mistakes.append(forms.AxesOutOfOrder(*facts, span=given.span))

    def statement(self, statement: ast.Statement, scope: Scope) -> None:
        """Checks a statement of an attention or of a branch."""
        match statement:
            case ast.CrossStatement() if self.grid is not None:
                self.mistakes.append(cross_on_grid(statement.span))
            case ast.MaskStatement(body):
                SetChecker(ExpressionChecker(scope, self.mistakes), self.masks).check(body)
                self._points(body)
            case ast.ScoreStatement(value):
                ExpressionChecker(scope.at("score"), self.mistakes).number(value)
                self._points(value)
                if self.segments:
                    self.mistakes.extend(off_grid(value, self.masks.segments))
            case ast.NormalizeStatement(kind) if kind not in NORMALISERS:
                mistake = forms.UnknownNormaliser(kind, NORMALISERS, span=statement.span)
                self.mistakes.append(mistake)
            case ast.NormalizeStatement(kind) if kind not in NORMALISERS_BUILT:
                self._unbuilt(f"`normalize {kind}`", statement)
            case ast.NormalizeStatement(sink=ast.Int() | ast.Float()):
                pass
            case ast.NormalizeStatement(sink=sink) if sink is not None:
                self._sink(sink, scope)
            case ast.AssertStatement():
                check_assertion(statement, ExpressionChecker(scope, self.mistakes), self.masks)
                if statement.other is not None:
                    self._points(statement.other)
            case _:
                pass

    def _points(self, body: ast.SetExpr | ast.Expr) -> None:
        if self.grid is not None:
            routes = frozenset(self.masks.routes)
            PointChecker(self.grid, self.masks.all(), self.mistakes, routes).check(body)

    def _sink(self, sink: ast.Expr, scope: Scope) -> None:
        """A sink's logit is a number per head: it reads no position, score or length."""
        ExpressionChecker(scope.at("score"), self.mistakes).number(sink)
        for node in nodes(sink):
            match node:
                case ast.Name("q" | "k" | "len" | "qlen" | "s" as name):
                    self.mistakes.append(forms.SinkVaries(f"`{name}`", span=node.span))
                case ast.Index(base):
                    symbol = scope.symbols.get(base)
                    axes = {*((symbol and symbol.axes) or ())} - {"b", "h", "hkv"}
                    if axes:
                        what = f"the axis `{min(axes)}` of `{base}`"
                        self.mistakes.append(forms.SinkVaries(what, span=node.span))
                case _:
                    pass

    def _unbuilt(self, feature: str, statement: ast.Statement) -> None:
        self.mistakes.append(NotSupported(feature, span=statement.span))

    def _once_each(self, attention: ast.Attention) -> None:
        first: dict[str, ast.Statement] = {}
        for statement in attention.body:
            kind = _unique_kind(statement)
            if kind in first:
                at = str(first[kind].span)
                mistake = forms.DuplicateStatement(kind, at, span=statement.span)
                self.mistakes.append(mistake)
            elif kind:
                first[kind] = statement
        branched = any(isinstance(s, ast.Branch) for s in attention.body)
        if "mask" not in first and not branched:
            self.mistakes.append(forms.MissingMask(attention.name, span=attention.span))

    def _unused_inputs(self, attention: ast.Attention, scope: Scope) -> None:
        inputs = [s for s in attention.body if isinstance(s, ast.Input)]
        unused = [i for i in inputs if i.name not in {*scope.used, *self.routed}]
        self.mistakes.extend(names.UnusedInput(i.name, span=i.span) for i in unused)


def _unique_kind(statement: ast.Statement) -> str:
    """What there can be only one of; empty for an input."""
    match statement:
        case ast.MaskStatement():
            return "mask"
        case ast.ScoreStatement():
            return "score"
        case ast.NormalizeStatement():
            return "normalize"
        case ast.CrossStatement():
            return "cross"
        case ast.OutputStatement():
            return "output"
        case ast.Merge():
            return "merge"
        case ast.Branch(name):
            return f"branch {name}"
        case ast.AssertStatement():
            return f"assert {print_assertion(statement)}"
        case _:
            return ""
