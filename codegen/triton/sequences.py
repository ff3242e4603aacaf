"""The host's part of calls whose sequences lie where a table says: caches, chunks, packed ones."""

from attnc.codegen.triton.context import SEQUENCE, Context


def sequences_note(start: str) -> list[str]:
    """What the caller is told of `rows`."""
    return [
        "`rows` int32 [S, 5] has of each sequence its first row in q and in k, the position of its",
        "first query, and how many queries and keys it has; by default entry b of the batch, with",
        "queries at the last positions." if start != "0" else "both from position 0.",
        "With another S than B, B is 1 and the sequences are packed.",
    ]


def emit_sequences(context: Context, start: str) -> str:
    """The table, every tensor with an entry for each sequence; what is returned in the end."""
    emit_table(context, start)
    context.out.line("found = out, lse")
    emit_entries(context, "q", "k", "v", "out", "lse")
    return "found if return_lse else found[0]"


def emit_table(context: Context, start: str) -> None:
    """The table, and how many sequences there are and queries the longest has."""
    out = context.out
    assert len(SEQUENCE) == 5
    with out.block("if rows is None:"):
        out.line(f"rows = torch.tensor([[0, 0, {start}, q_len, k_len]] * batch)")
    with out.block("elif len(rows) != batch:"):
        out.line("q_len = int(rows[:, 3].max()) if len(rows) else 0")
    out.line(
        "rows = rows.to(q.device, torch.int32, non_blocking=True).contiguous()",
        "batch = len(rows)",
    )


def emit_entries(context: Context, *names: str) -> None:
    """Views of tensors that have an entry for each sequence."""
    listed = ", ".join(names)
    context.out.line(f"{listed} = (x.expand(batch, *x.shape[1:]) for x in ({listed}))")
