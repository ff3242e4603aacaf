"""The facts and names that the parts of one CPU kernel share.

Scratch of one thread, in the kernel's real type (`f`): blocks with the owned rows in the lanes, as
the kernel's `layout` says. Lists of one thread, in int32 (`lists`): tiles to visit without a mask,
then with one. Inputs with one number per owned row are copied to `f` or `copies` once per tile.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import FLOAT
from attnc.codegen.tvm.axes import KEYS, QUERIES, Axis
from attnc.codegen.tvm.geometry import Geometry, geometry
from attnc.codegen.tvm.machine import Machine
from attnc.codegen.tvm.placement import Placement
from attnc.codegen.tvm.real import Real
from attnc.compiler.dialects import tile
from attnc.compiler.dialects.inputs import InputAttr
from attnc.compiler.dialects.units import UnitsAttr
from attnc.compiler.fold import walk
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Member


def gradients_of(kernel: tile.KernelOp) -> bool:
    """Whether a kernel computes gradients: it owns keys and stores what it has added up."""
    stores = any(isinstance(op, tile.StoreOp) for op in kernel.body.block.ops)
    return bool(kernel.owner.data == "k") and stores


@dataclass(frozen=True)
class Context:
    """One kernel being printed."""

    out: Emitter
    kernel: tile.KernelOp
    machine: Machine
    layout: Callable[["Context"], dict[str, int]]
    placement: Placement

    @property
    def head_dim(self) -> int:
        """Columns of queries and keys."""
        return int(self.kernel.head_dim.value.data)

    @property
    def value_dim(self) -> int:
        """Columns of values and outputs."""
        return int(self.kernel.value_dim.value.data)

    @property
    def real(self) -> Real:
        """The type of the arithmetic."""
        return self.machine.real

    @property
    def tensor_type(self) -> str:
        """The dtype of q, k, v and out."""
        return str(self.kernel.dtype.data)

    @property
    def widens(self) -> bool:
        """Whether rows of k and v are converted to the type of the arithmetic before a product."""
        own = self.tensor_type == self.real.name
        return not (own or self.paired or self.placement.few)

    @property
    def paired(self) -> bool:
        """Whether the CPU multiplies pairs of numbers as they are stored."""
        possible = self.machine.dot is not None and self.tensor_type == "bfloat16"
        if self.owned is KEYS:  # gradients are products of pairs by the matrix unit only
            matrices, vectors = self.machine.matrices, self.machine.vectors
            return possible and matrices > 0 and vectors % matrices == 0
        block = 2 * self.machine.lanes if self.placement.few else 1
        return possible and min(self.head_dim, self.value_dim) >= block

    @property
    def by_matrices(self) -> bool:
        """Whether the products are the matrix unit's."""
        return self.machine.matrices > 0 and self.paired and not self.placement.few

    @property
    def broad(self) -> bool:
        """Whether outputs are rows while they are computed: all queries lie in one register."""
        one = self.machine.vectors == 1 and not (self.placement.few or self.paired)
        return one and self.value_dim >= self.machine.lanes and not (self.gathered or self.count)

    @property
    def abreast(self) -> int:
        """How many vectors of owned rows are worked on before the next: by tiles of matrices, two.

        These are in the scratch with nothing between them.
        """
        vectors = self.machine.vectors
        if not self.by_matrices:
            return vectors
        return self.machine.matrices if vectors % self.machine.matrices == 0 else 1

    @contextmanager
    def each_vector(self) -> Iterator[str]:
        """A loop over those vectors: `v` in the tile; yields its number among those."""
        if not self.by_matrices:
            with self.out.block(f"for v in T.unroll({self.machine.vectors}):"):
                yield "v"
            return
        with self.out.block(f"for w in T.unroll({self.abreast}):"):
            self.out.line(f"v: T.int32 = block * {self.abreast} + w")
            yield "w"

    @property
    def late_scale(self) -> bool:
        """Whether scores are not multiplied by what is left of their scale before the softmax."""
        return self.by_matrices and not self.scored

    def dtype(self, name: str) -> str:
        """The target's type for a dtype of expressions."""
        return self.real.name if name == FLOAT else name

    @cached_property
    def geometry(self) -> Geometry:
        """Where the rows of tiles lie."""
        return geometry(tuple(self.kernel.axes), self.gathered > 0)

    @property
    def entry(self) -> str:
        """The batch entry of a sequence, which residue classes share."""
        return "s" if self.geometry.classes == 1 else f"(s // {self.geometry.classes})"

    @property
    def rows(self) -> int:
        """Rows of the owned tile, which lie in the lanes."""
        return self.placement.rows

    @property
    def owned_rows(self) -> int:
        """Tensor rows of an owned tile: the heads that are packed share one."""
        kernel = self.kernel
        tall = kernel.tile_k if self.owned is KEYS else kernel.tile_q
        return int(tall.value.data // kernel.packed.value.data)

    @property
    def split(self) -> bool:
        """Whether several workers share the tiles that an owned tile visits."""
        return self.kernel.split is not None

    @property
    def scattered(self) -> bool:
        """Whether visited rows are asked for in advance: there is little work, or no order."""
        return self.split or (bool(self.sets) and self.owned is QUERIES)

    @property
    def backward(self) -> bool:
        """Whether the kernel computes gradients."""
        return gradients_of(self.kernel)

    @property
    def gathered(self) -> int:
        """The keys of a unit, where tiles visit the queries that chose one; else 0."""
        return int(self.kernel.gathered.value.data) if self.kernel.gathered else 0

    @cached_property
    def count(self) -> int:
        """How many scores of each query are kept; 0 where the kernel computes outputs."""
        kept = (op for op in self.kernel.walk() if isinstance(op, tile.KeepOp))
        return next((int(op.count.value.data) for op in kept), 0)

    @cached_property
    def units(self) -> UnitsAttr | None:
        """The units that are kept, where it is not keys."""
        kept = (op for op in self.kernel.walk() if isinstance(op, tile.KeepOp))
        return next((op.units for op in kept), None)

    @property
    def owned(self) -> Axis:
        """The side whose tile the kernel owns."""
        return KEYS if self.kernel.owner.data == "k" else QUERIES

    @property
    def visited(self) -> Axis:
        """The side whose tiles the kernel visits."""
        return QUERIES if self.kernel.owner.data == "k" else KEYS

    @cached_property
    def visits(self) -> list[tile.VisitOp]:
        """The visits of the kernel, in order."""
        return [op for op in self.kernel.body.block.ops if isinstance(op, tile.VisitOp)]

    @cached_property
    def scored(self) -> bool:
        """Whether scores pass through an expression or are kept: they have their natural units."""
        kinds = tile.ScoreOp | tile.KeepOp
        return any(isinstance(op, kinds) for visit in self.visits for op in visit.walk())

    @property
    def tabled(self) -> bool:
        """Whether the tiles to visit come from a table, and not from loops in the kernel."""
        return any(visit.source.data == "table" for visit in self.visits)

    @property
    def list_name(self) -> str:
        """The buffer that the numbers of the key tiles to visit are read from."""
        return "table" if self.tabled else "lists"

    @property
    def list_at(self) -> str:
        """Where the list of the owned tile begins in that buffer."""
        return "offsets[plan_row]" if self.tabled else "lists_at"

    @cached_property
    def inputs(self) -> dict[str, InputAttr]:
        """The tensors and numbers by name."""
        return {i.label.data: i for i in self.kernel.inputs if i.dtype.data != "set"}

    @cached_property
    def sets(self) -> dict[str, InputAttr]:
        """The run-time sets by name."""
        return {i.label.data: i for i in self.kernel.inputs if i.dtype.data == "set"}

    @cached_property
    def set_tests(self) -> dict[str, Member]:
        """The one test of each run-time set that a mask asks, in the order of the spec."""
        masks = (op for op in self.kernel.walk() if isinstance(op, tile.MaskOp) and self.sets)
        nodes = (node for op in masks for node in walk(parse_expression(op.condition.data)))
        found = {node.base: node for node in nodes if isinstance(node, Member)}
        return {name: found[name] for name in self.sets if name in found}

    @cached_property
    def row_inputs(self) -> dict[str, InputAttr]:
        """Inputs with one number per owned row (and head): copied once per owned tile."""
        read, other = {"token", self.owned.name}, {self.visited.name, "d"}
        if self.placement.packed > 1:
            read |= {"h"}
        axes = {name: {*i.axis_names} for name, i in self.inputs.items()}
        return {n: i for n, i in self.inputs.items() if axes[n] & read and not axes[n] & other}

    @cached_property
    def float_parts(self) -> dict[str, int]:
        """Sizes of the parts of a thread's float scratch."""
        return self.layout(self) | self._copies("float")

    @cached_property
    def int_parts(self) -> dict[str, int]:
        """Sizes of the parts of a thread's int scratch that precede its two lists of tiles."""
        return self._copies("int") | dict.fromkeys(self.geometry.parts, self.placement.width)

    def _copies(self, dtype: str) -> dict[str, int]:
        names = (n for n, i in self.row_inputs.items() if i.dtype.data == dtype)
        return {f"in_{name}": self.placement.width for name in names}

    def row_offset(self, name: str, row: str, held: bool = False) -> str:
        """Where a row of the owned tile lies in `q` or `out`; `held`: the last one repeats."""
        place = self.geometry.owned_row(self, row, held)
        offset = f"{name}_base + T.Cast('int64', {place}) * {name}_s2"
        if self.placement.packed > 1:
            offset += f" + T.Cast('int64', {self.placement.head(row)}) * {name}_s1"
        return offset

    def part(self, name: str, offset: str = "0", lanes: int | None = None) -> str:
        """One vector of a part of the scratch (or one number, for one lane)."""
        lanes = self.machine.lanes if lanes is None else lanes
        buffer, at = "copies" if name in self.int_parts else "f", f"{name}_at + {offset}"
        return f"{buffer}[T.ramp({at}, 1, {lanes})]" if lanes > 1 else f"{buffer}[{at}]"
