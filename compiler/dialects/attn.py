"""The `attn` dialect: what an attention computes, before anything is said about how.

    attn.attention @mistral heads 4 / 1 dims 64 / 64 {
      %0 = attn.pairs "-255 <= k - q and k - q <= 0"
      attn.mask %0
      attn.normalize "softmax"
      attn.assert "causal"
    }

Passes add to it: `split-atoms` the relation, `prove` the verdicts, `choose-tiles` the tiling,
`classify-tiles` the classes, `plan-visits` the loops.
"""

from xdsl.dialects.builtin import ArrayAttr, StringAttr, SymbolNameConstraint, UnitAttr
from xdsl.ir import Dialect, ParametrizedAttribute, TypeAttribute
from xdsl.irdl import (
    IRDLOperation,
    irdl_attr_definition,
    irdl_op_definition,
    operand_def,
    opt_prop_def,
    prop_def,
    region_def,
    result_def,
    traits_def,
)
from xdsl.traits import NoTerminator, Pure, SymbolOpInterface
from xdsl.utils.exceptions import VerifyException

from attnc.compiler.dialects.attributes import (
    Number,
    number,
    verify_expression,
    verify_heads,
    verify_packing,
)
from attnc.compiler.dialects.axes import AxisAttr
from attnc.compiler.dialects.inputs import InputAttr
from attnc.compiler.dialects.plan import verify_visit

VERDICTS = ("proved", "refuted", "unknown")


@irdl_attr_definition
class PairsType(ParametrizedAttribute, TypeAttribute):
    """A set of pairs of a query and a key."""

    name = "attn.set"


@irdl_op_definition
class AttentionOp(IRDLOperation):
    """One attention with its compile-time sizes; 0 where a size is not known yet.

    `dtype` is what its kernels load and store, `axes` are those of a grid, or the one axis of a
    sequence that is taken by residue class.
    """

    name = "attn.attention"
    sym_name = prop_def(SymbolNameConstraint())
    heads = prop_def(Number)
    kv_heads = prop_def(Number)
    head_dim = prop_def(Number)
    value_dim = prop_def(Number)
    dtype = prop_def(StringAttr, default_value=StringAttr("float32"))
    cross = prop_def(Number)
    inputs = prop_def(ArrayAttr[InputAttr])
    axes = prop_def(ArrayAttr[AxisAttr], default_value=ArrayAttr[AxisAttr]([]))
    body = region_def("single_block")
    traits = traits_def(SymbolOpInterface(), NoTerminator())
    assembly_format = (
        "$sym_name `heads` $heads `/` $kv_heads `dims` $head_dim `/` $value_dim "
        "(`dtype` $dtype^)? `inputs` $inputs (`axes` $axes^)? `cross` $cross $body attr-dict"
    )

    def verify_(self) -> None:
        """Heads group evenly."""
        verify_heads(self.heads, self.kv_heads)


@irdl_op_definition
class PairsOp(IRDLOperation):
    """The pairs for which a closed condition holds; `origin` says where it was written."""

    name = "attn.pairs"
    condition = prop_def(StringAttr)
    origin = opt_prop_def(StringAttr)
    result = result_def(PairsType)
    traits = traits_def(Pure())
    assembly_format = "$condition (`from` $origin^)? `:` type($result) attr-dict"

    def verify_(self) -> None:
        """The condition is an expression."""
        verify_expression(self.condition)


class _SetOp(IRDLOperation):
    """What the binary set operations share."""

    left = operand_def(PairsType)
    right = operand_def(PairsType)
    result = result_def(PairsType)
    traits = traits_def(Pure())
    assembly_format = (
        "$left `,` $right `:` type($left) `,` type($right) `->` type($result) attr-dict"
    )


@irdl_op_definition
class UnionOp(_SetOp):
    """`left | right`."""

    name = "attn.union"


@irdl_op_definition
class IntersectOp(_SetOp):
    """`left & right`."""

    name = "attn.intersect"


@irdl_op_definition
class DifferenceOp(_SetOp):
    """`left - right`."""

    name = "attn.difference"


@irdl_op_definition
class ComplementOp(IRDLOperation):
    """`~operand`, over all existing pairs."""

    name = "attn.complement"
    operand = operand_def(PairsType)
    result = result_def(PairsType)
    traits = traits_def(Pure())
    assembly_format = "$operand `:` type($operand) `->` type($result) attr-dict"


@irdl_op_definition
class MaskOp(IRDLOperation):
    """The pairs that attend."""

    name = "attn.mask"
    pairs = operand_def(PairsType)
    assembly_format = "$pairs `:` type($pairs) attr-dict"


