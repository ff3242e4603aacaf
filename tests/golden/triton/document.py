"""document(), written by attnc 0.1.0"""

import math

import torch
import triton
import triton.language as tl

BLOCK_M = 128  # queries of a tile
BLOCK_N = 64  # keys of a tile
L2_BYTES = 24 << 20  # of keys and values that are used together


@triton.jit
def forward_plan(
    heads,
    group,
    q_start,
    q_len,
    k_len,
    p_doc,
    doc_sb,
    doc_s0,
    p_full_kv_num_blocks,
    p_full_kv_indices,
    p_kv_num_blocks,
    p_kv_indices,
    plan_sb,
    plan_sh,
    plan_columns,
):
    """Lists the tiles of the other axis that each tile visits."""
    t = tl.program_id(0)
    h = tl.program_id(1)
    b = tl.program_id(2)
    row = b * plan_sb + h * plan_sh + t
    p_full_kv_indices += tl.cast(row, tl.int64) * plan_columns
    n_full_kv = tl.full((), 0, tl.int32)
    p_kv_indices += tl.cast(row, tl.int64) * plan_columns
    n_kv = tl.full((), 0, tl.int32)
    i_q = t * 128 + tl.arange(0, 128)
    m_q = i_q < q_len
    q = q_start + i_q
    doc_q_low = tl.min(tl.where(m_q, tl.load(p_doc + b * doc_sb + tl.maximum(tl.minimum(q, k_len - 1), 0) * doc_s0, mask=m_q & (k_len > 0), other=0), 2147483647))  # fmt: skip
    doc_q_high = tl.max(tl.where(m_q, tl.load(p_doc + b * doc_sb + tl.maximum(tl.minimum(q, k_len - 1), 0) * doc_s0, mask=m_q & (k_len > 0), other=0), -2147483648))  # fmt: skip
    low_1 = 0
    high_2 = tl.minimum(tl.minimum(2 * t + (q_start - 1 >> 6) + 2 + 1, (q_start + q_len - 1 >> 6) + 1), (k_len - 1 >> 6) + 1)  # fmt: skip
    for c in range(low_1, high_2):
        i_k = c * 64 + tl.arange(0, 64)
        m_k = i_k < k_len
        k = i_k
        doc_k_low = tl.min(tl.where(m_k, tl.load(p_doc + b * doc_sb + k * doc_s0, mask=m_k, other=0), 2147483647))  # fmt: skip
        doc_k_high = tl.max(tl.where(m_k, tl.load(p_doc + b * doc_sb + k * doc_s0, mask=m_k, other=0), -2147483648))  # fmt: skip
        possible = (c * 64 <= q_start + tl.minimum(t * 128 + 127, q_len - 1)) & ((doc_q_low <= doc_k_high) & (doc_k_low <= doc_q_high))  # fmt: skip
        certain = (tl.minimum(c * 64 + 63, k_len - 1) <= q_start + t * 128) & ((doc_q_low == doc_k_high) & (doc_q_high == doc_k_low)) & ((c + 1) * 64 <= k_len)  # fmt: skip
        if possible:
            if certain:
                tl.store(p_full_kv_indices + n_full_kv, c)
                n_full_kv += 1
            else:
                tl.store(p_kv_indices + n_kv, c)
                n_kv += 1
    tl.store(p_full_kv_num_blocks + row, n_full_kv)
    tl.store(p_kv_num_blocks + row, n_kv)


