"""How JavaScript spells the operations of an expression, for one pair at a time.

Names that a spec declares are written with a `$` before them, so that none is a word of JavaScript.
The functions `div`, `mod`, `some`, `differ` and `drawn` are those of `HELPERS`; numbers are exact
below 2^53. Coordinates of tokens off the grid are NaN, so that what compares them is false.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from attnc.codegen.expressions import BOOL, FLOAT, INT, Value
from attnc.dsl.syntax import Exists, Expr, Member, Name

HELPERS = """\
const positive = (n) => {
  if (n > 0) return n;
  throw new RangeError(`a division by ${n}`);
};
const div = (a, b) => Math.floor(a / positive(b));
const mod = (a, b) => a - b * div(a, b);
const some = (low, high, holds) => {
  for (let i = low; i < high; i++) if (holds(i)) return true;
  return false;
};
const differ = (a, b) => a < b || a > b;
const drawn = (n, seed, ...places) => {
  if (places.some(Number.isNaN)) return NaN;
  const turned = (x, by) => (x << by) | (x >>> (32 - by));
  let h = seed | 0;
  for (const place of places) {
    const word = Math.imul(turned(Math.imul(place, 0xcc9e2d51), 15), 0x1b873593);
    h = (Math.imul(turned(h ^ word, 13), 5) + 0xe6546b64) | 0;
  }
  h ^= 4 * places.length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) % Math.max(n, 1);
};
"""
OPERATORS = {
    **{op: f"({{0}} {op} {{1}})" for op in ("+", "-", "*", "/", "<", "<=", ">", ">=")},
    "==": "({0} === {1})",
    "!=": "differ({0}, {1})",
    "div": "div({0}, {1})",
    "mod": "mod({0}, {1})",
    "pow": "({0} ** {1})",
    "neg": "(-{0})",
    "and": "({0} && {1})",
    "or": "({0} || {1})",
    "not": "!{0}",
    "where": "({0} ? {1} : {2})",
}
FUNCTIONS = {
    "min": "Math.min({0}, {1})",
    "max": "Math.max({0}, {1})",
    "abs": "Math.abs({0})",
}
PLACES = ("q", "k", "len", "qlen")  # arguments of every printed function
COUNTS = ("h", "b", "heads", "kv_heads")  # fields of its argument `at`


@dataclass(slots=True)
class JavaScriptTarget:
    """Names of one scope; `sizes` are the texts of extents and of lengths of segments by name."""

    declared: frozenset[str]
    labels: tuple[str, ...]
    segments: frozenset[str]
    sizes: Mapping[str, str]
    render: Callable[[Expr, "JavaScriptTarget"], str]
    operators: Mapping[str, str] = field(default_factory=lambda: OPERATORS)
    functions: Mapping[str, str] = field(default_factory=lambda: FUNCTIONS)

    def name(self, name: str) -> Value:
        """A declared name, a place, a coordinate, a count, an extent, a length or an input."""
        if name in self.declared:
            return Value(f"${name}", INT)
        if name in PLACES:
            return Value(name, INT)
        if name in COUNTS:
            return Value(f"at.{name}", INT)
        if "." in name:
            side, label = name.split(".")
            return Value(f"at.{side}[{self.labels.index(label)}]", INT)
        if name in self.sizes:
            return Value(self.sizes[name], INT)
        return Value(f"at.inputs.{name}", INT)

    def read(self, base: str, indices: tuple[Expr, ...]) -> Value:
        """An element of a list or an input: both are functions of their indices."""
        places = ", ".join(self.render(index, self) for index in indices)
        return Value(f"{self.name(base).text}({places})", INT)

    def member(self, test: Member) -> Value:
        """Whether a token is in a segment, or a value in a list, a function of its indices."""
        match test:
            case Member(Name(side), base, ()) if base in self.segments:
                return Value(f'(at.part.{side} === "{base}")', BOOL)
            case _:
                held = self.render(test.value, self)
                return Value(f"{self.read(test.base, test.indices).text}.has({held})", BOOL)

    def draw(self, count: Value, places: tuple[Value, ...]) -> Value:
        """A hash of the places, by the helper."""
        return Value(f"drawn({', '.join(v.text for v in (count, *places))})", INT)

    def exists(self, expr: Exists) -> Value:
        """A search by the helper `some`."""
        inner = self.declaring(expr.variable)
        low, high = (self.render(bound, self) for bound in (expr.low, expr.high))
        body = self.render(expr.body, inner)
        return Value(f"some({low}, {high}, (${expr.variable}) => {body})", BOOL)

    def declaring(self, *names: str) -> "JavaScriptTarget":
        """The scope with further names."""
        declared = self.declared | frozenset(names)
        return replace(self, declared=declared)

    def cast(self, value: Value, dtype: str) -> Value:
        """There is one kind of number; a constant real is rounded as tensors of reals are."""
        match value.dtype, dtype:
            case "literal", "bool":
                return Value(value.text.lower(), BOOL)
            case "literal", "float32":
                return Value(f"Math.fround({value.text})", FLOAT)
            case _:
                return Value(value.text, dtype)

    def splat(self, value: Value, lanes: int) -> Value:
        """There are no lanes."""
        return value

    def special(self, function: str, arguments: tuple[Value, ...]) -> Value:
        """Masks have no function of reals."""
        raise AssertionError(f"no function of masks: {function}")
