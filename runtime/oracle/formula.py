"""Evaluation of the tree: numbers, conditions and sets of pairs, by broadcasting tensors."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import pairwise
from typing import assert_never

import torch
from torch import Tensor

from attnc.dsl import syntax as ast
from attnc.dsl.complexity import children
from attnc.dsl.constants import Value
from attnc.dsl.errors import HeadCountMismatch, SeveralMasks
from attnc.runtime.oracle.operations import BINARY, COMPARE, FUNCTIONS
from attnc.runtime.oracle.world import World

Names = Mapping[str, Tensor | tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Formula:
    """Values of expressions in one scope.

    `names` are parameters (lists as tuples), variables of `exists`, and `s` in a score; `given`
    says of the parameters of a mask where their arguments have values.
    """

    names: Names
    world: World
    given: Mapping[str, Tensor] = field(default_factory=dict)

    def value(self, expr: ast.Expr) -> Tensor:
        """int64, float or bool, of a shape that broadcasts against the world's places."""
        match expr:
            case ast.Int(value) | ast.Float(value) | ast.Bool(value):
                return self.world.number(value)
            case ast.Name(name):
                return self._name(name)
            case ast.Index(base, indices):
                return self._item(base, tuple(map(self.value, indices)))
            case ast.Member():
                return self._member(expr)
            case ast.Unary("-", operand):
                return -self.value(operand)
            case ast.Unary(_, operand):
                return ~self.value(operand)
            case ast.Binary(op, left, right):
                return BINARY[op](self.value(left), self.value(right))
            case ast.Compare(ops, operands):
                pairs = pairwise(map(self.value, operands))
                holds = (COMPARE[op](a, b) for op, (a, b) in zip(ops, pairs, strict=True))
                return reduce(torch.logical_and, [*holds, *map(self.has, operands)])
            case ast.Call():
                return self._call(expr)
            case ast.Exists():
                return self._exists(expr)
            case ast.List():
                raise TypeError("a list is no number")  # the checker admits none here
            case _:
                assert_never(expr)

    def has(self, expr: ast.Expr) -> Tensor:
        """bool: where the tokens have the coordinates that the value is computed from.

        A test is false where they lack one, and so has a value; `where` reads the branch it takes.
        """
        match expr:
            case ast.Name(name) if name in self.given:
                return self.given[name]
            case ast.Name(name) if "." in name and self.world.bound.segments:
                return self.world.on_grid(name[0])
            case ast.Call("where", (condition, yes, no)):
                return torch.where(self.value(condition), self.has(yes), self.has(no))
            case ast.Compare() | ast.Member() | ast.Exists() | ast.Call("chance"):
                return torch.tensor(True)
            case _:
                parts = (part for part in children(expr) if isinstance(part, ast.Expr))
                return reduce(torch.logical_and, map(self.has, parts), torch.tensor(True))

    def _name(self, name: str) -> Tensor:
        match self.names.get(name):
            case None:
                found = self.world.builtin(name)
                return self.world.scalar(name) if found is None else found
            case Tensor() as found:
                return found
            case _:
                raise TypeError(f"`{name}` is a list")  # the checker admits none here

    def _call(self, call: ast.Call) -> Tensor:
        found = FUNCTIONS[call.function](*map(self.value, call.arguments))
        if call.function == "chance":
            return reduce(torch.logical_and, [found, *map(self.has, call.arguments)])
        return found

    def _item(self, base: str, indices: tuple[Tensor, ...]) -> Tensor:
        match self.names.get(base):
            case tuple() as items:
                heads = self.world.counts.get("heads")
                if heads is not None and heads != len(items):
                    raise HeadCountMismatch(base, len(items), heads)
                return torch.stack([self.world.number(item) for item in items])[indices]
            case _:
                return self.world.item(base, indices)

    def _member(self, expr: ast.Member) -> Tensor:
        """Lists of queries are counted from that of the first query."""
        match expr:
            case ast.Member(ast.Name(side), base, ()) if base in dict(self.world.bound.segments):
                return self.world.in_segment(side, base)
        first = replace(self, names={**self.names, "q": torch.tensor(self.world.rows.q_start)})
        before = tuple(map(first.value, expr.indices))
        indices = tuple(map(self.value, expr.indices))
        return self.world.member(expr.base, self.value(expr.value), indices, before)

    def _exists(self, expr: ast.Exists) -> Tensor:
        low, high = (int(self.value(bound)) for bound in (expr.low, expr.high))
        found = torch.tensor(False)
        for value in range(low, high):
            names = {**self.names, expr.variable: torch.tensor(value)}
            found = found | replace(self, names=names).value(expr.body)
        return found

    def pairs(self, body: ast.SetExpr) -> Tensor:
        """bool: which pairs are in the set."""
        match body:
            case ast.Comprehension(condition):
                return self.value(condition)
            case ast.SetBinary("|", left, right):
                return self.pairs(left) | self.pairs(right)
            case ast.SetBinary("&", left, right):
                return self.pairs(left) & self.pairs(right)
            case ast.SetBinary(_, left, right):
                return self.pairs(left) & ~self.pairs(right)
            case ast.Complement(operand):
                return ~self.pairs(operand)
            case ast.When(operand, condition):
                return self.pairs(operand) & self.value(condition)
            case ast.SetCall():
                return self._called(body)
            case ast.OnAxis(operand, axis):
                names = {**self.names, **self.world.on_axis(axis)}
                found = replace(self, names=names).pairs(operand)
                return found & self.world.on_grid("q") & self.world.on_grid("k")
            case _:
                assert_never(body)

    def _called(self, call: ast.SetCall) -> Tensor:
        """A named mask: arguments have their values here, defaults in the mask."""
        if call.name in self.world.routes:
            return self.world.route(call.name)
        mask = self.world.bound.program.masks[call.name]
        given = dict(zip((p.name for p in mask.parameters), call.arguments, strict=False))
        given |= dict(call.keywords)
        lifted = ("q", "k", "len", "qlen")
        inner: dict[str, Tensor | tuple[float, ...]] = {
            name: self.names[name] for name in lifted if name in self.names
        }
        has: dict[str, Tensor] = {}
        for parameter in mask.parameters:
            at, value = self, given.get(parameter.name)
            if value is None:
                at, value = replace(self, names=dict(inner), given=dict(has)), parameter.default
            if value is not None:
                inner[parameter.name] = at.value(value)
                has[parameter.name] = at.has(value)
        return replace(self, names=inner, given=has).pairs(mask.body)


