"""The kernel that merges the outputs of all shares of the keys by their log-sum-exp."""

from attnc.codegen.triton.config import KernelInfo
from attnc.codegen.triton.context import SEQUENCE, Context

MOST = 64  # shares of the keys of a tile


def signature(context: Context) -> dict[str, str]:
    """The arguments of the kernel, with their types."""
    stored = context.tensor_signature("out")["p_out"]
    found: dict[str, str] = {}
    for name, kind, axes in (("part", "*fp32", "sbhn"), ("part_lse", "*fp32", "sbh"),
                             ("out", stored, "bhn"), ("lse", "*fp32", "bh")):  # fmt: skip
        found |= {f"p_{name}": kind, **{f"{name}_s{axis}": "i32" for axis in axes}}
    return found | {"splits": "i32", "p_rows": "*i32", "SPLITS": "constexpr"}


def emit_merge(context: Context) -> KernelInfo:
    """`merge`: one program for each row of each head."""
    out, types = context.out, signature(context)
    shown = [f"{n}: tl.constexpr" if kind == "constexpr" else n for n, kind in types.items()]
    with out.function("merge", shown):
        out.line(
            '"""One row of one head: the outputs of all shares, by their log-sum-exp."""',
            "i_q = tl.program_id(0)",
            "h = tl.program_id(1)",
            "b = tl.program_id(2)",
            f"p_rows += b * {len(SEQUENCE)}",
        )
        with out.block(f"if i_q >= tl.load(p_rows + {SEQUENCE.index('q_len')}):"):
            out.line("return")
        out.line(
            "row = tl.load(p_rows) + i_q",
            "i_s = tl.arange(0, SPLITS)",
            "o_s = tl.cast(i_s, tl.int64)",
            "m_s = i_s < splits",
        )
        for name in ("part_lse", "part", "out", "lse"):
            step = f"tl.cast(row, tl.int64) * {name}_sn" if f"{name}_sn" in types else "row"
            head = f"tl.cast(b, tl.int64) * {name}_sb + tl.cast(h, tl.int64) * {name}_sh"
            out.line(f"p_{name} += {head}", f"p_{name} += {step}")
        out.line(
            'b_lse = tl.load(p_part_lse + o_s * part_lse_ss, mask=m_s, other=float("-inf"))',
            "b_top = tl.max(b_lse, 0)",
            'b_safe = tl.where(b_top == float("-inf"), 0.0, b_top)',
            "b_w = tl.exp(b_lse - b_safe)  # [SPLITS]",
            "b_sum = tl.sum(b_w, 0)",
            "b_w = b_w / tl.where(b_sum == 0.0, 1.0, b_sum)",
        )
        for _, at, wide, true in context.parts("out"):
            columns = f"({at} + tl.arange(0, {wide}))" if at else f"tl.arange(0, {wide})"
            inside = f"(tl.arange(0, {wide}) < {true})" if true < wide else ""
            mask = f"m_s[:, None] & {inside}[None, :]" if inside else "m_s[:, None]"
            out.call(
                "b_part = tl.load",
                [
                    f"p_part + o_s[:, None] * part_ss + {columns}[None, :]",
                    f"mask={mask}",
                    "other=0.0",
                ],
                comment=f"[SPLITS, {wide}]",
            )
            rest = [f"mask={inside[1:-1]}"] if inside else []
            out.call("tl.store", [f"p_out + {columns}", "tl.sum(b_part * b_w[:, None], 0)", *rest])
        out.line('tl.store(p_lse, tl.where(b_sum == 0.0, float("-inf"), b_safe + tl.log(b_sum)))')
    return KernelInfo("merge", types, {"SPLITS": MOST})


def emit_splits(context: Context) -> None:
    """How many programs share the keys of a tile: as many as fill the GPU twice."""
    out = context.out
    heads = "heads" if context.packed == 1 else "kv_heads"
    with out.block("if splits is None:  # enough to fill the GPU twice, of a few tiles each"):
        out.line("processors = 8")
        with out.block("if q.is_cuda:"):
            about = "torch.cuda.get_device_properties(q.device)"
            out.line(f"processors = {about}.multi_processor_count")
        out.line(
            f"splits = 2 * processors // (tiles * {heads} * batch)",
            "splits = min(splits, triton.cdiv(k_len, 4 * BLOCK_N))",
        )
    out.line(
        f"splits = max(1, min(splits, {MOST}))",
        "part, part_lse = out[None], lse[None]",
    )
    with out.block("if splits > 1:"):
        out.line(
            "part = q.new_empty(splits, *found[0].shape, dtype=torch.float32)",
            "part_lse = q.new_empty(splits, *found[1].shape, dtype=torch.float32)",
            "part = part.expand(-1, batch, -1, -1, -1)",
            "part_lse = part_lse.expand(-1, batch, -1, -1)",
        )


def emit_merge_launch(context: Context) -> None:
    """The call of the kernel."""
    out = context.out
    with out.block("if splits > 1:"):
        out.call(
            "merge[(q_len, heads, batch)]",
            [
                *("part", "*part.stride()[:4]", "part_lse", "*part_lse.stride()[:3]"),
                *("out", "*out.stride()[:3]", "lse", "*lse.stride()[:2]"),
                *("splits", "rows", "SPLITS=triton.next_power_of_2(splits)"),
            ],
        )
