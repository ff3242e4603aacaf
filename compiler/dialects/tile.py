"""The `tile` dialect: how one kernel computes an attention, tile by tile, for any target.

A kernel owns one tile of query rows, or (backward) of keys. A `tile.visit` names the tiles of the
other axis of one class (full or partial): its first region enumerates them (`for`, `if`, `push`),
its second says what is done with each. Values are blocks, named by their axes; the printer of a
target decides where a block lives (registers, scratch, shared memory) and how many tiles it takes
at once.

    tile.kernel @mistral heads 4 / 1 dims 64 / 64 tile 48 x 8 inputs [] cross 0 {
      %q = tile.load "q" : !tile.block<"qd">
      tile.visit "partial" by "loops" plan {
        tile.for "c" from "max(0, (48 * t - 255) div 8)" to "6 * t + 6" step 1 {
          tile.push "c"
        }
      } each {
        %k = tile.load "k" : !tile.block<"kd">
        %s = tile.dot %q, %k : !tile.block<"qd">, !tile.block<"kd"> -> !tile.block<"kq">
        %m = tile.mask %s where "-255 <= k - q <= 0" : !tile.block<"kq"> -> !tile.block<"kq">
        %p = tile.online_softmax %m : !tile.block<"kq"> -> !tile.block<"kq">
        %v = tile.load "v" : !tile.block<"kv">
        tile.accumulate %p, %v into "out" : !tile.block<"kq">, !tile.block<"kv">
      }
      tile.finish "softmax" into "out"
    }

`docs/tile.md` explains it with six kernels.
"""

from xdsl.dialects.builtin import ArrayAttr, StringAttr, SymbolNameConstraint, UnitAttr
from xdsl.ir import Dialect
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
)
from xdsl.traits import NoTerminator, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from attnc.compiler.dialects.attributes import (
    Number,
    number,
    verify_expression,
    verify_heads,
    verify_packing,
)
from attnc.compiler.dialects.axes import AxisAttr
from attnc.compiler.dialects.blocks import (
    OPERANDS,
    TARGETS,
    BlockType,
    axes_of,
    block,
    contracted,
    verify_named,
)
from attnc.compiler.dialects.inputs import InputAttr
from attnc.compiler.dialects.plan import ForOp, IfOp, PushOp, verify_visit
from attnc.compiler.dialects.units import UnitsAttr
from attnc.compiler.dialects.values import (
    CollectOp,
    DotOp,
    KeepOp,
    MapOp,
    MaskOp,
    OnlineSoftmaxOp,
    ScoreOp,
)

__all__ = [
    "AccumulateOp", "BlockType", "CollectOp", "DotOp", "FinishOp", "ForOp", "IfOp", "KeepOp",
    "KernelOp", "LoadOp", "MapOp", "MaskOp", "OnlineSoftmaxOp", "PushOp", "ScoreOp", "StoreOp",
    "Tile", "VisitOp", "block", "number",
]  # fmt: skip

OWNERS = ("q", "k")
DTYPES = ("float32", "float64", "bfloat16", "float16")


@irdl_op_definition
class KernelOp(IRDLOperation):
    """One kernel: sizes fixed at compile time, and a body that runs once per tile it owns.

    `owner` is the axis of that tile, and the kernel visits tiles of the other one. `packed` heads
    that share their keys lie in the rows of one query tile: row r is head r mod packed of the
    group and query r div packed. The tiles that the plans of a `split` kernel list, in order, are
    shared out among a number of workers that the call chooses; `tile.finish` merges their partial
    results by their log-sum-exp. An owned tile of a `gathered` kernel is
    of one unit of so many keys, and it visits the queries that chose the unit, wherever they are:
    their state is taken up from `out` and `lse`. Plans see the unit as `u` and the number of these
    queries as `members`. `axes` say where the rows of tiles
    lie, which by default are consecutive: in boxes of a grid, or `step` apart. Each residue class
    is then a sequence or grid of its own, within which the plans and expressions count. On a grid
    a visited tile lies along the last axis, and a plan pushes its first row. `dtype` is what is
    loaded and stored; arithmetic is float32, or float64 for that dtype.
    """

    name = "tile.kernel"
    sym_name = prop_def(SymbolNameConstraint())
    heads = prop_def(Number)
    kv_heads = prop_def(Number)
    head_dim = prop_def(Number)
    value_dim = prop_def(Number)
    tile_q = prop_def(Number)
    tile_k = prop_def(Number)
    owner = prop_def(StringAttr, default_value=StringAttr("q"))
    packed = prop_def(Number, default_value=number(1))
    split = opt_prop_def(UnitAttr)
    gathered = opt_prop_def(Number)
    axes = prop_def(ArrayAttr[AxisAttr], default_value=ArrayAttr[AxisAttr]([]))
    dtype = prop_def(StringAttr, default_value=StringAttr("float32"))
    inputs = prop_def(ArrayAttr[InputAttr])
    cross = prop_def(Number)
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), NoTerminator())
    assembly_format = (
        "$sym_name `heads` $heads `/` $kv_heads `dims` $head_dim `/` $value_dim "
        "`tile` $tile_q `x` $tile_k (`owner` $owner^)? (`packed` $packed^)? (`split` $split^)? "
        "(`gathered` $gathered^)? (`axes` $axes^)? (`dtype` $dtype^)? `inputs` $inputs "
        "`cross` $cross $body attr-dict"
    )

    def verify_(self) -> None:
        """Heads group evenly, names are known, and loads are where their tile is known."""
        verify_heads(self.heads, self.kv_heads)
        if self.owner.data not in OWNERS:
            raise VerifyException(f"a kernel owns a tile of {OWNERS}, not {self.owner.data!r}")
        if self.dtype.data not in DTYPES:
            raise VerifyException(f"a dtype is one of {DTYPES}, not {self.dtype.data!r}")
        self._verify_packing()
        self._verify_places()

    def _verify_packing(self) -> None:
        packed, heads = self.packed.value.data, self.heads.value.data
        verify_packing(self.tile_q, self.packed)
        if packed != 1 and heads and heads != packed * self.kv_heads.value.data:
            raise VerifyException("the packed heads are those of one KV head")

    def _verify_places(self) -> None:
        """Rows of the owned tile are loaded and written outside the visits, other rows inside.

        Only dQ, and outputs of gathered queries, are added to at visited rows.
        """
        for op in self.walk():
            if isinstance(op, LoadOp):
                axes = OPERANDS[op.operand_name.data]
                owned = axes.startswith(self.owner.data)
                if owned != (op.parent_op() is self):
                    raise VerifyException(f"{op.operand_name.data!r} is loaded where its tile is")
            if isinstance(op, AccumulateOp | FinishOp | StoreOp):
                axes = TARGETS.get(op.target.data, "")
                visited = isinstance(op, AccumulateOp) and op.target.data == "dq"
                visited |= self.gathered is not None and op.target.data == "out"
                if not (axes.startswith(self.owner.data) or visited):
                    raise VerifyException(f"this kernel does not own rows of {op.target.data!r}")


