"""Closed-form loops over a set of tiles: isl's AST generator, and what it gives as plain trees.

Expressions in a nest are `dsl.syntax` expressions over `t h q_start k_start q_len k_len`, run-time
integers and the loop variable, with `div mod min max` and the boolean operators.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal, assert_never

from attnc.compiler import fold
from attnc.compiler.evaluate import evaluate
from attnc.compiler.relation import OPERATIONS, Relation
from attnc.compiler.sets import Code, IntegerSet, Term, context, generate, guard, membership
from attnc.dsl import syntax as ast
from attnc.dsl.errors import AnalysisTooComplex

_COMPARE: dict[str, Literal["==", "<=", "<", ">=", ">"]] = {
    "eq": "==",
    "le": "<=",
    "lt": "<",
    "ge": ">=",
    "gt": ">",
}

CODE_OPERATIONS = 800_000  # of isl, for one nest; writing code does much per operation
LOOP_LIMIT = 12  # a nest of more loops is better run in a planner than printed into a kernel

DEFAULT_ALIGNMENT = ("q_start + q_len = k_start + k_len",)
FROM_ZERO = (*DEFAULT_ALIGNMENT, "k_start = 0", "q_len <= k_len")


@dataclass(frozen=True, slots=True)
class Loop:
    """`for variable in range(low, high, step)`: `high` is excluded, `step` positive."""

    variable: str
    low: ast.Expr
    high: ast.Expr
    step: int
    body: "Nest"


@dataclass(frozen=True, slots=True)
class Guard:
    """`if condition: body else: otherwise`."""

    condition: ast.Expr
    body: "Nest"
    otherwise: "Nest" = ()


@dataclass(frozen=True, slots=True)
class Visit:
    """One tile."""

    tile: ast.Expr


Statement = Loop | Guard | Visit
Nest = tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A nest, and whether to print it as `"loops"` or to fill a `"table"` with it."""

    nest: Nest
    loops: int
    kind: str


def plan(
    tiles: IntegerSet,
    relation: Relation,
    fixed: str = "t",
    size: int = 1,
    assume: Sequence[str] = (),
    other_size: int = 1,
) -> Plan:
    """The nest over the tiles `c` of one given `t` (or, `fixed="c"`, over `t` for one given `c`).

    `size` is the number of rows of the fixed tile, for the fact that the tile exists. `assume`
    are more facts in isl's notation, such as `FROM_ZERO`. Where isl finds no loops within its
    limit, the nest tries every tile of the other kind, which have `other_size` rows.
    """
    rows = "q_len" if fixed == "t" else "k_len"
    facts = ["1 <= q_len", "1 <= k_len", f"0 <= {fixed}", f"{size} {fixed} < {rows}", *assume]
    if relation.uses_head:
        facts.append(f"0 <= h < {relation.heads}")
    known = context((*relation.params, *relation.outer, fixed), facts)
    with guard(OPERATIONS):
        one = tiles.as_params(*relation.outer, fixed).gist(known)
    nest = _simplest(one, known)
    if nest is None:
        return Plan(_search(one, known, other_size), LOOP_LIMIT + 1, "table")
    loops = count_loops(nest)
    return Plan(nest, loops, "loops" if loops <= LOOP_LIMIT else "table")


def _search(tiles: IntegerSet, known: IntegerSet, size: int) -> Nest:
    """A loop over all tiles, with membership as a condition."""
    (variable,) = tiles.dims
    rows = ast.Name("k_len" if variable == "c" else "q_len")
    high = ast.Binary("div", ast.Binary("+", rows, ast.Int(size - 1)), ast.Int(size))
    with guard(OPERATIONS):
        inside = as_expression(membership(tiles, known))
    visit = Guard(inside, (Visit(ast.Name(variable)),))
    return (Loop(variable, ast.Int(0), high, 1, (visit,)),)


def _simplest(tiles: IntegerSet, known: IntegerSet) -> Nest | None:
    """The better of the code for the whole set and that for its disjoint parts in sequence."""
    nests: list[Nest] = []
    ways: tuple[Callable[[], list[IntegerSet]], ...] = (lambda: [tiles], tiles.parts)
    for parts in ways:
        if nests and count_loops(nests[0]) <= 2:
            break
        try:
            with guard(CODE_OPERATIONS):
                nests.append(tuple(s for part in parts() for s in _nest(generate(part, known))))
        except AnalysisTooComplex:
            continue
    return min(nests, key=lambda nest: (count_loops(nest), count_guards(nest)), default=None)


# ---------------------------------------------------------------- from isl's code


def _nest(code: Code) -> Nest:
    match code:
        case ("block", *parts):
            return tuple(statement for part in parts for statement in _nest(part))
        case ("if", condition, then, other):
            return (Guard(as_expression(condition), _nest(then), _nest(other)),)
        case ("visit", tile):
            return (Visit(as_expression(tile)),)
        case ("for", variable, low, comparison, bound, step, body):
            high = as_expression(bound)
            if comparison == "<=":
                high = _plus_one(high)
            return (Loop(variable, as_expression(low), high, step, _nest(body)),)
        case _:
            raise TypeError(f"no code of isl's: {code!r}")


