"""What is known of one kernel while it is printed."""

from dataclasses import dataclass, field, replace

from xdsl.ir import Block

from attnc.codegen.expressions import BOOL, FLOAT, INT, Value, render
from attnc.codegen.questions import plans_read
from attnc.codegen.triton.config import TYPES, TritonConfig
from attnc.codegen.triton.grids import Grid, grid_of
from attnc.codegen.triton.lines import Lines
from attnc.codegen.triton.target import TritonTarget
from attnc.compiler import fold
from attnc.compiler.dialects import tile
from attnc.compiler.dialects.inputs import InputAttr
from attnc.dsl.parser import parse_expression
from attnc.dsl.syntax import Expr, Member, Name

COLUMNS = {"q": "d", "k": "d", "v": "v", "out": "v", "do": "v", "dq": "d", "dk": "d", "dv": "v"}
TILES, OTHER = {"q": "t", "k": "c"}, {"q": "k", "k": "q"}  # tiles in plans; the other axis
ROWS = ("lse", "delta")  # operands that are one number a row
FORWARD, CHOICE = "forward", "best"  # what the names of a kernel's parts begin with
SIZES = ("heads", "group", "q_start", "q_len", "k_len")
TABLE = ("heads", "group", "p_rows")  # instead, where a table says of each sequence:
SEQUENCE = ("q_row", "k_row", "q_start", "q_len", "k_len")


