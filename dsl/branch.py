"""Branches: each is an attention of its own over its own keys.

The first and last position of a pooled key are affine in its number, so that a branch of pooled
keys is an ordinary attention whose queries count tokens and whose keys count windows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from attnc.dsl import syntax as ast
from attnc.dsl.branch_forms import branches, memory, names, pooled, statements
from attnc.dsl.constants import evaluate
from attnc.dsl.program import Bound, Program
from attnc.dsl.route import BoundRoute, called


@dataclass(frozen=True, slots=True)
class Pool:
    """Key j is the mean or the greatest of the positions [j * stride, j * stride + size).

    Of a memory it stands for them: it and its value are rows of the inputs `keys` and `values`.
    """

    kind: Literal["mean", "max", "memory"]
    size: int
    stride: int
    keys: str = ""
    values: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One attention of a spec: over pooled keys, or over the tokens where `pool` is None."""

    name: str
    pool: Pool | None
    bound: Bound


def parts(bound: Bound) -> tuple[Part, ...]:
    """The attentions of a spec, of which there is one where it has no branches."""
    attention = bound.program.attention
    if bound.merge is None:
        body = tuple(s for s in attention.body if not isinstance(s, ast.OutputStatement))
        return (Part("", None, _own(bound, attention.name, body)),)
    return tuple(_part(bound, branch) for branch in branches(attention))


def _part(bound: Bound, branch: ast.Branch) -> Part:
    shared = tuple(
        s for s in bound.program.attention.body if isinstance(s, ast.Input | ast.CrossStatement)
    )
    name = f"{bound.name}_{branch.name}"
    own = _own(bound, name, (*shared, *statements(branch)))
    return Part(branch.name, _pool(branch, bound), own)


def scoring(bound: Bound, route: BoundRoute) -> Part:
    """The branch by whose probabilities a route scores; `bound` is the spec or a part of it."""
    found = (b for b in branches(bound.program.attention) if b.name == route.branch)
    return _part(bound, next(found))


def _own(bound: Bound, name: str, body: tuple[ast.Statement, ...]) -> Bound:
    """The bound spec of these statements, of the branches that score for them, and of inputs."""
    program = bound.program
    alone = Bound(replace(program, attention=replace(program.attention, body=body)), bound.values)
    asked = {route.branch for route in alone.routes}
    others = tuple(b for b in branches(program.attention) if b.name in asked)
    inner = (s for branch in others for s in statements(branch))
    read = set(reads((*body, *inner), program)) | {m for b in others for m in memory(b)}
    body = (*(s for s in body if not isinstance(s, ast.Input) or s.name in read), *others)
    attention = replace(program.attention, name=name, body=body)
    inputs = {s.name: s for s in body if isinstance(s, ast.Input)}
    return Bound(replace(program, attention=attention, inputs=inputs), bound.values)


def reads(body: tuple[ast.Statement, ...], program: Program) -> Iterator[str]:
    """The names that statements read, those of the routes that they call included."""
    for statement in body:
        match statement:
            case ast.MaskStatement(found):
                yield from names(found)
                if any(called(found, program.routes)):
                    for route in program.routes.values():
                        for item in route.body:
                            yield from _route_names(item)
            case ast.ScoreStatement(found):
                yield from names(found)
            case ast.NormalizeStatement(sink=sink) if sink is not None:
                yield from names(sink)
            case _:
                pass


def _route_names(item: ast.RouteClause | ast.RouteSet) -> Iterator[str]:
    match item:
        case ast.RouteClause(_, form, arguments, keywords):
            yield form
            for value in (*arguments, *(value for _, value in keywords)):
                yield from names(value)
        case ast.RouteSet(_, body):
            yield from names(body)


def _pool(branch: ast.Branch, bound: Bound) -> Pool | None:
    given = pooled(branch)
    if not given:
        return None
    size, stride = (cast(int, evaluate(given[n], bound.values)) for n in ("size", "stride"))
    inputs = memory(branch)
    if inputs:
        return Pool("memory", size, stride, *inputs)
    kind = given["kind"]
    assert isinstance(kind, ast.Name)
    return Pool(cast(Any, kind.id), size, stride)
