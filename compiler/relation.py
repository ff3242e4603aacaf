"""The pattern as a set of integer points `[h, q, k]`, for every length at once.

A literal that reads a tensor cannot be decided here: `upper` takes it as true, `lower` as false, so
that `lower` is inside the pattern and the pattern inside `upper`, whatever the tensors hold.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Literal

from attnc.compiler import fold
from attnc.compiler.affine import names_of_sets, opaque
from attnc.compiler.errors import NotAffineError
from attnc.compiler.inline import mask_condition
from attnc.compiler.sets import Affine, IntegerSet, Space, guard
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex, HeadsMissing

if TYPE_CHECKING:
    from attnc.dsl.program import Bound

LENGTHS = ("q_start", "k_start", "q_len", "k_len")
BUILTINS = frozenset({"q", "k", "h", "b", "len", "qlen"})
EXISTING = (
    "q_start <= q < q_start + q_len and k_start <= k < k_start + k_len and 0 <= k and "
    "0 <= q_len and 0 <= k_len"
)
OPERATIONS = 400_000  # of isl for one relation, or for the tiles of one
CONSTANT_BITS = 40
DIVISION_DEPTH = 4

Bias = Literal["upper", "lower"]


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """The pairs of a mask. Dimensions are `q, k`, after `h` where the mask depends on the head.

    Parameters are the four lengths, the run-time integers (`runtime`), and `b` where the mask
    depends on the batch entry. `existing` are the pairs that exist. `test` is the condition
    if a tensor has a say in it.
    """

    condition: ast.Expr
    upper: IntegerSet
    lower: IntegerSet
    existing: IntegerSet
    test: ast.Expr | None
    uses_head: bool
    uses_batch: bool
    heads: int | None
    runtime: tuple[str, ...]
    floats: frozenset[str]

    @property
    def exact(self) -> bool:
        """Whether no tensor has a say, so that `upper` and `lower` are the pattern."""
        return self.test is None

    @property
    def dims(self) -> tuple[str, ...]:
        """`h` if used, `q`, `k`."""
        return self.upper.dims

    @property
    def params(self) -> tuple[str, ...]:
        """The four lengths, then run-time integers and `b` if used."""
        return (*LENGTHS, *self.runtime, *(("b",) if self.uses_batch else ()))

    @property
    def outer(self) -> tuple[str, ...]:
        """The dimensions before `q`: `("h",)` or none."""
        return ("h",) if self.uses_head else ()

    @property
    def fails(self) -> IntegerSet:
        """The pairs, existing or not, that do not satisfy the condition for some tensors."""
        translate = Translator(Space(self.dims, self.params), self.floats)
        with guard(OPERATIONS):
            return translate.holds(self.condition, False, "upper").coalesce()

    @property
    def text(self) -> str:
        """`upper` as isl's map `{ [h, q] -> [k] }`."""
        return self.upper.map_text(len(self.dims) - 1)

    @property
    def lower_text(self) -> str:
        """`lower` as isl's map `{ [h, q] -> [k] }`."""
        return self.lower.map_text(len(self.dims) - 1)


def of_bound(bound: "Bound", heads: int | None = None, kv_heads: int | None = None) -> Relation:
    """The relation of a bound spec; raises `HeadsMissing` or `AnalysisTooComplex`."""
    floats = frozenset(name for name, i in bound.inputs.items() if i.dtype == "float")
    return relation(mask_condition(bound, heads, kv_heads), heads, floats)


def relation(
    condition: ast.Expr, heads: int | None = None, floats: frozenset[str] = frozenset()
) -> Relation:
    """The relation of a closed condition; `floats` are the float inputs."""
    used = fold.names(condition)
    bound = {node.variable for node in fold.walk(condition) if isinstance(node, ast.Exists)}
    uses_head, uses_batch = "h" in used, "b" in used
    if uses_head and heads is None:
        raise HeadsMissing
    runtime = tuple(sorted(names_of_sets(condition) - BUILTINS - bound - floats))
    params = (*LENGTHS, *runtime, *(("b",) if uses_batch else ()))
    space = Space((*(("h",) if uses_head else ()), "q", "k"), params)
    exists = space.parse(EXISTING + (f" and 0 <= h < {heads}" if uses_head else ""))
    tested = any(map(_reads_tensor(floats), fold.walk(condition)))
    check_size(condition)

    translate = Translator(space, floats)

    with guard(OPERATIONS):
        try:
            upper = (translate.holds(condition, True, "upper") & exists).coalesce()
            lower = upper
            if tested:
                lower = (translate.holds(condition, True, "lower") & exists).coalesce()
        except RecursionError:
            raise AnalysisTooComplex("it is nested too deeply") from None
    test = condition if tested else None
    return Relation(
        condition, upper, lower, exists, test, uses_head, uses_batch, heads, runtime, floats
    )


def check_size(condition: ast.Expr) -> None:
    """Refuse what makes isl slow long before it counts many operations."""
    pending = [(condition, 0)]
    while pending:
        node, depth = pending.pop()
        match node:
            case ast.Int(value) if abs(value).bit_length() > CONSTANT_BITS:
                raise AnalysisTooComplex(f"the constant {value} has over {CONSTANT_BITS} bits")
            case ast.Binary("div" | "mod"):
                depth += 1
            case _:
                pass
        if depth > DIVISION_DEPTH:
            raise AnalysisTooComplex(f"over {DIVISION_DEPTH} divisions are nested in each other")
        pending += [(child, depth) for child in fold.children(node)]


