"""A routed attention as one with run-time sets: `k div 64 in picked[h, q]`.

Blocks that overlap are taken as the pieces that all of them consist of; the unit of a key of
clusters is its label, `label[k] in picked[h, q]`, and so is the box of a point of a grid, an input
of its own. `runtime.routes.set_lists` turns the lists of a
route into those of its set.
"""

from collections.abc import Mapping
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
        if route.label is not None and route.box:
            inputs[route.label] = ast.Input(route.label, "int", ("token",), False, span=old.span)
        kept = ast.SetCall(f"{route.name}.none", _passed(old))
        body: ast.SetExpr = ast.Comprehension(_member(route, inputs))
        body = ast.SetBinary("|", kept, body) if route.keep else body
        masks[route.name] = replace(old, body=body)
        inputs[route.name] = ast.Input(route.name, "set", route.axes, False, span=old.span)
    plain = replace(program, masks=masks, inputs=inputs, routes={})
    return replace(bound, program=plain)


def piece(route: BoundRoute) -> int:
    """How many neighbouring keys a number in the lists of the set stands for."""
    return gcd(route.size, route.stride) if route.units == "blocks" else 1


def _member(route: BoundRoute, inputs: Mapping[str, ast.Input]) -> ast.Expr:
    """Whether a pair is in what was chosen."""
    k, size = ast.Name("k"), piece(route)
    value: ast.Expr = k if size == 1 else ast.Binary("div", k, ast.Int(size))
    if route.units == "diagonals":
        value = ast.Binary("-", ast.Name("q"), k)
    if route.label is not None:
        value = ast.Index(route.label, tuple(map(_at_key, inputs[route.label].axes)))
    indices = tuple(ast.Name("q" if axis == "q" else "h") for axis in route.axes)
    return ast.Member(value, route.name, indices)


def _at_key(axis: str) -> ast.Name:
    """What an axis of a label is read at, for a key."""
    return ast.Name({"token": "k", "hkv": "h"}.get(axis, axis))


def _passed(mask: ast.MaskDefinition) -> tuple[ast.Expr, ...]:
    """The parameters of a mask, handed on."""
    return tuple(ast.Name(parameter.name) for parameter in mask.parameters)
