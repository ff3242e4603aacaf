"""What is known of one kernel while it is printed."""

from dataclasses import dataclass, field, replace

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import FLOAT, INT, Value, render
from attnc.codegen.questions import plans_read
from attnc.codegen.tvm.target import TvmTarget
from attnc.codegen.tvm_gpu.layout import Layout
from attnc.compiler.dialects import tile
from attnc.compiler.dialects.inputs import InputAttr
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Expr

SIZES = ("batch", "heads", "group", "q_start", "q_len", "k_len")
TABLES = {"full": "full_kv", "partial": "kv"}
DTYPES = {"int": INT, "float": FLOAT}
SPECIAL = {"exp": "T.exp({0})", "tanh": "T.tanh({0})", "sigmoid": "T.sigmoid({0})"}


class GpuTarget(TvmTarget):
    """Expressions as GPUs compute them: they have these functions."""

    def special(self, function: str, arguments: tuple[Value, ...]) -> Value:
        """exp, tanh and sigmoid."""
        return Value(SPECIAL[function].format(*(a.text for a in arguments)), FLOAT)


@dataclass(frozen=True)
class Context:
    """One kernel, which owns tiles of queries: its inputs, and where its text goes."""

    out: Emitter
    kernel: tile.KernelOp
    layout: Layout
    sink: Expr | None = None
    names: dict[str, Value] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, InputAttr]:
        """The inputs by name."""
        return {i.label.data: i for i in self.kernel.inputs}

    @property
    def visits(self) -> dict[str, tile.VisitOp]:
        """The visits by class, `full` first."""
        found = [op for op in self.kernel.body.block.ops if isinstance(op, tile.VisitOp)]
        return {v.tile_class.data: v for v in sorted(found, key=lambda v: v.tile_class.data)}

    @property
    def decided(self) -> bool:
        """Whether run-time tensors decide what is visited."""
        return any(op.possible is not None for v in self.visits.values() for op in pushes(v))

    @property
    def scored(self) -> bool:
        """Whether scores pass through an expression."""
        return any(isinstance(op, tile.ScoreOp) for op in self.kernel.walk())

    def tabled(self, visit: tile.VisitOp) -> bool:
        """Whether the tiles of a visit come from a table: tensors decide, or loops are several."""
        return self.decided or visit.source.data == "table" or len(pushes(visit)) > 1

    @property
    def tables(self) -> list[str]:
        """The classes that come from a table."""
        return [name for name, visit in self.visits.items() if self.tabled(visit)]

    def plan_reads(self, axis: str) -> bool:
        """Whether the tables differ between heads, or batch entries."""
        axes = {axis, "hkv"} if axis == "h" else {axis}
        by_input = self.decided and any(axes & {*i.axis_names} for i in self.inputs.values())
        batched = axis == "b" and self.decided
        return batched or by_input or plans_read(self.visits.values(), axis)

    def with_names(self, names: dict[str, Value]) -> "Context":
        """The context where more names are known."""
        return replace(self, names={**self.names, **names})

    @property
    def target(self) -> GpuTarget:
        """How expressions are printed here."""
        fixed = {
            "k_start": Value("0", INT),
            "len": Value("k_len", INT),
            "qlen": Value("q_len", INT),
        }
        numbers = {
            name: Value(f"in_{name}", DTYPES[i.dtype.data])
            for name, i in self.inputs.items()
            if not i.axis_names
        }
        return GpuTarget(self.out, {**fixed, **numbers, **self.names}, self.read)

    def text(self, expression: str) -> str:
        """An expression of the language."""
        return render(parse_expression(expression), self.target).text

    def read(self, base: str, indices: tuple[Expr, ...]) -> Value:
        """An element of an input, whose rows exist: `q` and `k` are kept within their ranges."""
        attr = self.inputs[base]
        places = [] if attr.axis_names[0] == "b" else [f"b * {base}_sb"]
        for axis, index in zip(attr.axis_names, indices, strict=True):
            places.append(f"{self._place(axis, render(index, self.target).text)} * {base}_s{axis}")
        return Value(f"in_{base}[{' + '.join(places)}]", DTYPES[attr.dtype.data])

    def _place(self, axis: str, index: str) -> str:
        match axis:
            case "hkv":
                return "T.truncdiv(h, group)"
            case "q":
                return f"({index} - q_start)"
            case "token":  # a query beyond the keys reads the nearest token
                return f"T.max(0, T.min({index}, k_len - 1))"
            case _:
                return index


def pushes(visit: tile.VisitOp) -> list[tile.PushOp]:
    """The places at which a plan gives a tile."""
    return [op for op in visit.plan.walk() if isinstance(op, tile.PushOp)]
