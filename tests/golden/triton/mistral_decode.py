"""mistral(w = 4096), written by attnc 0.1.0"""

import torch
import triton
import triton.language as tl

BLOCK_M = 16  # rows of a tile: queries of 6 heads
BLOCK_N = 64  # keys of a tile


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
    q_start,
    k_len,
    scale,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """A tile of which pairs outside the pattern weigh 0."""
    r_k = tl.arange(0, BLOCK_N)
    i_k = c * BLOCK_N + r_k  # [BLOCK_N]
    m_visited = i_k < k_len
    x = r_k[None, :]
    q = (q_start + i_q)[:, None]
    b_k = tl.load(
        p_k + tl.cast(i_k, tl.int64)[:, None] * k_sn + tl.arange(0, 64)[None, :],
        mask=m_visited[:, None],
        other=0.0,
    )  # [BLOCK_N, 64]
    b_s = tl.dot(b_q, tl.trans(b_k))  # [BLOCK_M, BLOCK_N]
    x_0 = q - 4095 - c * BLOCK_N
    x_1 = tl.minimum(q, k_len - 1) - c * BLOCK_N
    x_2 = tl.maximum(x_1, x_0 - 1)
    # Between two bounds, exactly one of both comparisons holds.
    b_w = tl.where((x >= x_0) ^ (x > x_2), b_s, float("-inf"))
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
    lse_sb,
    lse_sh,
    out_ss,
    lse_ss,
    splits,
    heads,
    group,
    p_rows,
    scale,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """A share of the keys that one tile sees: the rows are 2 queries of 6 heads."""
    i_split = tl.program_id(0) % splits
    t = tl.program_id(0) // splits
    b = tl.program_id(2)
    h_kv = tl.program_id(1)
    p_rows += b * 5
    q_row = tl.load(p_rows)
    k_row = tl.load(p_rows + 1)
    q_start = tl.load(p_rows + 2)
    q_len = tl.load(p_rows + 3)
    k_len = tl.load(p_rows + 4)
    if t * 2 >= q_len:
        return
    r_q = tl.arange(0, BLOCK_M)
    i_q = t * 2 + r_q // 6  # [BLOCK_M]
    h = h_kv * group + r_q % 6
    m_owned = (i_q < q_len) & (r_q < 12)
    o_q = tl.cast(i_q, tl.int64) * q_sn + tl.cast(h, tl.int64) * q_sh
    p_q = p_q + tl.cast(b, tl.int64) * q_sb
    p_q += tl.cast(q_row, tl.int64) * q_sn
    b_q = tl.load(p_q + o_q[:, None] + tl.arange(0, 64)[None, :], mask=m_owned[:, None], other=0.0)
    p_k = p_k + tl.cast(b, tl.int64) * k_sb + tl.cast(h_kv, tl.int64) * k_sh
    p_k += tl.cast(k_row, tl.int64) * k_sn
    p_v = p_v + tl.cast(b, tl.int64) * v_sb + tl.cast(h_kv, tl.int64) * v_sh
    p_v += tl.cast(k_row, tl.int64) * v_sn
    b_m = tl.full([BLOCK_M], -3.4028234663852886e38, tl.float32)
    b_l = tl.zeros([BLOCK_M], tl.float32)
    b_out = tl.zeros([BLOCK_M, 64], tl.float32)
    low_1 = tl.maximum(0, (q_start + 2 * t + 1 >> 6) - 63)
    tiles_2 = tl.maximum(tl.minimum(k_len >> 6, q_start + 2 * t + 1 >> 6) - low_1, 0)
    when_3 = (q_start + 2 * t >= 4095) & (k_len + 4094 >= q_start + 2 * t)
    tiles_4 = tl.where(when_3, 1, 0)
    when_5 = (k_len & 63 >= 1) & ((k_len & 63) + q_start + q_len >= k_len + 1) & ((k_len & 63) + q_start + 2 * t + 1 >= k_len) & (k_len + 4094 >= (k_len & 63) + q_start + 2 * t)  # fmt: skip
    tiles_6 = tl.where(when_5, 1, 0)
    when_7 = (k_len & 63 >= 1) & ((k_len & 63) + q_start + q_len >= k_len + 1) & ((k_len & 63) + q_start + 2 * t + 1 >= k_len) & (k_len + 4094 >= (k_len & 63) + q_start + 2 * t) == 0  # fmt: skip
    when_8 = when_7 & ((q_start + 2 * t >= -1) & ((q_start + 2 * t + 1 & 63) + k_len >= q_start + 2 * t + 65) & ((q_start + 2 * t + 1 & 63) + q_len >= 2 * t + 2))  # fmt: skip
    tiles_9 = tl.where(when_8, 1, 0)
    full_tiles = tiles_2
    partial_tiles = tiles_4 + tiles_6 + tiles_9
    # A share has as many tiles as the others, in the order of the plan.
    each = tl.cdiv(full_tiles + partial_tiles, splits)
    left, right = i_split * each, i_split * each + each
    for i in range(tl.maximum(left, 0), tl.minimum(right, full_tiles)):
        c = low_1 + i
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
    left, right = left - full_tiles, right - full_tiles
    for i in range(tl.maximum(left, 0), tl.minimum(right, partial_tiles)):
        c = (q_start + 2 * t + 1 >> 6) - 64
        i_10 = i - tiles_4
        c = tl.where(i_10 < 0, c, k_len - 1 >> 6)
        i_11 = i_10 - tiles_6
        c = tl.where(i_11 < 0, c, q_start + 2 * t + 1 >> 6)
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
            q_start,
            k_len,
            scale,
            BLOCK_M,
            BLOCK_N,
        )
    b_sum = tl.where(b_l == 0.0, 1.0, b_l)
    b_lse = tl.where(b_l == 0.0, float("-inf"), (b_m + tl.log2(b_sum)) * 0.6931471805599453)
    b_over = 1.0 / b_sum
    o_out = tl.cast(i_q, tl.int64) * out_sn + tl.cast(h, tl.int64) * out_sh
    p_out = p_out + tl.cast(b, tl.int64) * out_sb
    p_out += tl.cast(q_row, tl.int64) * out_sn
    p_out += tl.cast(i_split, tl.int64) * out_ss
    tl.store(
        p_out + o_out[:, None] + tl.arange(0, 64)[None, :],
        b_out * b_over[:, None],
        mask=m_owned[:, None],
    )
    p_lse += tl.cast(b, tl.int64) * lse_sb + tl.cast(h, tl.int64) * lse_sh + q_row
    p_lse += tl.cast(i_split, tl.int64) * lse_ss
    tl.store(p_lse + i_q, b_lse, mask=m_owned)