def _plus_one(expr: ast.Expr) -> ast.Expr:
    match expr:
        case ast.Binary("-", left, ast.Int(1)):
            return left
        case ast.Call("min", arguments):
            return ast.Call("min", tuple(map(_plus_one, arguments)))
        case _:
            return fold.binary("+", expr, ast.Int(1))


def as_condition(term: Term) -> ast.Expr:
    """A term of isl's code that is a truth; isl writes constant ones as numbers."""
    return ast.Bool(bool(term)) if isinstance(term, int) else as_expression(term)


def as_expression(term: Term, choices: bool = False) -> ast.Expr:
    """A term of isl's code as an expression; a choice of two terms only if they are allowed."""

    def part(inner: Term) -> ast.Expr:
        return as_expression(inner, choices)

    match term:
        case int():
            return ast.Int(term)
        case str():
            return ast.Name(term)
        case ("neg", operand):
            return fold.unary("-", part(operand))
        case ("eq" | "le" | "lt" | "ge" | "gt" as op, left, right):
            return ast.Compare((_COMPARE[op],), (part(left), part(right)))
        case ("min" | "max" as op, *operands):
            parts = map(part, operands)
            return reduce(lambda a, b: ast.Call(op, (a, b)), parts)
        case ("select" | "cond", *parts) if choices:
            return ast.Call("where", tuple(map(part, parts)))
        case (op, left, right) if op in ("+", "-", "*", "div", "mod", "and", "or"):
            return fold.binary(op, part(left), part(right))
        case _:
            raise AnalysisTooComplex(f"a loop bound uses `{term[0]}`")


# ---------------------------------------------------------------- on nests


def count_loops(nest: Nest) -> int:
    """The number of loops and of single visits outside loops."""
    total = 0
    for statement in nest:
        match statement:
            case Loop():
                total += 1
            case Guard(_, body, otherwise):
                total += count_loops(body) + count_loops(otherwise)
            case Visit():
                total += 1
            case _:
                assert_never(statement)
    return total


def count_guards(nest: Nest) -> int:
    """The number of conditions."""
    total = 0
    for statement in nest:
        match statement:
            case Loop(body=body):
                total += count_guards(body)
            case Guard(_, body, otherwise):
                total += 1 + count_guards(body) + count_guards(otherwise)
            case Visit():
                pass
            case _:
                assert_never(statement)
    return total


def enumerate_tiles(nest: Nest, **values: int) -> Iterator[int]:
    """The tiles that a nest visits, in its order; `values` are all names but the loop's."""
    for statement in nest:
        match statement:
            case Loop(variable, low, high, step, body):
                for value in range(evaluate(low, values), evaluate(high, values), step):
                    yield from enumerate_tiles(body, **{**values, variable: value})
            case Guard(condition, body, otherwise):
                chosen = body if evaluate(condition, values) else otherwise
                yield from enumerate_tiles(chosen, **values)
            case Visit(tile):
                yield evaluate(tile, values)
            case _:
                assert_never(statement)


def show(nest: Nest, indent: int = 0) -> str:
    """The nest as text, in the manner of Python."""
    pad, lines = "    " * indent, []
    for statement in nest:
        match statement:
            case Loop(variable, low, high, step, body):
                bounds = [text(low), text(high), *([str(step)] if step != 1 else [])]
                lines.append(f"{pad}for {variable} in range({', '.join(bounds)}):")
                lines.append(show(body, indent + 1))
            case Guard(condition, body, otherwise):
                lines += [f"{pad}if {text(condition)}:", show(body, indent + 1)]
                if otherwise:
                    lines += [f"{pad}else:", show(otherwise, indent + 1)]
            case Visit(tile):
                lines.append(f"{pad}visit({text(tile)})")
            case _:
                assert_never(statement)
    return "\n".join(lines)


def text(expr: ast.Expr) -> str:
    """An expression of a nest as text, fully parenthesised below the top."""
    match expr:
        case ast.Int(value):
            return str(value)
        case ast.Name(name):
            return name
        case ast.Unary(op, operand):
            return f"{op}{text(operand)}"
        case ast.Binary("and" | "or" | "+" as op, left, right):
            return f"{text(left)} {op} {text(right)}"
        case ast.Binary(op, left, right):
            return f"({text(left)}) {op} ({text(right)})"
        case ast.Compare(ops, operands):
            pairs = zip(ops, operands[1:], strict=True)
            return text(operands[0]) + "".join(f" {op} {text(o)}" for op, o in pairs)
        case ast.Call(function, arguments):
            return f"{function}({', '.join(map(text, arguments))})"
        case _:
            raise TypeError(f"no expression of a loop nest: {expr!r}")