@irdl_op_definition
class LoadOp(IRDLOperation):
    """Rows of an operand, at the kernel's own tile or at the visited one.

    `q` is read times the scale. Also for the backward pass: `do`, `lse` (plus infinity for a row
    that saw no key, so that its weights are 0) and `delta`, the rows' sums of `do * out`.
    """

    name = "tile.load"
    operand_name = prop_def(StringAttr)
    result = result_def(BlockType)
    assembly_format = "$operand_name `:` type($result) attr-dict"

    def verify_(self) -> None:
        """The operand is known and has these axes."""
        verify_named("an operand", self.operand_name.data, OPERANDS, axes_of(self.result))


@irdl_op_definition
class VisitOp(IRDLOperation):
    """Visit the tiles of a class: `plan` enumerates them, `each` computes.

    The plan runs in the kernel (`loops`), or once per call to fill an index table (`table`).
    """

    name = "tile.visit"
    tile_class = prop_def(StringAttr)
    source = prop_def(StringAttr)
    plan = region_def("single_block")
    each = region_def("single_block")
    traits = traits_def(NoTerminator())
    assembly_format = "$tile_class `by` $source `plan` $plan `each` $each attr-dict"

    def verify_(self) -> None:
        """The class and the source are known, and the plan is one."""
        verify_visit(self, self.tile_class, self.source)


@irdl_op_definition
class AccumulateOp(IRDLOperation):
    """Contract the shared axis of two blocks and add to an accumulator.

    Into `dq` in a kernel that owns keys: add to the visited rows in memory, which no other kernel
    instance may write meanwhile.
    Where the visit weighs by an online softmax, the accumulator is rescaled with its maximum.
    """

    name = "tile.accumulate"
    weights = operand_def(BlockType)
    values = operand_def(BlockType)
    target = prop_def(StringAttr)
    assembly_format = (
        "$weights `,` $values `into` $target `:` type($weights) `,` type($values) attr-dict"
    )

    def verify_(self) -> None:
        """The target is known and has the axes of the product."""
        product = contracted(self.weights, self.values)
        verify_named("a target", self.target.data, TARGETS, product)


@irdl_op_definition
class FinishOp(IRDLOperation):
    """Divide by the normaliser, store the output rows and their log-sum-exp."""

    name = "tile.finish"
    normalizer = prop_def(StringAttr)
    target = prop_def(StringAttr)
    assembly_format = "$normalizer `into` $target attr-dict"


@irdl_op_definition
class StoreOp(IRDLOperation):
    """Store an accumulator as it is, times a number (1 by default)."""

    name = "tile.store"
    target = prop_def(StringAttr)
    factor = opt_prop_def(StringAttr)
    assembly_format = "$target (`times` $factor^)? attr-dict"

    def verify_(self) -> None:
        """The factor is an expression."""
        if self.factor is not None:
            verify_expression(self.factor)


Tile = Dialect(
    "tile",
    [
        KernelOp, LoadOp, VisitOp, ForOp, IfOp, PushOp, DotOp, ScoreOp, MaskOp, OnlineSoftmaxOp,
        KeepOp, MapOp, CollectOp, AccumulateOp, FinishOp, StoreOp,
    ],
    [BlockType, UnitsAttr],
)  # fmt: skip
