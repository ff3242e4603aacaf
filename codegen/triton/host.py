"""The function that a user calls: shapes, strides, tables and launches."""

from attnc.codegen.expressions import LOG2_E
from attnc.codegen.triton.context import FORWARD, Context
from attnc.codegen.triton.copies import launch_arguments
from attnc.codegen.triton.kernel import TENSORS
from attnc.codegen.triton.merge import emit_merge_launch, emit_splits
from attnc.codegen.triton.sequences import emit_sequences, sequences_note
from attnc.codegen.triton.sets import marks
from attnc.compiler.dialects.inputs import InputAttr


def emit_host(context: Context, name: str = "attention") -> None:
    """`attention(q, k, v, ...)`."""
    out = context.out
    inputs = list(context.inputs)
    more = ["rows=None"] if context.sequences else []
    more += ["splits=None"] if context.split else []
    more += grid_argument(context)
    given = ["q", "k", "v", "*", "scale=None", "return_lse=False", *more, *inputs]
    sizes = context.width("q"), context.width("v")
    with out.function(name, given, jit=False):
        out.line(
            f'"""Attention of q [B, H, Nq, {sizes[0]}] to k [B, Hkv, Nk, {sizes[0]}] and v '
            f"[B, Hkv, Nk, {sizes[1]}].",
        )
        out.paste("")
        out.line(
            "`scale` is 1/sqrt(D) by default. With `return_lse`, also the log-sum-exp [B, H, Nq].",
            *(sequences_note(start_of(context)) if context.sequences else []),
            '"""',
            "batch, heads, q_len, head_dim = q.shape",
            "kv_heads, k_len, value_dim = v.shape[1:]",
        )
        with out.block(f"if (head_dim, value_dim) != {sizes}:"):
            out.line(f'raise ValueError("this kernel is for head dims {sizes[0]} and {sizes[1]}")')
        _emit_checks(context)
        out.line(
            "scale = head_dim**-0.5 if scale is None else float(scale)",
        )
        with out.block("if scale <= 0:  # the running maximum wants a positive one"):
            out.line("q, scale = (-q, -scale) if scale < 0 else (torch.zeros_like(q), 1.0)")
        out.line("q, k, v = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k, v))")
        out.line("out = q.new_empty(batch, heads, q_len, value_dim)")
        out.line("lse = q.new_empty(batch, heads, q_len, dtype=torch.float32)")
        with out.block("if out.numel() == 0:"):
            out.line("return (out, lse) if return_lse else out")
        returned = "(out, lse) if return_lse else out"
        if context.sequences:
            returned = emit_sequences(context, start_of(context))
        emit_sizes(context)
        emit_inputs(context)
        rows = context.rows("q") if context.split else "BLOCK_M"
        out.line(f"tiles = {tiles_of(context, 'q', rows)}")
        tables = emit_tables(context)
        if context.split:
            _emit_split_launch(context, tables)
        else:
            _emit_launch(context, tables)
        out.line(f"return {returned}")


def emit_sizes(context: Context) -> None:
    """The numbers that all kernels take."""
    found = f"{start_of(context)}, q_len, k_len" if not context.sequences else "rows"
    if context.grid:
        found += f", {', '.join(context.grid.extents)}"
    context.out.line(f"sizes = (heads, heads // kv_heads, {found})")


def start_of(context: Context) -> str:
    """The position of the first query, where a call does not say it."""
    return "0" if context.kernel.cross.value.data else "k_len - q_len"


def _emit_launch(context: Context, tables: list[str]) -> None:
    """The order of the programs, and the call of the kernel."""
    out = context.out
    out.line(
        "# Heads whose keys and values fit into the L2 cache together run side by side.",
        "room = max(1, L2_BYTES // max(1, k_len * (head_dim + value_dim) * q.element_size()))",
        "section = math.gcd(batch * heads, heads // kv_heads * (1 << (room.bit_length() - 1)))",
        "grid = (section, tiles, batch * heads // section)",
    )
    tensors = [y for x in TENSORS for y in launch_arguments(context, x)]
    tensors += ["lse", "*lse.stride()[:2]"] if context.sequences else ["lse"]
    out.call("forward[grid]", [*tensors, *arguments(context, tables)])


def _emit_split_launch(context: Context, tables: list[str]) -> None:
    """The calls of the kernel of a share, and of the one that merges them."""
    emit_splits(context)
    tensors = [y for x in TENSORS for y in (x, f"*{x}.stride()[-4:-1]")]
    tensors = [x.replace("out", "part") for x in tensors]
    tensors += ["part_lse", "*part_lse.stride()[-3:-1]"]
    tensors += ["part.stride(0)", "part_lse.stride(0)", "splits"]
    heads = "heads" if context.packed == 1 else "kv_heads"
    call = f"forward[(splits * tiles, {heads}, batch)]"
    context.out.call(call, [*tensors, *arguments(context, tables)])
    emit_merge_launch(context)


def arguments(context: Context, tables: list[str]) -> list[str]:
    """What the kernel gets after its tensors."""
    folded = "scale" if context.scored else f"scale * {LOG2_E}"
    return [
        "*sizes",
        folded,
        *(["*inputs"] if context.inputs else []),
        *tables,
        "BLOCK_M=BLOCK_M",
        "BLOCK_N=BLOCK_N",
        f"num_warps={context.config.num_warps}",
        f"num_stages={context.config.num_stages}",
    ]


def grid_argument(context: Context) -> list[str]:
    """The parameter for the extents of a grid; constant ones need not be given."""
    if not context.grid:
        return []
    constants = context.grid.constants
    return ["grid" if None in constants else f"grid={constants}"]