def _reads_tensor(floats: frozenset[str]) -> Callable[[ast.Expr], bool]:
    def reads(node: ast.Expr) -> bool:
        match node:
            case ast.Name(name):
                return name in floats
            case _:
                return opaque(node)

    return reads


@dataclass(frozen=True, slots=True)
class Translator:
    """Expressions to sets over one space, negations pushed to the literals on the way."""

    space: Space
    floats: frozenset[str]

    def holds(self, expr: ast.Expr, positive: bool, bias: Bias) -> IntegerSet:
        """Where the formula holds (or, not `positive`, fails), rounded up or down."""
        match expr:
            case ast.Bool(value):
                return self._constant(value == positive)
            case ast.Unary("not", operand):
                return self.holds(operand, not positive, bias)
            case ast.Binary("and" | "or" as op, _, _):
                parts = [self.holds(p, positive, bias) for p in _operands(op, expr)]
                if (op == "or") == positive:
                    return self.space.union(parts)
                return reduce(lambda a, b: (a & b).coalesce(), parts)
            case ast.Exists():
                return self._exists(expr, positive, bias)
            case _ if any(map(_reads_tensor(self.floats), fold.walk(expr))):
                return self._constant(bias == "upper")
            case ast.Compare(ops, operands):
                return self._chain(ops, operands, positive)
            case _:
                raise NotAffineError("a condition is neither a comparison nor made of them")

    def _constant(self, value: bool) -> IntegerSet:
        return self.space.everything() if value else self.space.nothing()

    def _chain(
        self, ops: tuple[str, ...], operands: tuple[ast.Expr, ...], positive: bool
    ) -> IntegerSet:
        values = [self.value(operand) for operand in operands]
        links = list(zip(ops, values, values[1:], strict=False))
        if positive:
            return reduce(lambda a, b: a & b, [a.compare(op, b) for op, a, b in links])
        return self.space.union([a.compare(fold.OPPOSITE[op], b) for op, a, b in links])

    def _exists(self, expr: ast.Exists, positive: bool, bias: Bias) -> IntegerSet:
        low, high = _integer(expr.low), _integer(expr.high)
        assert low is not None and high is not None
        wider = Space((*self.space.dims, expr.variable), self.space.params)
        inner = replace(self, space=wider)
        if not positive:
            bias = "lower" if bias == "upper" else "upper"
        body = inner.holds(expr.body, True, bias)
        limits = wider.parse(f"{low} <= {expr.variable} < {high}")
        found = (body & limits).project(expr.variable).coalesce()
        return found if positive else self.space.everything() - found

    def value(self, expr: ast.Expr) -> Affine:
        """An integer expression as a piecewise affine function."""
        match expr:
            case ast.Int(value):
                return self.space.constant(value)
            case ast.Name("len"):
                return self.space.variable("k_start") + self.space.variable("k_len")
            case ast.Name("qlen"):
                return self.space.variable("q_len")
            case ast.Name(name):
                return self.space.variable(name)
            case ast.Unary("-", operand):
                return -self.value(operand)
            case ast.Binary():
                return self._arithmetic(expr)
            case ast.Call():
                return self._call(expr)
            case _:
                raise NotAffineError("a condition stands where a number is needed")

    def _arithmetic(self, expr: ast.Binary) -> Affine:
        match expr:
            case ast.Binary("+", left, right):
                return self.value(left) + self.value(right)
            case ast.Binary("-", left, right):
                return self.value(left) - self.value(right)
            case ast.Binary("*", left, right):
                return self._product(left, right)
            case ast.Binary("div", left, ast.Int(divisor)) if divisor:
                return self.value(left).div(divisor)
            case ast.Binary("mod", left, ast.Int(divisor)) if divisor:
                return self.value(left).mod(divisor)
            case _:
                raise NotAffineError(f"an operand of `{expr.op}` has to be constant")

    def _product(self, left: ast.Expr, right: ast.Expr) -> Affine:
        for factor, other in ((_integer(left), right), (_integer(right), left)):
            if factor is not None:
                return self.value(other).scale(factor)
        raise NotAffineError("an operand of `*` has to be constant")

    def _call(self, expr: ast.Call) -> Affine:
        match expr.function, expr.arguments:
            case "at", (ast.List(items), index):
                numbers = [n for n in map(_integer, items) if n is not None]
                if len(numbers) < len(items):
                    raise NotAffineError("a list holds something else than integers")
                return self.space.table(numbers, self.value(index))
            case "min", arguments:
                return reduce(Affine.minimum, map(self.value, arguments))
            case "max", arguments:
                return reduce(Affine.maximum, map(self.value, arguments))
            case "abs", (operand,):
                value = self.value(operand)
                return value.maximum(-value)
            case "clamp", (operand, low, high):
                return self.value(operand).maximum(self.value(low)).minimum(self.value(high))
            case name, _:
                raise NotAffineError(f"`{name}` is no function of integers")


def _operands(op: str, expr: ast.Expr) -> list[ast.Expr]:
    """The operands of a tree of one associative operator, in order, without recursion."""
    found: list[ast.Expr] = []
    pending = [expr]
    while pending:
        match pending.pop():
            case ast.Binary(inner, left, right) if inner == op:
                pending += [right, left]
            case other:
                found.append(other)
    return found


def _integer(expr: ast.Expr) -> int | None:
    """The value of a constant; where text was parsed, a negative one is a minus and a number."""
    match expr:
        case ast.Int(value):
            return value
        case ast.Unary("-", ast.Int(value)):
            return -value
        case _:
            return None