@irdl_op_definition
class RelationOp(IRDLOperation):
    """The mask as isl sets of `[h, q, k]`, lengths symbolic.

    `upper` takes every test of a run-time tensor as true, `lower` as false; without such tests
    they are equal and `lower` is left out.
    """

    name = "attn.relation"
    condition = prop_def(StringAttr)
    upper = prop_def(StringAttr)
    lower = opt_prop_def(StringAttr)
    assembly_format = "$condition `upper` $upper (`lower` $lower^)? attr-dict"

    def verify_(self) -> None:
        """The condition is an expression."""
        verify_expression(self.condition)


@irdl_op_definition
class ScoreOp(IRDLOperation):
    """The score as an expression of the scaled dot product `s`."""

    name = "attn.score"
    value = prop_def(StringAttr)
    assembly_format = "$value attr-dict"

    def verify_(self) -> None:
        """The value is an expression."""
        verify_expression(self.value)


@irdl_op_definition
class NormalizeOp(IRDLOperation):
    """How scores become weights.

    `sink` is the logit of one more term of the denominator, which has no value. Kernels leave it
    to the caller, who has the log-sum-exp.
    """

    name = "attn.normalize"
    kind = prop_def(StringAttr)
    sink = opt_prop_def(StringAttr)
    assembly_format = "$kind (`sink` $sink^)? attr-dict"


@irdl_op_definition
class AssertOp(IRDLOperation):
    """A property to be proved; `prove` fills in the verdict.

    The claim is what the language writes after `assert`, its numbers and its set closed.
    """

    name = "attn.assert"
    claim = prop_def(StringAttr)
    verdict = opt_prop_def(StringAttr)
    counterexample = opt_prop_def(StringAttr)
    assembly_format = "$claim (`is` $verdict^)? (`at` $counterexample^)? attr-dict"

    def verify_(self) -> None:
        """A verdict is one of three words."""
        if self.verdict is not None and self.verdict.data not in VERDICTS:
            raise VerifyException(f"a verdict is one of {VERDICTS}, not {self.verdict.data!r}")


@irdl_op_definition
class TilingOp(IRDLOperation):
    """The tile map: query tile `t` holds rows t*q .. t*q + q, key tile `c` rows c*k .. c*k + k.

    `owner` is the side whose tiles a kernel owns. `packed` heads of a group lie in the q rows, so
    that a tile holds q / packed queries. The key tiles of a query tile may be `split` among
    several workers. Tiles may hold `gathered` queries, which chose the same unit of so many keys.
    """

    name = "attn.tiling"
    q = prop_def(Number)
    k = prop_def(Number)
    owner = prop_def(StringAttr, default_value=StringAttr("q"))
    packed = prop_def(Number, default_value=number(1))
    split = opt_prop_def(UnitAttr)
    gathered = opt_prop_def(Number)
    assembly_format = (
        "$q `x` $k (`owner` $owner^)? (`packed` $packed^)? (`split` $split^)? "
        "(`gathered` $gathered^)? attr-dict"
    )

    @property
    def queries(self) -> int:
        """Queries of a tile."""
        return int(self.q.value.data // self.packed.value.data)

    def verify_(self) -> None:
        """A tile has rows and keys, and all packed heads of each of its queries."""
        if min(self.q.value.data, self.k.value.data) <= 0:
            raise VerifyException("a tile has at least one row and one key")
        verify_packing(self.q, self.packed)


@irdl_op_definition
class ClassesOp(IRDLOperation):
    """The key tiles `c` of each query tile `t`, by class, as isl sets of `[h, t, c]`."""

    name = "attn.classes"
    full = prop_def(StringAttr)
    partial = prop_def(StringAttr)
    assembly_format = "`full` $full `partial` $partial attr-dict"


@irdl_op_definition
class VisitsOp(IRDLOperation):
    """How the tiles of one class are enumerated, in operations of the `tile` dialect, and where."""

    name = "attn.visits"
    tile_class = prop_def(StringAttr)
    source = prop_def(StringAttr)
    plan = region_def("single_block")
    traits = traits_def(NoTerminator())
    assembly_format = "$tile_class `by` $source $plan attr-dict"

    def verify_(self) -> None:
        """The class and the source are known, and the plan is one."""
        verify_visit(self, self.tile_class, self.source)


Attn = Dialect(
    "attn",
    [
        AttentionOp,
        PairsOp,
        UnionOp,
        IntersectOp,
        DifferenceOp,
        ComplementOp,
        MaskOp,
        RelationOp,
        ScoreOp,
        NormalizeOp,
        AssertOp,
        TilingOp,
        ClassesOp,
        VisitsOp,
    ],
    [PairsType, InputAttr, AxisAttr],
)
