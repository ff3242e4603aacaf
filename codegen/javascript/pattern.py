"""A mask as JavaScript: a function for each named mask, with the parameters left open.

    attends({w: $w, g: $g})(q, k, len, qlen, at)

tells whether a pair is in the mask. `at` holds `h b heads kv_heads`, the coordinates of both tokens
(`at.q`, `at.k`; NaN off the grid) and their segments (`at.part.q`, `at.part.k`), the extents of the
grid, the lengths of `at.segments`, and the inputs, which are functions of their indices.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import assert_never

from attnc.codegen.expressions import condition
from attnc.codegen.javascript.target import HELPERS, PLACES, JavaScriptTarget
from attnc.dsl import syntax as ast
from attnc.dsl.program import Bound

ARGUMENTS = ", ".join((*PLACES, "at"))


def print_pattern(bound: Bound) -> str:
    """The text of the function `attends` and of what it calls."""
    printer = _Printer(bound)
    names = [parameter.name for parameter in bound.program.attention.parameters]
    scope = printer.target.declaring(*names)
    body = "true" if bound.mask is None else printer.pairs(bound.mask, scope)
    given = ", ".join(f"{name}: ${name}" for name in names)
    attends = f"const attends = ({{{given}}}) => ({ARGUMENTS}) => {body};"
    return "\n".join([HELPERS, *printer.masks.values(), attends, ""])


@dataclass(slots=True)
class _Printer:
    """Prints sets; named masks that it meets are collected in `masks`."""

    bound: Bound
    masks: dict[str, str] = field(default_factory=dict)

    @property
    def target(self) -> JavaScriptTarget:
        """The scope of a named mask, before its parameters."""
        axes, segments = self.bound.grid, self.bound.segments
        sizes = {str(extent): f"at.extents[{place}]" for place, (_, extent) in enumerate(axes)}
        for name, length in segments:
            sizes |= dict.fromkeys((name, str(length)), f"at.segments.{name}")
        labels = tuple(label for label, _ in axes)
        parts = frozenset(name for name, _ in segments)
        return JavaScriptTarget(frozenset(), labels, parts, sizes, condition)

    def pairs(self, body: ast.SetExpr, scope: JavaScriptTarget) -> str:
        """The condition for a pair to be in a set."""
        match body:
            case ast.Comprehension(test):
                return condition(test, scope)
            case ast.SetBinary(op, left, right):
                join = {"&": "&& ", "|": "|| ", "-": "&& !"}[op]
                return f"({self.pairs(left, scope)} {join}{self.pairs(right, scope)})"
            case ast.Complement(operand):
                return f"!{self.pairs(operand, scope)}"
            case ast.When(operand, test):
                return f"({condition(test, scope)} && {self.pairs(operand, scope)})"
            case ast.SetCall():
                return self.called(body, scope)
            case ast.OnAxis(operand, axis):
                place = scope.labels.index(axis)
                along = f"at.q[{place}], at.k[{place}], at.extents[{place}], at.extents[{place}]"
                lifted = f"(({', '.join(PLACES)}) => {self.pairs(operand, scope)})({along})"
                return f"(!at.part.q && !at.part.k && {lifted})" if scope.segments else lifted
            case _:
                assert_never(body)

    def called(self, call: ast.SetCall, scope: JavaScriptTarget) -> str:
        """A call of a named mask; what is left out has its default there."""
        mask = self.bound.program.masks[call.name]
        if call.name not in self.masks:
            self.masks[call.name] = self.defined(mask)
        given = dict(zip((p.name for p in mask.parameters), call.arguments, strict=False))
        given |= dict(call.keywords)
        values = [
            condition(given[p.name], scope) if p.name in given else "undefined"
            for p in mask.parameters
        ]
        return f"mask_{mask.name}({', '.join((ARGUMENTS, *values))})"

    def defined(self, mask: ast.MaskDefinition) -> str:
        """A named mask as a function of a pair and its parameters."""
        scope = self.target.declaring(*(p.name for p in mask.parameters))
        signature = ", ".join((ARGUMENTS, *self.parameters(mask, scope)))
        return f"const mask_{mask.name} = ({signature}) => {self.pairs(mask.body, scope)};"

    def parameters(self, mask: ast.MaskDefinition, scope: JavaScriptTarget) -> Iterator[str]:
        """The parameters with their defaults."""
        for parameter in mask.parameters:
            value = parameter.default
            default = "" if value is None else f" = {condition(value, scope)}"
            yield f"${parameter.name}{default}"
