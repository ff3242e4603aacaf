"""Which tile a program has, and where its rows lie."""

from attnc.codegen.triton.context import ROWS, SEQUENCE, TILES, Context


def emit_program(context: Context) -> None:
    """The numbers of the program's tile `t`, sequence `b` and heads."""
    if context.split:
        _emit_share(context)
        return
    context.out.line(
        '"""One tile of queries of one head; the tiles that see most keys come first."""',
        "i_bh = tl.program_id(2) * tl.num_programs(0) + tl.program_id(0)",
        "t = tl.num_programs(1) - 1 - tl.program_id(1)",
        "b = i_bh // heads",
        "h = i_bh % heads",
        "h_kv = h // group",
    )
    emit_sequence(context)


def _emit_share(context: Context) -> None:
    """A share of the keys of a tile."""
    heads, queries = context.packed, context.rows("q")
    rows = f"{queries} queries of {heads} heads" if heads > 1 else f"{queries} queries"
    context.out.line(
        f'"""A share of the keys that one tile sees: the rows are {rows}."""',
        "i_split = tl.program_id(0) % splits",
        "t = tl.program_id(0) // splits",
        "b = tl.program_id(2)",
        *(
            ["h_kv = tl.program_id(1)"]
            if heads > 1
            else ["h = tl.program_id(1)", "h_kv = h // group"]
        ),
    )
    emit_sequence(context)


def emit_sequence(context: Context, leave: bool = True) -> None:
    """What the table says of the sequence; programs beyond its last tile leave."""
    if not context.sequences:
        return
    out, columns = context.out, len(SEQUENCE)
    out.line(f"p_rows += b * {columns}")
    for column, name in enumerate(SEQUENCE):
        out.line(f"{name} = tl.load(p_rows + {column})" if column else f"{name} = tl.load(p_rows)")
    axis = context.owner
    if leave:
        with out.block(f"if {TILES[axis]} * {context.rows(axis)} >= {axis}_len:"):
            out.line("return")


def emit_row_numbers(context: Context) -> None:
    """Which of its axis's rows the rows of the owned tile are, and whether they exist."""
    out, axis = context.out, context.owner
    size, tile_name = context.block(axis), TILES[axis]
    if context.grid:
        context.grid.emit_owned(context)
        return
    if context.packed == 1:
        out.line(f"i_{axis} = {tile_name} * {size} + r_{axis}  # [{size}]")
        out.line(f"m_owned = i_{axis} < {axis}_len")
        return
    queries, heads = context.rows("q"), context.packed
    out.line(
        f"i_q = t * {queries} + r_q // {heads}  # [BLOCK_M]",
        f"h = h_kv * group + r_q % {heads}",
    )
    whole = queries * heads == context.height
    out.line(
        f"m_owned = {'i_q < q_len' if whole else f'(i_q < q_len) & (r_q < {queries * heads})'}"
    )


def row_of(context: Context, axis: str) -> str:
    """The rows of a tile's positions in a tensor."""
    return f"({axis}_row + i_{axis})" if context.sequences else f"i_{axis}"


def base(context: Context, name: str) -> str:
    """What moves a pointer to the first row of a head, or of all that are packed."""
    side = "k" if name in ("k", "v", "dk", "dv") else "q"
    if name in ROWS:
        if context.sequences:
            at = "tl.cast(b, tl.int64) * lse_sb + tl.cast(h, tl.int64) * lse_sh + q_row"
            return f"p_{name} + {at}"
        return f"p_{name} + tl.cast(b * heads + h, tl.int64) * q_len"
    found = f"p_{name} + tl.cast(b, tl.int64) * {name}_sb"
    if side == "k" or context.packed == 1:
        found += f" + tl.cast({'h_kv' if side == 'k' else 'h'}, tl.int64) * {name}_sh"
    return found


def emit_base(context: Context, name: str, pointer: str) -> None:
    """Move a pointer to the first row of a sequence and head."""
    context.out.line(f"{pointer} = {base(context, name)}")
    if context.sequences and name not in ROWS:
        row = "k_row" if name in ("k", "v", "dk", "dv") else "q_row"
        context.out.line(f"{pointer} += tl.cast({row}, tl.int64) * {name}_sn")


def emit_rows(context: Context, name: str) -> str:
    """Where the rows of the owned tile lie from there: the text of their addresses."""
    out, axis = context.out, context.owner
    if context.packed > 1:
        out.line(
            f"o_{name} = tl.cast(i_q, tl.int64) * {name}_sn + tl.cast(h, tl.int64) * {name}_sh"
        )
        return f"o_{name}[:, None]"
    if context.grid:
        out.line(f"o_{name} = tl.cast(i_{axis}, tl.int64) * {name}_sn")
        return f"o_{name}[:, None]"
    first = f"{TILES[axis]} * {context.block(axis)}"
    out.line(f"o_{name} = tl.cast({first}, tl.int64) * {name}_sn")
    return f"o_{name} + r_{axis}[:, None] * {name}_sn"