def mask_of(world: World) -> Tensor:
    """The attention's pairs: bool, of a shape that broadcasts against the world's places."""
    if world.bound.merge is not None:
        raise SeveralMasks(world.bound.name)
    body = world.bound.mask
    if body is None:
        return torch.tensor(True)
    return Formula(parameters(world), world).pairs(body)


def pairs_of(world: World, body: ast.SetExpr) -> Tensor:
    """The pairs of a set: bool, of a shape that broadcasts against the world's places."""
    return Formula(parameters(world), world).pairs(body)


def score_of(world: World, s: Tensor) -> Tensor:
    """The attention's scores from the scaled dot products `s`, in float64 and of its shape.

    NaN where a score reads a coordinate that a token does not have.
    """
    body = world.bound.score
    if body is None:
        return s
    formula = Formula({**parameters(world), "s": s}, world)
    found = formula.value(body).double().expand_as(s)
    return torch.where(formula.has(body), found, torch.nan)


def sink_of(world: World) -> Tensor | None:
    """The logit of the normaliser's extra term, float64 [H, 1, 1]; None where there is none."""
    body = world.bound.sink
    if body is None:
        return None
    found = Formula(parameters(world), world).value(body).double()
    return found.expand(world.counts["heads"] or 1, 1, 1)


def parameters(world: World) -> Names:
    """The values of the parameters: lists as tuples."""

    def bound(value: Value) -> Tensor | tuple[float, ...]:
        return value if isinstance(value, tuple) else world.number(value)

    return {name: bound(value) for name, value in world.bound.values.items()}