def tiles_of(context: Context, axis: str, block: object) -> str:
    """The number of tiles of a side."""
    return context.grid.tiles(axis) if context.grid else f"triton.cdiv({axis}_len, {block})"


def emit_extents(context: Context) -> None:
    """The extents of the axes."""
    if context.grid:
        names = ", ".join(context.grid.extents)
        context.out.line(f"{names}{',' * (len(context.grid.labels) == 1)} = grid")


def _emit_grid(context: Context) -> None:
    """The extents, which the points of the grid fill."""
    grid, out = context.grid, context.out
    if not grid:
        return
    emit_extents(context)
    with out.block(f"if (q_len, k_len) != ({' * '.join(grid.extents)},) * 2:"):
        out.line('raise ValueError("the tokens are the points of the grid, in row-major order")')
    for extent, constant in zip(grid.extents, grid.constants, strict=True):
        if constant is not None:
            with out.block(f"if {extent} != {constant}:"):
                out.line(f'raise ValueError("this kernel is for {extent} {constant}")')


def _emit_checks(context: Context) -> None:
    """What the kernel was specialised on."""
    out, kernel = context.out, context.kernel
    _emit_grid(context)
    with out.block(f"if q.dtype != torch.{kernel.dtype.data}:"):
        out.line(f'raise TypeError("this kernel is for torch.{kernel.dtype.data}")')
    heads, kv_heads = kernel.heads.value.data, kernel.kv_heads.value.data
    if heads:
        with out.block(f"if (heads, kv_heads) != ({heads}, {kv_heads}):"):
            out.line(f'raise ValueError("this kernel is for {heads} heads on {kv_heads}")')
    if context.packed > 1:
        with out.block(f"if heads != {context.packed} * kv_heads:"):
            said = f"this kernel is for {context.packed} heads on each KV head"
            out.line(f'raise ValueError("{said}")')
        return
    with out.block("if heads % kv_heads:"):
        out.line('raise ValueError("the number of heads is a multiple of that of KV heads")')


def emit_inputs(context: Context) -> None:
    """The inputs as the kernels take them: a tensor with its strides, or a number."""
    out = context.out
    if not context.inputs:
        return
    items = []
    for name, attr in context.inputs.items():
        kind = "float32" if attr.dtype.data == "float" else "int32"
        if attr.dtype.data == "set":
            items += _emit_set(context, name, attr)
            continue
        if not attr.axis_names:
            items.append("float(" + name + ")" if kind == "float32" else f"int({name})")
            continue
        count = len(attr.axis_names)
        out.line(f"{name} = {name}.to(q.device, torch.{kind})")
        if attr.axis_names[0] != "b":
            out.line(f"# [{', '.join(attr.axis_names)}], or one for each sequence")
            out.line(f"{name} = {name} if {name}.dim() == {count + 1} else {name}[None]")
            strides = f"0 if {name}.shape[0] == 1 else {name}.stride(0)"
            items += [name, strides, f"*{name}.stride()[1:]"]
        else:
            if context.sequences:
                out.line(f"{name} = {name}.expand(batch, {', '.join(['-1'] * (count - 1))})")
            items += [name, f"*{name}.stride()"]
    out.call("inputs = ", items, brackets=("[", "]"))


def _emit_set(context: Context, name: str, attr: InputAttr) -> list[str]:
    """The lists of a set as bits, and what kernels take of them."""
    out, count = context.out, len(attr.axis_names) + 1
    axes = ", ".join([*attr.axis_names, "words"])
    out.line(f"{name} = {name}.to(q.device)")
    out.line(f"{name} = marked({name}, {marks(context, name)})  # [{axes}]")
    if attr.axis_names[:1] == ("b",):
        return [name, f"*{name}.stride()", f"{name}.shape[-1]"]
    out.line(f"{name} = {name} if {name}.dim() == {count + 1} else {name}[None]")
    strides = f"0 if {name}.shape[0] == 1 else {name}.stride(0)"
    return [name, strides, f"*{name}.stride()[1:]", f"{name}.shape[-1]"]


def emit_tables(context: Context) -> list[str]:
    """Fill the index tables of this call; the arguments that hand them on."""
    if not context.tables:
        return []
    out = context.out
    data = any(attr.axis_names for attr in context.inputs.values())
    by_batch = context.plan_reads("b") or (context.decided and data)
    by_head = context.plan_reads("h")
    by_batch = by_batch or context.sequences
    by_head = by_head or context.plan_reads("hkv")
    batch, heads = "batch" if by_batch else "1", "heads" if by_head else "1"
    names = []
    axis = context.visited
    block = "BLOCK_N" if context.prefix == FORWARD else str(context.rows(axis))
    out.line(f"columns = {tiles_of(context, axis, block)}")
    for tile_class in context.tables:
        name = context.table(tile_class)
        rows = f"{batch}, {heads}, tiles"
        out.line(f"{name}_num_blocks = q.new_empty({rows}, dtype=torch.int32)")
        out.line(f"{name}_indices = q.new_empty({rows}, max(1, columns), dtype=torch.int32)")
        names += [f"{name}_num_blocks", f"{name}_indices"]
    per_batch = ("heads * tiles" if by_head else "tiles") if by_batch else "0"
    per_head = "tiles" if by_head else "0"
    tables = [*names, per_batch, per_head, "max(1, columns)"]
    out.call("tables = ", tables)
    given = ["*sizes", *(["*inputs"] if context.inputs else []), "*tables"]
    out.call(f"{context.prefix}_plan[(tiles, {heads}, {batch})]", given)
    return ["*tables"]
