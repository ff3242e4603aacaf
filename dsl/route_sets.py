"""A routed attention as one with run-time sets: `k div 64 in picked[h, q]`.

Blocks that overlap are taken as the pieces that all of them consist of, clusters as their tokens;
`runtime.route_lists` turns the lists of a route into those of its set.
"""

from dataclasses import replace
from math import gcd
from typing import TYPE_CHECKING

from attnc.dsl import syntax as ast
from attnc.dsl.route import BoundRoute

if TYPE_CHECKING:
    from attnc.dsl.program import Bound


def as_sets(bound: "Bound") -> "Bound":
    """The attention whose routes are inputs of its call; itself where it has none."""
    if not bound.routes:
        return bound
    program = bound.program
    masks, inputs = dict(program.masks), dict(program.inputs)
    for route in bound.routes:
        old = masks[route.name]
        kept = ast.SetCall(f"{route.name}.none", _passed(old))
        body: ast.SetExpr = ast.Comprehension(_member(route))
        body = ast.SetBinary("|", kept, body) if route.keep else body
        masks[route.name] = replace(old, body=body)
        inputs[route.name] = ast.Input(route.name, "set", route.axes, False, span=old.span)
    plain = replace(program, masks=masks, inputs=inputs, routes={})
    return replace(bound, program=plain)


def piece(route: BoundRoute) -> int:
    """How many neighbouring keys a number in the lists of the set stands for."""
    return gcd(route.size, route.stride) if route.units == "blocks" else 1


def _member(route: BoundRoute) -> ast.Expr:
    """Whether a pair is in what was chosen."""
    k, size = ast.Name("k"), piece(route)
    value: ast.Expr = k if size == 1 else ast.Binary("div", k, ast.Int(size))
    if route.units == "diagonals":
        value = ast.Binary("-", ast.Name("q"), k)
    indices = tuple(ast.Name("q" if axis == "q" else "h") for axis in route.axes)
    return ast.Member(value, route.name, indices)


def _passed(mask: ast.MaskDefinition) -> tuple[ast.Expr, ...]:
    """The parameters of a mask, handed on."""
    return tuple(ast.Name(parameter.name) for parameter in mask.parameters)