@triton.jit
def merge(
    p_part,
    part_ss,
    part_sb,
    part_sh,
    part_sn,
    p_part_lse,
    part_lse_ss,
    part_lse_sb,
    part_lse_sh,
    p_out,
    out_sb,
    out_sh,
    out_sn,
    p_lse,
    lse_sb,
    lse_sh,
    splits,
    p_rows,
    SPLITS: tl.constexpr,
):
    """One row of one head: the outputs of all shares, by their log-sum-exp."""
    i_q = tl.program_id(0)
    h = tl.program_id(1)
    b = tl.program_id(2)
    p_rows += b * 5
    if i_q >= tl.load(p_rows + 3):
        return
    row = tl.load(p_rows) + i_q
    i_s = tl.arange(0, SPLITS)
    o_s = tl.cast(i_s, tl.int64)
    m_s = i_s < splits
    p_part_lse += tl.cast(b, tl.int64) * part_lse_sb + tl.cast(h, tl.int64) * part_lse_sh
    p_part_lse += row
    p_part += tl.cast(b, tl.int64) * part_sb + tl.cast(h, tl.int64) * part_sh
    p_part += tl.cast(row, tl.int64) * part_sn
    p_out += tl.cast(b, tl.int64) * out_sb + tl.cast(h, tl.int64) * out_sh
    p_out += tl.cast(row, tl.int64) * out_sn
    p_lse += tl.cast(b, tl.int64) * lse_sb + tl.cast(h, tl.int64) * lse_sh
    p_lse += row
    b_lse = tl.load(p_part_lse + o_s * part_lse_ss, mask=m_s, other=float("-inf"))
    b_top = tl.max(b_lse, 0)
    b_safe = tl.where(b_top == float("-inf"), 0.0, b_top)
    b_w = tl.exp(b_lse - b_safe)  # [SPLITS]
    b_sum = tl.sum(b_w, 0)
    b_w = b_w / tl.where(b_sum == 0.0, 1.0, b_sum)
    b_part = tl.load(
        p_part + o_s[:, None] * part_ss + tl.arange(0, 64)[None, :],
        mask=m_s[:, None],
        other=0.0,
    )  # [SPLITS, 64]
    tl.store(p_out + tl.arange(0, 64), tl.sum(b_part * b_w[:, None], 0))
    tl.store(p_lse, tl.where(b_sum == 0.0, float("-inf"), b_safe + tl.log(b_sum)))


