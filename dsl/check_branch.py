"""Branches, how they are merged, and the `output`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from attnc.dsl import syntax as ast
from attnc.dsl.branch_forms import ARGUMENTS, POOLED, branches, names, pooled, statements
from attnc.dsl.check_expression import ExpressionChecker
from attnc.dsl.diagnostics import Diagnostic
from attnc.dsl.mistakes import branches as mistakes
from attnc.dsl.mistakes.forms import DuplicateStatement, MissingMask
from attnc.dsl.mistakes.syntax import NotSupported
from attnc.dsl.print_nodes import print_expression
from attnc.dsl.scope import Level, Scope, Symbol
from attnc.dsl.types import EPILOGUE_AXES, OUTPUT

if TYPE_CHECKING:
    from attnc.dsl.check_attention import AttentionChecker

MEMORY = tuple((*b, h, "unit", "d") for b in ((), ("b",)) for h in ("h", "hkv"))
_TOKENS = ("token", "k")  # axes that pooled keys do not have
_INSIDE = "write it beside the branches: it is for all of them"
_OUTSIDE = "write it inside of a branch: each has its own"


@dataclass(frozen=True, slots=True)
class BranchChecker:
    """Checks what there may be beside one mask, in the scope of the attention."""

    checker: "AttentionChecker"
    scope: Scope

    def check(self, attention: ast.Attention) -> None:
        """Adds what is wrong to the mistakes."""
        found = branches(attention)
        for branch in found:
            self._branch(branch)
        merges = [s for s in attention.body if isinstance(s, ast.Merge)]
        if bool(found) != bool(merges):
            facts = ("branches", "merge") if found else ("a merge", "branch")
            self._add(mistakes.MergeMissing(attention.name, *facts, span=attention.span))
        for merge in merges:
            self._gate(merge)
        for statement in attention.body:
            if found:
                self._beside(statement)
            if isinstance(statement, ast.OutputStatement):
                self._output(statement)
        if self.checker.grid is not None and found:
            self._add(NotSupported("a branch on a grid", span=found[0].span))
        self._branch_axes(attention, merges)

    def _add(self, mistake: Diagnostic) -> None:
        self.checker.mistakes.append(mistake)

    def _beside(self, statement: ast.Statement) -> None:
        match statement:
            case ast.MaskStatement() | ast.ScoreStatement() | ast.NormalizeStatement():
                what = type(statement).__name__.removesuffix("Statement").lower()
                facts = (f"`{what}`", "beside branches", _OUTSIDE)
                self._add(mistakes.BranchStatement(*facts, span=statement.span))
            case ast.AssertStatement():
                self._add(NotSupported("an assertion beside branches", span=statement.span))
            case _:
                pass

    def _branch(self, branch: ast.Branch) -> None:
        """The statements of one branch, which are checked as those of an attention."""
        first: dict[str, str] = {}
        for item in branch.body:
            kind = type(item).__name__.removesuffix("Statement").lower()
            if kind in first and not isinstance(item, ast.AssertStatement):
                self._add(DuplicateStatement(kind, first[kind], span=item.span))
            first.setdefault(kind, str(item.span))
            match item:
                case ast.BranchKeys():
                    self._keys(item)
                case ast.MaskStatement() | ast.ScoreStatement():
                    pass
                case ast.NormalizeStatement() | ast.AssertStatement():
                    self._add(NotSupported(f"`{kind}` in a branch", span=item.span))
                case ast.NotBuilt(feature):
                    self._add(NotSupported(feature, span=item.span))
                case _:
                    facts = (f"`{kind}`", "in a branch", _INSIDE)
                    self._add(mistakes.BranchStatement(*facts, span=item.span))
        if "mask" not in first:
            self._add(MissingMask(branch.name, span=branch.span))
        for statement in statements(branch):
            if isinstance(statement, ast.MaskStatement | ast.ScoreStatement):
                self.checker.statement(statement, self.scope)
                if pooled(branch):
                    self._pooled(statement)

    def _keys(self, keys: ast.BranchKeys) -> None:
        expected = ARGUMENTS.get(keys.form, ())
        given = dict(zip(expected, keys.arguments, strict=False)) | dict(keys.keywords)
        kind = given.get("kind")
        known = isinstance(kind, ast.Name) and kind.id in POOLED and "size" in given
        if keys.form == "memory":
            known = {"keys", "values"} <= set(given)
        once = len(given) == len(keys.arguments) + len(keys.keywords)
        if not known or not once or not set(given) <= set(expected):
            self._add(mistakes.BranchKeysForm(span=keys.span))
            return
        if keys.form == "memory":
            heads = {self._memory(given[part]) for part in ("keys", "values")}
            if heads == {"h", "hkv"}:
                self._add(mistakes.BranchKeysForm(span=keys.span))
        for part in ("size", "stride"):
            if part in given:
                found = ExpressionChecker(self.scope, self.checker.mistakes).integer(given[part])
                if found.level > Level.CONSTANT:
                    self._add(mistakes.PoolValue(part, "no constant", span=given[part].span))

    def _memory(self, value: ast.Expr) -> str:
        """The axis of heads of the keys or values of a memory, an input of units and columns."""
        symbol = self.scope.find(value.id) if isinstance(value, ast.Name) else None
        if symbol is None or symbol.kind != "float" or tuple(symbol.axes or ()) not in MEMORY:
            self._add(mistakes.MemoryInput(print_expression(value), span=value.span))
            return ""
        return "h" if "h" in (symbol.axes or ()) else "hkv"

    def _pooled(self, statement: ast.MaskStatement | ast.ScoreStatement) -> None:
        """Pooled keys have no tokens: neither lengths nor inputs of tokens are theirs."""
        body = statement.body if isinstance(statement, ast.MaskStatement) else statement.value
        for name in dict.fromkeys(names(body)):
            axes = (self.scope.symbols[name].axes or ()) if name in self.scope.symbols else ()
            if name == "len":
                self._add(mistakes.PooledReads("`len`", span=statement.span))
            elif set(axes) & set(_TOKENS):
                what = f"tokens, for which `{name}` is"
                self._add(mistakes.PooledReads(what, span=statement.span))

    def _gate(self, merge: ast.Merge) -> None:
        if merge.gate is None:
            return
        symbol = self.scope.find(merge.gate)
        axes = symbol.axes if symbol is not None else None
        good = symbol is not None and symbol.kind == "float" and axes is not None
        if not good or "branch" not in (axes or ()) or not set(axes or ()) <= set(EPILOGUE_AXES):
            self._add(mistakes.MergeGate(merge.gate, span=merge.span))

    def _branch_axes(self, attention: ast.Attention, merges: list[ast.Merge]) -> None:
        """Only the gate of a merge has the axis `branch`."""
        gates = {merge.gate for merge in merges}
        for given in attention.body:
            if isinstance(given, ast.Input) and "branch" in given.axes and given.name not in gates:
                self._add(mistakes.MergeGate(given.name, span=given.span))

    def _output(self, statement: ast.OutputStatement) -> None:
        symbols = {**self.scope.symbols, OUTPUT: Symbol("float", Level.VARYING)}
        scope = Scope("score", symbols, self.scope.cross, self.scope.used, self.scope.masks)
        ExpressionChecker(scope, self.checker.mistakes).number(statement.value)
        for name in dict.fromkeys(names(statement.value)):
            axes = (symbols[name].axes or ()) if name in symbols else ()
            if name in ("k", "s") or set(axes) - set(EPILOGUE_AXES[:3]):
                self._add(mistakes.OutputReads(name, span=statement.value.span))
