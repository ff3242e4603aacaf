"""Which pairs of a tile are in the pattern, in few instructions for each.

A comparison that is linear in the visited position, such as `k <= q`, becomes one of the column's
number in the tile with a bound for each row, computed once: `x <= q - k_0`. That the key exists
goes into such an upper bound where there is one that every pair has to meet.

Between two bounds exactly one of `x >= low` and `x > high` holds. Written so, a pair takes one
selection; of a conjunction LLVM makes one for each comparison.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from attnc.codegen.expressions import BOOL, INT, Value, render
from attnc.codegen.triton.context import Context
from attnc.compiler import fold
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Binary, Compare, Comparison, Expr, Int, Name, Unary

SWAPPED: dict[str, Comparison] = {
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
    "==": "==",
    "!=": "!=",
}
BEYOND: dict[str, Comparison] = {"<": ">=", "<=": ">"}
COLUMN = "x"


@dataclass
class Mask:
    """Prints the condition of a visit; `context` writes into its function.

    `axis` is the visited one, and `exists` whether the condition has to ask whether its rows do.
    """

    context: Context
    axis: str
    exists: bool
    bounds: dict[str, Value] = field(default_factory=dict)

    def text(self, condition: str) -> str:
        """The condition, after the lines that compute its bounds."""
        parts = [self.changed(part) for part in _conjuncts(parse_expression(condition))]
        if self.exists:
            parts = [*parts, Name("exist")] if self.context.grid else self.limited(parts)
        conditions = self.between(parts)
        for name, bound in self.bounds.items():
            self.context.out.let(name, bound.text)
        known = {name: Value(name, INT) for name in (*self.bounds, COLUMN)}
        known["exist"] = Value("m_visited[None, :]", BOOL)
        inner = self.context.with_names(known)
        texts = [
            " ^ ".join(f"({render(part, inner.target).text})" for part in condition)
            for condition in conditions
        ]
        asked = dict.fromkeys(f"({text})" for text in texts if text not in ("(True)", ""))
        return " & ".join(asked) or "True"

    def limited(self, parts: list[Expr]) -> list[Expr]:
        """The conjuncts, which also say that the row exists."""
        start, length = self.start, f"{self.axis}_len"
        for place, part in enumerate(parts):
            match part:
                case Compare(ops=("<" | "<=" as op,), operands=(Name(id="x"), Name(id=name))):
                    last = length if op == "<" else f"{length} - 1"
                    value = self.bounds[name].text.removesuffix(f" - ({start})")
                    nearer = f"tl.minimum({value}, {last}) - ({start})"
                    if not _needed(parts, name):
                        self.bounds[name] = Value(nearer, INT)
                        return parts
                    limit = Name(self.named(nearer))
                    changed = Compare((op,), (Name(COLUMN), limit))
                    return [*parts[:place], changed, *parts[place + 1 :]]
        name = self.named(f"{length} - {start}")
        return [*parts, Compare(("<",), (Name(COLUMN), Name(name)))]

    def between(self, parts: list[Expr]) -> list[tuple[Expr, ...]]:
        """The conjuncts, each of one condition or of two of which exactly one holds."""
        lows, highs = (_bounding(parts, self.bounds, ops) for ops in ((">", ">="), ("<", "<=")))
        found: dict[Expr, tuple[Expr, ...]] = {part: (part,) for part in parts}
        for variable, low in lows.items():
            if variable in highs:
                high = highs[variable]
                found[low], found[high] = (low, self.beyond(low, high)), ()
        return list(found.values())

    def beyond(self, low: Compare, high: Compare) -> Expr:
        """What holds above `high`, and only where `low` holds, which may bound no position."""
        (variable, least), (_, most) = low.operands, high.operands
        shift = (low.ops[0] == ">") - (high.ops[0] == "<=")
        nearest = fold.binary("-" if shift < 0 else "+", least, Int(abs(shift)))
        texts = (render(part, self.context.target).text for part in (most, nearest))
        name = self.named(f"tl.maximum({', '.join(texts)})")
        return Compare((BEYOND[high.ops[0]],), (variable, Name(name)))

    @property
    def start(self) -> str:
        """The place of the tile's first row."""
        return f"{'c' if self.axis == 'k' else 't'} * {self.context.block(self.axis)}"

    def changed(self, part: Expr) -> Expr:
        """The expression with its comparisons rewritten."""
        if isinstance(part, Compare):
            return self.compare(part)
        return fold.rebuilt(part, self.changed)

    def compare(self, part: Compare) -> Expr:
        """A comparison by links, each of which may become one of the column."""
        links = [
            self.link(op, left, right)
            for op, left, right in zip(part.ops, part.operands, part.operands[1:], strict=False)
        ]
        found = links[0]
        for link in links[1:]:
            found = Binary("and", found, link)
        return found

    def link(self, op: Comparison, left: Expr, right: Expr) -> Expr:
        """`left op right` as `x op bound`; on a grid, as `k.y op bound` of a coordinate."""
        plain = Compare((op,), (left, right))
        grid = self.context.grid
        visited = [f"{self.axis}.{label}" for label in grid.labels] if grid else [self.axis]
        for variable in visited:
            low, high = _linear(left, variable), _linear(right, variable)
            if low is not None and high is not None and abs(low.factor - high.factor) == 1:
                break
        else:
            return plain
        difference = low + -high
        sign = difference.factor
        rest = (difference if sign < 0 else -difference).rest
        value = render(rest, self.context.target)
        if value.dtype != INT or {self.axis, *visited} & fold.names(rest):
            return plain
        if grid:
            bound = Name(self.named(value.text))
            return Compare((op if sign > 0 else SWAPPED[op],), (Name(variable), bound))
        before = "q_start + " if self.axis == "q" else ""
        name = self.named(f"{value.text} - ({before}{self.start})")
        return Compare((op if sign > 0 else SWAPPED[op],), (Name(COLUMN), Name(name)))

    def named(self, text: str) -> str:
        """The name of a bound; equal ones share it."""
        for name, known in self.bounds.items():
            if known.text == text:
                return name
        name = f"x_{len(self.bounds)}"
        self.bounds[name] = Value(text, INT)
        return name


