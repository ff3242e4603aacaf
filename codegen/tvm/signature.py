"""The arguments of the functions of a CPU module, and how their tensors are bound.

Every tensor is bound with its own strides and read through a flat view of the same memory, so that
offsets are written out in 64 bits.
"""

from dataclasses import dataclass, field

from attnc.codegen.tvm.context import Context
from attnc.codegen.tvm.lanes import DTYPES

ROW_COLUMNS = ("q_row", "k_row", "q_start", "k_start", "q_len", "k_len")
ANY = "T.int64(1099511627776)"  # the extent of a flat view: larger than any memory


def row_columns(context: Context) -> tuple[str, ...]:
    """What the table says of a sequence."""
    return (*ROW_COLUMNS, *context.geometry.columns)


def tensor_inputs(context: Context) -> list[str]:
    """The inputs that are tensors, in the order of the spec."""
    return [name for name, i in context.inputs.items() if i.axis_names]


def number_inputs(context: Context) -> list[str]:
    """The inputs that are run-time numbers, in the order of the spec."""
    return [name for name, i in context.inputs.items() if not i.axis_names]


def number_arguments(context: Context) -> list[str]:
    """The run-time numbers as arguments."""
    kinds = {name: DTYPES[i.dtype.data] for name, i in context.inputs.items()}
    return [f"in_{name}: T.{context.dtype(kinds[name])}" for name in number_inputs(context)]


@dataclass
class Tensors:
    """The tensor arguments of one function, declared together: TVMScript binds them all first."""

    context: Context
    flat: list[str] = field(default_factory=list)

    def sizes(self, *names: str) -> None:
        """Sizes that several tensors share."""
        self.context.out.line(*(f"{name} = T.int64()" for name in names))

    def bind(self, name: str, dtype: str, sizes: list[str], unit: bool = False) -> None:
        """A tensor `name` with these sizes; `unit` says that its last stride is 1."""
        out = self.context.out
        strides = [f"{name}_s{axis}" for axis in range(len(sizes))]
        if unit:
            strides[-1] = "T.int64(1)"
        prefixes = (f"{name}_n", f"{name}_s", f"{name}_w")
        own = [size for size in [*sizes, *strides] if size.startswith(prefixes)]
        out.line(*(f"{variable} = T.int64()" for variable in own))
        shape, steps = f"({', '.join(sizes)},)", f"({', '.join(strides)},)"
        given = f"{name}_, {shape}, '{dtype}', strides={steps}, align={2 if '16' in dtype else 4}"
        out.line(f"{name}_m = T.match_buffer({given})")
        self.flat.append(f"{flat(name)} = T.decl_buffer(({ANY},), '{dtype}', data={name}_m.data)")

    def inputs(self) -> None:
        """The inputs of the spec, [n, axes...]."""
        for name in tensor_inputs(self.context):
            attr = self.context.inputs[name]
            sizes = [f"in_{name}_n{i}" for i in range(1, len(attr.axis_names) + 1)]
            if attr.axis_names[0] == "b":
                sizes[0] = "T.int64(1)"
            dtype = self.context.dtype(DTYPES[attr.dtype.data])
            self.bind(f"in_{name}", dtype, ["n", *sizes])

    def gradients(self, names: tuple[str, ...]) -> None:
        """The gradients of inputs, [threads, n, axes...]."""
        for name in names:
            axes = self.context.inputs[name].axis_names
            sizes = [f"d_{name}_n{i}" for i in range(2, len(axes) + 2)]
            if axes[:1] == ("b",):
                sizes[0] = "T.int64(1)"
            threads = "T.Cast('int64', threads)"
            self.bind(f"d_{name}", self.context.real.name, [threads, "n", *sizes])

    def rows(self) -> None:
        """The table of sequences: one or more for each entry of the batch."""
        columns = len(row_columns(self.context))
        self.bind("rows", "int32", ["rows_n", f"T.int64({columns})"], unit=True)

    def declare(self) -> None:
        """The flat views, after the last tensor."""
        self.context.out.line(*self.flat)


def flat(name: str) -> str:
    """The name of a tensor's flat view: scratch and inputs keep theirs."""
    scratch = name in ("f", "lists", "order", "table", "offsets", "parts")
    return name if scratch or name.startswith(("in_", "d_")) else f"{name}_t"


def emit_row(context: Context) -> None:
    """The columns of sequence `s`, as numbers of their names."""
    for column, name in enumerate(row_columns(context)):
        place = f"T.Cast('int64', s) * rows_s0 + {column}"
        context.out.line(f"{name}: T.int32 = rows_t[{place}]")
