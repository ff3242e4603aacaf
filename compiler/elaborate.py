"""From a bound spec to the `attn` dialect: one `attn.pairs` for each named or written set."""

from dataclasses import dataclass
from pathlib import PurePath

from xdsl.builder import Builder
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr
from xdsl.ir import Block, Region, SSAValue
from xdsl.rewriter import InsertPoint

from attnc.compiler.dialects import attn
from attnc.compiler.dialects.attributes import number
from attnc.compiler.dialects.axes import axis
from attnc.compiler.dialects.inputs import InputAttr
from attnc.compiler.inline import (
    closed_assertion,
    pairs_condition,
    score_expression,
    sink_expression,
)
from attnc.compiler.listed import as_flags, flag_axis, tests
from attnc.dsl.branch import parts
from attnc.dsl.errors import SeveralMasks
from attnc.dsl.printer import print_assertion, print_expr, print_set
from attnc.dsl.program import Bound
from attnc.dsl.source import Span
from attnc.dsl.syntax import Bool, Complement, SetBinary, SetExpr

OPERATIONS = {"|": attn.UnionOp, "&": attn.IntersectOp, "-": attn.DifferenceOp}


@dataclass(frozen=True, slots=True)
class Units:
    """Units that keys lie in, as `tile.units` has them; `together`: heads of a KV head add up."""

    key_size: int
    key_stride: int
    size: int
    stride: int
    first: str
    end: str
    together: bool


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a kernel is specialised on; 0 stands for not known.

    `cropped` kernels accept keys that start after position 0; `dtype` is that of the tensors.
    A kernel for few queries has `rows` rows in a query tile (0: as many as are best for many
    queries), which hold `packed` heads of each query, and shares keys out among threads. `height`
    fixes the rows of a query tile in a kernel for many queries (0: the cost model chooses). A
    kernel of units of so many keys that each query chooses has `unit`; one that keeps the greatest
    scores of each query, how many: `best`, of keys or of `units`. A kernel of a GPU with
    `sequences` reads from a table of the call where each sequence lies. A backward kernel of `sums`
    has no gradient but dV.
    """

    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    value_dim: int = 0
    cropped: bool = False
    dtype: str = "float32"
    rows: int = 0
    packed: int = 1
    height: int = 0
    unit: int = 0
    best: int = 0
    units: Units | None = None
    sequences: bool = False
    sums: bool = False


def elaborate(bound: Bound, sizes: Sizes) -> ModuleOp:
    """The attention as a module of one `attn.attention`; raises what inlining raises.

    An `output` is no part of it, nor are the inputs that only the output reads.
    """
    if bound.merge is not None:
        raise SeveralMasks(bound.name)
    if bound.output is not None:
        (alone,) = parts(bound)
        bound = alone.bound
    block = Block()
    build = _Build(bound, sizes, Builder(InsertPoint.at_end(block)))
    build.mask()
    build.rest()
    attention = attn.AttentionOp.build(
        properties={
            "sym_name": StringAttr(bound.name),
            "heads": number(sizes.heads),
            "kv_heads": number(sizes.kv_heads),
            "head_dim": number(sizes.head_dim),
            "value_dim": number(sizes.value_dim),
            "dtype": StringAttr(sizes.dtype),
            "cross": number(int(bound.cross)),
            "inputs": ArrayAttr(_inputs(bound, sizes)),
            "axes": ArrayAttr([axis(label, str(extent)) for label, extent in bound.grid]),
        },
        regions=[Region(block)],
    )
    return ModuleOp([attention])


def _inputs(bound: Bound, sizes: Sizes) -> list[InputAttr]:
    """The inputs as kernels take them: sets that are flags are ints by key or query."""
    asked = tests(bound, sizes.heads or None, sizes.kv_heads or None)
    found = []
    for given in bound.inputs.values():
        dtype, axes = given.dtype, given.axes
        flag = flag_axis(asked[given.name], axes) if given.name in asked else None
        if flag is not None:
            dtype, axes = "int", (*axes, flag)
        found.append(InputAttr(*map(StringAttr, (given.name, dtype, " ".join(axes)))))
    return found


def _place(span: Span) -> str:
    """File, line and column, without the folder: a module says the same on every machine."""
    return f"{PurePath(span.source.name).name}:{span.line}:{span.column}"


@dataclass(frozen=True, slots=True)
class _Build:
    bound: Bound
    sizes: Sizes
    at: Builder

    def mask(self) -> None:
        whole = self.bound.mask
        pairs = self.pairs(whole) if whole is not None else self.leaf(Bool(True), "no mask")
        self.at.insert(attn.MaskOp.build(operands=[pairs]))

    def pairs(self, expr: SetExpr) -> SSAValue:
        """The set operators stay operations; what they combine becomes conditions."""
        match expr:
            case SetBinary(op=op, left=left, right=right):
                operands = [self.pairs(left), self.pairs(right)]
                operation = OPERATIONS[op].build(operands=operands, result_types=[attn.PairsType()])
                return self.at.insert(operation).results[0]
            case Complement(operand=operand):
                inner = [self.pairs(operand)]
                complement = attn.ComplementOp.build(
                    operands=inner, result_types=[attn.PairsType()]
                )
                return self.at.insert(complement).results[0]
            case _:
                heads, kv_heads = self.sizes.heads or None, self.sizes.kv_heads or None
                condition = pairs_condition(expr, self.bound, heads, kv_heads)
                condition = as_flags(condition, self.bound.inputs)
                return self.leaf(condition, f"{_place(expr.span)}: {print_set(expr)}")

    def leaf(self, condition: object, origin: str) -> SSAValue:
        operation = attn.PairsOp.build(
            properties={
                "condition": StringAttr(print_expr(condition)),  # type: ignore[arg-type]
                "origin": StringAttr(origin),
            },
            result_types=[attn.PairsType()],
        )
        return self.at.insert(operation).results[0]

    def rest(self) -> None:
        """Score, normaliser and assertions."""
        heads, kv_heads = self.sizes.heads or None, self.sizes.kv_heads or None
        score = score_expression(self.bound, heads, kv_heads)
        if score is not None:
            value = {"value": StringAttr(print_expr(score))}
            self.at.insert(attn.ScoreOp.build(properties=value))
        normalize = {"kind": StringAttr("softmax")}
        sink = sink_expression(self.bound, heads, kv_heads)
        if sink is not None:
            normalize["sink"] = StringAttr(print_expr(sink))
        self.at.insert(attn.NormalizeOp.build(properties=normalize))
        for statement in self.bound.asserts:
            closed = closed_assertion(statement, self.bound, heads, kv_heads)
            claim = {"claim": StringAttr(print_assertion(closed))}
            self.at.insert(attn.AssertOp.build(properties=claim))