def _conjuncts(condition: Expr) -> list[Expr]:
    """The expressions that all have to hold."""
    match condition:
        case Binary(op="and", left=left, right=right):
            return [*_conjuncts(left), *_conjuncts(right)]
        case Compare(ops=ops, operands=operands):
            pairs = zip(ops, operands, operands[1:], strict=False)
            return [Compare((op,), (left, right)) for op, left, right in pairs]
    return [condition]


def _bounding(
    parts: list[Expr], bounds: Mapping[str, Value], ops: tuple[str, ...]
) -> dict[Expr, Compare]:
    """The first comparison of each variable with a bound that is by one of these operators."""
    found: dict[Expr, Compare] = {}
    for part in parts:
        match part:
            case Compare(ops=(op,), operands=(Name() as variable, Name(id=name))):
                if op in ops and name in bounds:
                    found.setdefault(variable, part)
    return found


def _needed(parts: list[Expr], name: str) -> bool:
    """Whether a comparison asks for more of a bound than what lies below it."""
    nodes = (node for part in parts for node in fold.walk(part))
    found = [n.ops for n in nodes if isinstance(n, Compare) and Name(name) in n.operands]
    return any(op not in ("<", "<=") for ops in found for op in ops)


@dataclass(frozen=True)
class _Linear:
    """`factor` times a variable, and the rest: terms to add, terms to subtract, a number."""

    factor: int
    plus: tuple[Expr, ...] = ()
    minus: tuple[Expr, ...] = ()
    number: int = 0

    def __add__(self, other: "_Linear") -> "_Linear":
        return _Linear(
            self.factor + other.factor,
            self.plus + other.plus,
            self.minus + other.minus,
            self.number + other.number,
        )

    def __neg__(self) -> "_Linear":
        return _Linear(-self.factor, self.minus, self.plus, -self.number)

    @property
    def rest(self) -> Expr:
        """What is added to the variable."""
        total: Expr = Int(0)
        for term in self.plus:
            total = fold.binary("+", total, term)
        for term in self.minus:
            total = fold.binary("-", total, term)
        return fold.binary("-" if self.number < 0 else "+", total, Int(abs(self.number)))


def _linear(expr: Expr, variable: str) -> _Linear | None:
    """An expression as a linear one in a variable; None where it is not."""
    match expr:
        case Int(value=value):
            return _Linear(0, number=value)
        case Name(id=name) if name == variable:
            return _Linear(1)
        case Unary(op="-", operand=operand):
            inner = _linear(operand, variable)
            return None if inner is None else -inner
        case Binary(op="+" | "-" as op, left=left, right=right):
            a, b = _linear(left, variable), _linear(right, variable)
            if a is None or b is None:
                return None
            return a + (b if op == "+" else -b)
    return None if variable in fold.names(expr) else _Linear(0, (expr,))