@triton.jit
def forward_full(
    c,
    b_m,
    b_l,
    b_out,
    b_q,
    p_k,
    k_sn,
    p_v,
    v_sn,
    scale,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """A tile of which every pair is in the pattern."""
    r_k = tl.arange(0, BLOCK_N)
    i_k = c * BLOCK_N + r_k  # [BLOCK_N]
    b_k = tl.load(p_k + tl.cast(i_k, tl.int64)[:, None] * k_sn + tl.arange(0, 64)[None, :])
    b_s = tl.dot(b_q, tl.trans(b_k))  # [BLOCK_M, BLOCK_N]
    b_top = tl.maximum(b_m, tl.max(b_s, 1) * scale)
    b_p = tl.exp2(b_s * scale - b_top[:, None])
    b_a = tl.exp2(b_m - b_top)
    b_l = b_l * b_a + tl.sum(b_p, 1)
    b_m = b_top
    b_out = b_out * b_a[:, None]
    b_v = tl.load(p_v + tl.cast(i_k, tl.int64)[:, None] * v_sn + tl.arange(0, 64)[None, :])
    b_out = tl.dot(b_p.to(b_v.dtype), b_v, b_out)
    return b_m, b_l, b_out


@triton.jit
def forward_partial(
    c,
    b_m,
    b_l,
    b_out,
    b_q,
    i_q,
    p_k,
    k_sn,
    p_v,
    v_sn,
    b,
    q_start,
    q_len,
    k_len,
    scale,
    p_doc,
    doc_sb,
    doc_s0,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """A tile of which pairs outside the pattern weigh 0."""
    r_k = tl.arange(0, BLOCK_N)
    i_k = c * BLOCK_N + r_k  # [BLOCK_N]
    m_visited = i_k < k_len
    m_k = (i_k < k_len)[None, :]
    m_q = (i_q < q_len)[:, None]
    x = r_k[None, :]
    k = i_k[None, :]
    q = (q_start + i_q)[:, None]
    b_k = tl.load(
        p_k + tl.cast(i_k, tl.int64)[:, None] * k_sn + tl.arange(0, 64)[None, :],
        mask=m_visited[:, None],
        other=0.0,
    )  # [BLOCK_N, 64]
    b_s = tl.dot(b_q, tl.trans(b_k))  # [BLOCK_M, BLOCK_N]
    x_0 = tl.minimum(q, k_len - 1) - c * BLOCK_N
    b_w = tl.where((x <= x_0) & (tl.load(p_doc + b * doc_sb + tl.maximum(tl.minimum(q, k_len - 1), 0) * doc_s0, mask=m_q & (k_len > 0), other=0) == tl.load(p_doc + b * doc_sb + k * doc_s0, mask=m_k, other=0)), b_s, float("-inf"))  # fmt: skip
    b_top = tl.maximum(b_m, tl.max(b_w, 1) * scale)
    b_p = tl.exp2(b_w * scale - b_top[:, None])
    b_a = tl.exp2(b_m - b_top)
    b_l = b_l * b_a + tl.sum(b_p, 1)
    b_m = b_top
    b_out = b_out * b_a[:, None]
    b_v = tl.load(
        p_v + tl.cast(i_k, tl.int64)[:, None] * v_sn + tl.arange(0, 64)[None, :],
        mask=m_visited[:, None],
        other=0.0,
    )  # [BLOCK_N, 64]
    b_out = tl.dot(b_p.to(b_v.dtype), b_v, b_out)
    return b_m, b_l, b_out


@triton.jit
def forward(
    p_q,
    q_sb,
    q_sh,
    q_sn: tl.constexpr,
    p_k,
    k_sb,
    k_sh,
    k_sn: tl.constexpr,
    p_v,
    v_sb,
    v_sh,
    v_sn: tl.constexpr,
    p_out,
    out_sb,
    out_sh,
    out_sn: tl.constexpr,
    p_lse,
    heads,
    group,
    q_start,
    q_len,
    k_len,
    scale,
    p_doc,
    doc_sb,
    doc_s0,
    p_full_kv_num_blocks,
    p_full_kv_indices,
    p_kv_num_blocks,
    p_kv_indices,
    plan_sb,
    plan_sh,
    plan_columns,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """One tile of queries of one head; the tiles that see most keys come first."""
    i_bh = tl.program_id(2) * tl.num_programs(0) + tl.program_id(0)
    t = tl.num_programs(1) - 1 - tl.program_id(1)
    b = i_bh // heads
    h = i_bh % heads
    h_kv = h // group
    r_q = tl.arange(0, BLOCK_M)
    i_q = t * BLOCK_M + r_q  # [BLOCK_M]
    m_owned = i_q < q_len
    o_q = tl.cast(t * BLOCK_M, tl.int64) * q_sn
    p_q = p_q + tl.cast(b, tl.int64) * q_sb + tl.cast(h, tl.int64) * q_sh
    b_q = tl.load(
        p_q + o_q + r_q[:, None] * q_sn + tl.arange(0, 64)[None, :],
        mask=m_owned[:, None],
        other=0.0,
    )  # [BLOCK_M, 64]
    p_k = p_k + tl.cast(b, tl.int64) * k_sb + tl.cast(h_kv, tl.int64) * k_sh
    p_v = p_v + tl.cast(b, tl.int64) * v_sb + tl.cast(h_kv, tl.int64) * v_sh
    b_m = tl.full([BLOCK_M], -3.4028234663852886e38, tl.float32)
    b_l = tl.zeros([BLOCK_M], tl.float32)
    b_out = tl.zeros([BLOCK_M, 64], tl.float32)
    i_row = b * plan_sb + h * plan_sh + t
    # The full tiles.
    tiles_at = p_full_kv_indices + tl.cast(i_row, tl.int64) * plan_columns
    for i in range(tl.load(p_full_kv_num_blocks + i_row)):
        c = tl.load(tiles_at + i)
        b_m, b_l, b_out = forward_full(
            c,
            b_m,
            b_l,
            b_out,
            b_q,
            p_k,
            k_sn,
            p_v,
            v_sn,
            scale,
            BLOCK_M,
            BLOCK_N,
        )
    # The partial tiles.
    tiles_at = p_kv_indices + tl.cast(i_row, tl.int64) * plan_columns
    for i in range(tl.load(p_kv_num_blocks + i_row)):
        c = tl.load(tiles_at + i)
        b_m, b_l, b_out = forward_partial(
            c,
            b_m,
            b_l,
            b_out,
            b_q,
            i_q,
            p_k,
            k_sn,
            p_v,
            v_sn,
            b,
            q_start,
            q_len,
            k_len,
            scale,
            p_doc,
            doc_sb,
            doc_s0,
            BLOCK_M,
            BLOCK_N,
        )
    b_sum = tl.where(b_l == 0.0, 1.0, b_l)
    b_lse = tl.where(b_l == 0.0, float("-inf"), (b_m + tl.log2(b_sum)) * 0.6931471805599453)
    b_over = 1.0 / b_sum
    o_out = tl.cast(t * BLOCK_M, tl.int64) * out_sn
    p_out = p_out + tl.cast(b, tl.int64) * out_sb + tl.cast(h, tl.int64) * out_sh + o_out
    tl.store(
        p_out + r_q[:, None] * out_sn + tl.arange(0, 64)[None, :],
        b_out * b_over[:, None],
        mask=(r_q < q_len - t * BLOCK_M)[:, None],
    )
    p_lse += tl.cast(b * heads + h, tl.int64) * q_len
    tl.store(p_lse + i_q, b_lse, mask=r_q < q_len - t * BLOCK_M)


def attention(q, k, v, *, scale=None, return_lse=False, doc):
    """Attention of q [B, H, Nq, 64] to k [B, Hkv, Nk, 64] and v [B, Hkv, Nk, 64].

    `scale` is 1/sqrt(D) by default. With `return_lse`, also the log-sum-exp [B, H, Nq].
    """
    batch, heads, q_len, head_dim = q.shape
    kv_heads, k_len, value_dim = v.shape[1:]
    if (head_dim, value_dim) != (64, 64):
        raise ValueError("this kernel is for head dims 64 and 64")
    if q.dtype != torch.bfloat16:
        raise TypeError("this kernel is for torch.bfloat16")
    if heads % kv_heads:
        raise ValueError("the number of heads is a multiple of that of KV heads")
    scale = head_dim**-0.5 if scale is None else float(scale)
    if scale <= 0:  # the running maximum wants a positive one
        q, scale = (-q, -scale) if scale < 0 else (torch.zeros_like(q), 1.0)
    q, k, v = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k, v))
    out = q.new_empty(batch, heads, q_len, value_dim)
    lse = q.new_empty(batch, heads, q_len, dtype=torch.float32)
    if out.numel() == 0:
        return (out, lse) if return_lse else out
    sizes = (heads, heads // kv_heads, k_len - q_len, q_len, k_len)
    doc = doc.to(q.device, torch.int32)
    # [token], or one for each sequence
    doc = doc if doc.dim() == 2 else doc[None]
    inputs = [doc, 0 if doc.shape[0] == 1 else doc.stride(0), *doc.stride()[1:]]
    tiles = triton.cdiv(q_len, BLOCK_M)
    columns = triton.cdiv(k_len, BLOCK_N)
    full_kv_num_blocks = q.new_empty(batch, 1, tiles, dtype=torch.int32)
    full_kv_indices = q.new_empty(batch, 1, tiles, max(1, columns), dtype=torch.int32)
    kv_num_blocks = q.new_empty(batch, 1, tiles, dtype=torch.int32)
    kv_indices = q.new_empty(batch, 1, tiles, max(1, columns), dtype=torch.int32)
    tables = (
        full_kv_num_blocks,
        full_kv_indices,
        kv_num_blocks,
        kv_indices,
        tiles,
        0,
        max(1, columns),
    )
    forward_plan[(tiles, 1, batch)](*sizes, *inputs, *tables)
    # Heads whose keys and values fit into the L2 cache together run side by side.
    room = max(1, L2_BYTES // max(1, k_len * (head_dim + value_dim) * q.element_size()))
    section = math.gcd(batch * heads, heads // kv_heads * (1 << (room.bit_length() - 1)))
    grid = (section, tiles, batch * heads // section)
    forward[grid](
        q,
        *q.stride()[:3],
        k,
        *k.stride()[:3],
        v,
        *v.stride()[:3],
        out,
        *out.stride()[:3],
        lse,
        *sizes,
        scale * 1.4426950408889634,
        *inputs,
        *tables,
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        num_warps=4,
        num_stages=2,
    )
    return (out, lse) if return_lse else out
