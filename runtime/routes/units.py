"""Attention to units of keys that routes chose, by the kernels of such units.

A mask that grows with a route is what it holds without the route's units, and in these units what
they add to it. One kernel computes the former; another gathers the queries of each unit and goes on
from their outputs.
"""

from dataclasses import replace

from attnc.dsl import syntax as ast
from attnc.dsl.monotone import grows_with, with_calls
from attnc.dsl.program import Bound
from attnc.dsl.route import BoundRoute

KEYS = 8  # of a key tile


def without_units(bound: Bound) -> Bound:
    """The attention as if its route had chosen nothing."""
    (route,) = bound.routes
    return _with_mask(bound, _turned(bound, route, "none"))


def units_only(bound: Bound) -> Bound:
    """What units add to it, as if its route had chosen all."""
    (route,) = bound.routes
    everything, nothing = (_turned(bound, route, part) for part in ("all", "none"))
    return _with_mask(bound, ast.SetBinary("-", everything, nothing))


def _turned(bound: Bound, route: BoundRoute, part: str) -> ast.SetExpr:
    assert bound.mask is not None  # it calls the route
    return with_calls(bound.mask, route.name, f"{route.name}.{part}")


def _with_mask(bound: Bound, mask: ast.SetExpr) -> Bound:
    body = tuple(
        replace(s, body=mask) if isinstance(s, ast.MaskStatement) else s
        for s in bound.program.attention.body
        if not isinstance(s, ast.AssertStatement)
    )
    attention = replace(bound.program.attention, body=body)
    return Bound(replace(bound.program, attention=attention, routes={}), bound.values)


def everything(bound: Bound) -> Bound:
    """The attention with a mask of all pairs."""
    return _with_mask(bound, ast.Comprehension(ast.Bool(True)))


def splits(bound: Bound) -> bool:
    """Whether the attention is of that form: one route, of blocks of whole key tiles."""
    if len(bound.routes) != 1 or bound.mask is None or bound.grid:
        return False
    (route,) = bound.routes
    blocks = route.units == "blocks" and route.stride == route.size
    return blocks and route.size % KEYS == 0 and grows_with(bound.mask, route.name)