@dataclass(frozen=True)
class Context:
    """One kernel: its inputs, and where its text goes; `prefix` begins the names of its parts.

    With `sequences`, a table of the call says where each sequence lies, and how long it is.
    """

    out: Lines
    kernel: tile.KernelOp
    config: TritonConfig
    sink: Expr | None = None
    prefix: str = FORWARD
    wanted: tuple[str, ...] = ()
    sequences: bool = False
    names: dict[str, Value] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The axis of the owned tile."""
        return self.kernel.owner.data

    @property
    def visited(self) -> str:
        """The axis of the visited tiles."""
        return OTHER[self.owner]

    @property
    def grid(self) -> Grid | None:
        """The grid that tiles are boxes of."""
        return grid_of(self.kernel)

    @property
    def inputs(self) -> dict[str, InputAttr]:
        """The inputs by name."""
        return {i.label.data: i for i in self.kernel.inputs}

    @property
    def visits(self) -> list[tile.VisitOp]:
        """Both classes of tiles."""
        return [op for op in self.kernel.body.block.ops if isinstance(op, tile.VisitOp)]

    @property
    def set_tests(self) -> dict[str, Member]:
        """The test of each run-time set that masks ask."""
        masks = [op.condition.data for op in self.kernel.walk() if isinstance(op, tile.MaskOp)]
        nodes = (node for text in masks for node in fold.walk(parse_expression(text)))
        return {node.base: node for node in nodes if isinstance(node, Member)}

    @property
    def decided(self) -> bool:
        """Whether run-time tensors decide what is visited."""
        pushes = (op for op in self.kernel.walk() if isinstance(op, tile.PushOp))
        return any(op.possible is not None for op in pushes)

    @property
    def scored(self) -> bool:
        """Whether scores pass through an expression."""
        return any(isinstance(op, tile.ScoreOp) for op in self.kernel.walk())

    @property
    def packed(self) -> int:
        """The heads of a KV head that lie in the rows of a tile: row r is of head r mod so many."""
        return int(self.kernel.packed.value.data)

    @property
    def split(self) -> bool:
        """Whether several programs share the keys of a tile."""
        return self.kernel.split is not None

    def rows(self, axis: str) -> int:
        """The positions of a tile."""
        if axis == "q":
            return int(self.kernel.tile_q.value.data) // self.packed
        return int(self.kernel.tile_k.value.data)

    @property
    def height(self) -> int:
        """The rows of a block of queries, a power of two that matrix units take."""
        rows = int(self.kernel.tile_q.value.data)
        return max(16, 1 << (rows - 1).bit_length())

    @property
    def described(self) -> tuple[str, ...]:
        """The operands that come by descriptors: rows of halves that follow one another."""
        apart = self.sequences or self.split or self.grid is not None
        halves = self.kernel.dtype.data != "float32"
        if not self.config.descriptors or apart or self.prefix == CHOICE or not halves:
            return ()
        names = ("k", "v") if self.owner == "q" else ("q", "do")
        whole = all([part[2:] for part in self.parts(n)] == [(self.width(n),) * 2] for n in names)
        return names if whole else ()

    @property
    def sizes(self) -> dict[str, str]:
        """The sizes that every kernel takes, with their types."""
        names = (*(TABLE if self.sequences else SIZES), *(self.grid.extents if self.grid else ()))
        return {name: "*i32" if name == "p_rows" else "i32" for name in names}

    def block(self, axis: str) -> str:
        """The name of that constant."""
        return "BLOCK_M" if axis == "q" else "BLOCK_N"

    def width(self, operand: str) -> int:
        """The columns of a tensor."""
        wide = self.kernel.head_dim if COLUMNS[operand] == "d" else self.kernel.value_dim
        return int(wide.value.data)

    def parts(self, operand: str) -> list[tuple[str, int, int, int]]:
        """A block's parts: suffix of the name, first column, power-of-two width, true width."""
        found, at, left = [], 0, self.width(operand)
        while left:
            size = max(16, 1 << (left.bit_length() - 1))
            found.append((at, size, min(size, left)))
            at, left = at + size, max(0, left - size)
        plain = len(found) == 1
        return [("" if plain else f"_{at}", at, size, true) for at, size, true in found]

    def tabled(self, visit: tile.VisitOp) -> bool:
        """Whether the tiles of a visit come from an index table."""
        nested = self.split and not flat(visit.plan.block)
        return visit.source.data == "table" or self.decided or nested

    @property
    def tables(self) -> list[str]:
        """The classes that come from a table, full before partial."""
        classes = [v.tile_class.data for v in self.visits if self.tabled(v)]
        return [name for name in ("full", "partial") if name in classes]

    def table(self, tile_class: str) -> str:
        """The first part of the names of a table, as FlexAttention has them."""
        side = "kv" if self.owner == "q" else "q"
        return f"full_{side}" if tile_class == "full" else side

    def plan_reads(self, name: str) -> bool:
        """Whether the plans of tables mention a name (or an input with that axis)."""
        by_input = self.decided and any(name in i.axis_names for i in self.inputs.values())
        return by_input or plans_read(self.visits, name)

    def with_names(self, names: dict[str, Value]) -> "Context":
        """The context where more names are known."""
        return replace(self, names={**self.names, **names})

    @property
    def target(self) -> TritonTarget:
        """How expressions are printed here."""
        fixed = {
            "k_start": Value("0", INT),
            "len": Value("k_len", INT),
            "qlen": Value("q_len", INT),
            "s": Value("b_s", FLOAT),
        }
        numbers = {
            name: Value(f"n_{name}", FLOAT if i.dtype.data == "float" else INT)
            for name, i in self.inputs.items()
            if not i.axis_names and i.dtype.data != "set"
        }
        points = self.grid.names(self.owner) if self.grid else {}
        return TritonTarget({**fixed, **numbers, **points, **self.names}, self.read, self.member)

    def text(self, expression: str) -> str:
        """An expression of the language in Triton."""
        return render(parse_expression(expression), self.target).text

    def read(self, base: str, indices: tuple[Expr, ...]) -> Value:
        """An element of an input, for each pair or for a row."""
        attr, masks = self.inputs[base], []
        at = [f"p_{base}"]
        if attr.axis_names[0] != "b":
            at.append(f"b * {base}_sb")
        for place, (axis, index) in enumerate(zip(attr.axis_names, indices, strict=True)):
            found = render(index, self.target).text
            if axis == "hkv":
                found = "(h // group)" if self.packed == 1 else "h_kv"
            if axis == "q":
                found = f"({found} - q_start)"
            if axis == "token" and index == Name("q"):  # it may lie beyond the keys
                found = f"tl.maximum(tl.minimum({found}, k_len - 1), 0)"
            if self.sequences and axis in ("q", "k", "token"):
                found = f"({'q' if axis == 'q' else 'k'}_row + {found})"
            if isinstance(index, Name) and index.id in ("q", "k"):
                masks.append(f"m_{index.id}")
                if axis == "token" and index.id == "q":
                    masks.append("(k_len > 0)")
            at.append(f"{found} * {base}_s{place}")
        guard = f", mask={' & '.join(masks)}, other=0" if masks else ""
        dtype = FLOAT if attr.dtype.data == "float" else INT
        return Value(f"tl.load({' + '.join(at)}{guard})", dtype)

    def member(self, test: Member) -> Value:
        """Whether pairs are in a set: a bit of the list of each."""
        name, attr = test.base, self.inputs[test.base]
        row = f"tl.minimum({self.target.name('q').text}, q_start + q_len - 1)"
        inner = self.with_names({"q": Value(row, INT)})
        at = [f"p_{name}"]
        if attr.axis_names[:1] != ("b",):
            at.append(f"tl.cast(b, tl.int64) * {name}_sb")
        for place, (axis, index) in enumerate(zip(attr.axis_names, test.indices, strict=True)):
            found = render(index, inner.target).text
            if axis == "hkv":
                found = "(h // group)" if self.packed == 1 else "h_kv"
            if axis == "q":
                start = self.with_names({"q": Value("q_start", INT)})
                found = f"({found} - {render(index, start.target).text})"
            if axis == "q" and self.sequences and isinstance(index, Name):
                found = f"(q_row + {found})"
            at.append(f"tl.cast({found}, tl.int64) * {name}_s{place}")
        mark = render(test.value, self.target).text
        return Value(f"listed({' + '.join(at)}, {mark}, {name}_words)", BOOL)

    def input_signature(self) -> dict[str, str]:
        """The arguments of the inputs, with their types."""
        found: dict[str, str] = {}
        for name, attr in self.inputs.items():
            kind = "fp32" if attr.dtype.data == "float" else "i32"
            if not attr.axis_names and attr.dtype.data != "set":
                found[f"n_{name}"] = kind
                continue
            found[f"p_{name}"] = f"*{kind}"
            if attr.axis_names[:1] != ("b",):
                found[f"{name}_sb"] = "i32"
            found |= {f"{name}_s{i}": "i32" for i in range(len(attr.axis_names))}
            if attr.dtype.data == "set":
                found |= {f"{name}_s{len(attr.axis_names)}": "i32", f"{name}_words": "i32"}
        return found

    def table_signature(self) -> dict[str, str]:
        """The arguments of the tables, with their types."""
        found: dict[str, str] = {}
        for name in self.tables:
            found |= {f"p_{self.table(name)}_{kind}": "*i32" for kind in ("num_blocks", "indices")}
        if found:
            found |= {"plan_sb": "i32", "plan_sh": "i32", "plan_columns": "i32"}
        return found

    def lse_signature(self) -> dict[str, str]:
        """The arguments of the log-sum-exp [b, h, n]: of a table's sequences, any strides."""
        found = {"p_lse": "*fp32"}
        if self.sequences:
            found |= {"lse_sb": "i32", "lse_sh": "i32"}
        return found | ({"out_ss": "i32", "lse_ss": "i32", "splits": "i32"} if self.split else {})

    def tensor_signature(self, *names: str) -> dict[str, str]:
        """The arguments of [b, h, n, columns] tensors, whose last stride is 1.

        The stride of rows is constant: addresses of a tile's rows are then offsets of one.
        """
        kind = TYPES[self.kernel.dtype.data]
        found: dict[str, str] = {}
        for name in names:
            if name in self.described:
                box = f"[1, 1, {self.rows(self.visited)}, {self.width(name)}]"
                found[f"desc_{name}"] = f"tensordesc<{kind}{box}>"
                continue
            found[f"p_{name}"] = f"*{kind}"
            found |= {f"{name}_s{axis}": "i32" for axis in "bh"} | {f"{name}_sn": "constexpr"}
        return found

    @property
    def precision(self) -> str:
        """How products of float32 are taken; other dtypes have one way only."""
        asked = f', input_precision="{self.config.input_precision}"'
        return asked if self.kernel.dtype.data == "float32" else ""


def flat(plan: Block) -> bool:
    """Whether a plan has no loop in a loop."""
    for op in plan.ops:
        if isinstance(op, tile.IfOp) and not flat(op.body.block):
            return False
        if isinstance(op, tile.ForOp) and not isinstance(op.body.block.first_op, tile.PushOp):
            return False
    return True
