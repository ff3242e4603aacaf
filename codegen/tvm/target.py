"""How TVMScript spells the operations of an expression, on scalars and on vectors of lanes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import FLOAT, INT, Value
from attnc.codegen.tvm.draw import draw
from attnc.codegen.tvm.exponential import exp, expm1
from attnc.codegen.tvm.real import FLOAT32, Real
from attnc.dsl.syntax import Exists, Expr, Member

OPERATORS = {
    "+": "({0} + {1})",
    "-": "({0} - {1})",
    "*": "({0} * {1})",
    "/": "({0} / {1})",
    "div": "T.floordiv({0}, {1})",
    "mod": "T.floormod({0}, {1})",
    "neg": "(-{0})",
    "<": "({0} < {1})",
    "<=": "({0} <= {1})",
    ">": "({0} > {1})",
    ">=": "({0} >= {1})",
    "==": "({0} == {1})",
    "!=": "({0} != {1})",
    "and": "T.And({0}, {1})",
    "or": "T.Or({0}, {1})",
    "not": "T.Not({0})",
    "where": "T.Select({0}, {1}, {2})",
}
FUNCTIONS = {
    "min": "T.min({0}, {1})",
    "max": "T.max({0}, {1})",
    "abs": "T.abs({0})",
    "sqrt": "T.sqrt({0})",
    "log": "T.log({0})",
    "log2": "T.log2({0})",
    "pow": "T.pow({0}, {1})",
}

Reader = Callable[[str, tuple[Expr, ...]], Value]


@dataclass
class TvmTarget:
    """Names and inputs of one place in a kernel, and the statements written there."""

    out: Emitter
    names: Mapping[str, Value]
    reader: Reader
    real: Real = FLOAT32
    sets: Callable[[Member], Value] | None = None
    operators: Mapping[str, str] = field(default_factory=lambda: OPERATORS)
    functions: Mapping[str, str] = field(default_factory=lambda: FUNCTIONS)

    def name(self, name: str) -> Value:
        """The value that a name stands for here."""
        return self.names.get(name, Value(name, INT))

    def read(self, base: str, indices: tuple[Expr, ...]) -> Value:
        """An element of an input, as the place reads it."""
        return self.reader(base, indices)

    def member(self, test: Member) -> Value:
        """Whether pairs are in a run-time set, as the place looks it up."""
        assert self.sets is not None, f"no test of {test.base} here"
        return self.sets(test)

    def cast(self, value: Value, dtype: str) -> Value:
        """The value in another dtype; literals become typed."""
        if value.dtype == dtype:
            return value
        if value.dtype == "literal":
            text = f"T.{self._type(dtype)}({value.text})"
            return Value(text, dtype)
        if value.text.lstrip("-").isdigit() and dtype == FLOAT:
            return Value(f"T.{self.real.name}({value.text})", FLOAT)
        lanes = f"x{value.lanes}" if value.lanes > 1 else ""
        return Value(f"T.Cast('{self._type(dtype)}{lanes}', {value.text})", dtype, value.lanes)

    def _type(self, dtype: str) -> str:
        """The target's name of a dtype of expressions."""
        return self.real.name if dtype == FLOAT else dtype

    def splat(self, value: Value, lanes: int) -> Value:
        """A scalar repeated over lanes."""
        text = f"T.int32({value.text})" if value.text.lstrip("-").isdigit() else value.text
        return Value(f"T.broadcast({text}, {lanes})", value.dtype, lanes)

    def draw(self, count: Value, places: tuple[Value, ...]) -> Value:
        """A hash of the places."""
        return draw(self.out, count, places)

    def exists(self, expr: Exists) -> Value:
        """Kernels have none: it is written out or decided before."""
        raise AssertionError(f"`exists {expr.variable}` in a kernel")

    def special(self, function: str, arguments: tuple[Value, ...]) -> Value:
        """exp, tanh and sigmoid from one polynomial; TVM's own are scalar library calls."""
        (x,) = arguments
        match function:
            case "exp":
                return exp(self.out, x, self.real)
            case "tanh":
                return self._tanh(x)
            case "sigmoid":
                one = self.real.constant(1.0, x.lanes)
                power = exp(self.out, Value(f"(-{x.text})", FLOAT, x.lanes), self.real)
                return Value(f"({one} / ({one} + {power.text}))", FLOAT, x.lanes)
            case _:
                raise AssertionError(f"no such function: {function}")

    def _tanh(self, x: Value) -> Value:
        """E / (e + 2) with e = exp(2x) - 1, for |x| cut to 30, where tanh has reached 1."""
        two, limit, least = (self.real.constant(number, x.lanes) for number in (2.0, 30.0, -30.0))
        doubled = f"({two} * T.min({limit}, T.max({least}, {x.text})))"
        e = expm1(self.out, Value(doubled, FLOAT, x.lanes), self.real).text
        return Value(f"({e} / ({e} + {two}))", FLOAT, x.lanes)