def attention(q, k, v, *, scale=None, return_lse=False, rows=None, splits=None):
    """Attention of q [B, H, Nq, 64] to k [B, Hkv, Nk, 64] and v [B, Hkv, Nk, 64].

    `scale` is 1/sqrt(D) by default. With `return_lse`, also the log-sum-exp [B, H, Nq].
    `rows` int32 [S, 5] has of each sequence its first row in q and in k, the position of its
    first query, and how many queries and keys it has; by default entry b of the batch, with
    queries at the last positions.
    With another S than B, B is 1 and the sequences are packed.
    """
    batch, heads, q_len, head_dim = q.shape
    kv_heads, k_len, value_dim = v.shape[1:]
    if (head_dim, value_dim) != (64, 64):
        raise ValueError("this kernel is for head dims 64 and 64")
    if q.dtype != torch.bfloat16:
        raise TypeError("this kernel is for torch.bfloat16")
    if heads != 6 * kv_heads:
        raise ValueError("this kernel is for 6 heads on each KV head")
    scale = head_dim**-0.5 if scale is None else float(scale)
    if scale <= 0:  # the running maximum wants a positive one
        q, scale = (-q, -scale) if scale < 0 else (torch.zeros_like(q), 1.0)
    q, k, v = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k, v))
    out = q.new_empty(batch, heads, q_len, value_dim)
    lse = q.new_empty(batch, heads, q_len, dtype=torch.float32)
    if out.numel() == 0:
        return (out, lse) if return_lse else out
    if rows is None:
        rows = torch.tensor([[0, 0, k_len - q_len, q_len, k_len]] * batch)
    elif len(rows) != batch:
        q_len = int(rows[:, 3].max()) if len(rows) else 0
    rows = rows.to(q.device, torch.int32, non_blocking=True).contiguous()
    batch = len(rows)
    found = out, lse
    q, k, v, out, lse = (x.expand(batch, *x.shape[1:]) for x in (q, k, v, out, lse))
    sizes = (heads, heads // kv_heads, rows)
    tiles = triton.cdiv(q_len, 2)
    if splits is None:  # enough to fill the GPU twice, of a few tiles each
        processors = 8
        if q.is_cuda:
            processors = torch.cuda.get_device_properties(q.device).multi_processor_count
        splits = 2 * processors // (tiles * kv_heads * batch)
        splits = min(splits, triton.cdiv(k_len, 4 * BLOCK_N))
    splits = max(1, min(splits, 64))
    part, part_lse = out[None], lse[None]
    if splits > 1:
        part = q.new_empty(splits, *found[0].shape, dtype=torch.float32)
        part_lse = q.new_empty(splits, *found[1].shape, dtype=torch.float32)
        part = part.expand(-1, batch, -1, -1, -1)
        part_lse = part_lse.expand(-1, batch, -1, -1)
    forward[(splits * tiles, kv_heads, batch)](
        q,
        *q.stride()[-4:-1],
        k,
        *k.stride()[-4:-1],
        v,
        *v.stride()[-4:-1],
        part,
        *part.stride()[-4:-1],
        part_lse,
        *part_lse.stride()[-3:-1],
        part.stride(0),
        part_lse.stride(0),
        splits,
        *sizes,
        scale * 1.4426950408889634,
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        num_warps=4,
        num_stages=2,
    )
    if splits > 1:
        merge[(q_len, heads, batch)](
            part,
            *part.stride()[:4],
            part_lse,
            *part_lse.stride()[:3],
            out,
            *out.stride()[:3],
            lse,
            *lse.stride()[:2],
            splits,
            rows,
            SPLITS=triton.next_power_of_2(splits),
        )
    return found if return_lse else found[0]
