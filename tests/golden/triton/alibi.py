"""alibi(), written by attnc 0.1.0"""

import math

import torch
import triton
import triton.language as tl

BLOCK_M = 128  # queries of a tile
BLOCK_N = 64  # keys of a tile
L2_BYTES = 24 << 20  # of keys and values that are used together


@triton.jit
def forward_full(
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
    h,
    q_start,
    scale,
    p_slope,
    slope_sb,
    slope_s0,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """A tile of which every pair is in the pattern."""
    r_k = tl.arange(0, BLOCK_N)
    i_k = c * BLOCK_N + r_k  # [BLOCK_N]
    k = i_k[None, :]
    q = (q_start + i_q)[:, None]
    b_k = tl.load(p_k + tl.cast(i_k, tl.int64)[:, None] * k_sn + tl.arange(0, 64)[None, :])
    b_s = tl.dot(b_q, tl.trans(b_k))  # [BLOCK_M, BLOCK_N]
    b_s = b_s * scale
    b_x = b_s - tl.load(p_slope + b * slope_sb + h * slope_s0) * tl.cast(q - k, tl.float32)
    b_top = tl.maximum(b_m, tl.max(b_x, 1))
    b_p = tl.exp2((b_x - b_top[:, None]) * 1.4426950408889634)
    b_a = tl.exp2((b_m - b_top) * 1.4426950408889634)
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
    h,
    q_start,
    k_len,
    scale,
    p_slope,
    slope_sb,
    slope_s0,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """A tile of which pairs outside the pattern weigh 0."""
    r_k = tl.arange(0, BLOCK_N)
    i_k = c * BLOCK_N + r_k  # [BLOCK_N]
    m_visited = i_k < k_len
    x = r_k[None, :]
    k = i_k[None, :]
    q = (q_start + i_q)[:, None]
    b_k = tl.load(
        p_k + tl.cast(i_k, tl.int64)[:, None] * k_sn + tl.arange(0, 64)[None, :],
        mask=m_visited[:, None],
        other=0.0,
    )  # [BLOCK_N, 64]
    b_s = tl.dot(b_q, tl.trans(b_k))  # [BLOCK_M, BLOCK_N]
    b_s = b_s * scale
    b_x = b_s - tl.load(p_slope + b * slope_sb + h * slope_s0) * tl.cast(q - k, tl.float32)
    x_0 = tl.minimum(q, k_len - 1) - c * BLOCK_N
    b_w = tl.where(x <= x_0, b_x, float("-inf"))
    b_top = tl.maximum(b_m, tl.max(b_w, 1))
    b_p = tl.exp2((b_w - b_top[:, None]) * 1.4426950408889634)
    b_a = tl.exp2((b_m - b_top) * 1.4426950408889634)
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
    p_slope,
    slope_sb,
    slope_s0,
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
    # The full tiles.
    for c in range(0, tl.minimum(2 * t + (q_start + 1 >> 6), k_len >> 6)):
        b_m, b_l, b_out = forward_full(
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
            h,
            q_start,
            scale,
            p_slope,
            slope_sb,
            slope_s0,
            BLOCK_M,
            BLOCK_N,
        )
    # The partial tiles.
    low_1 = tl.maximum(0, 2 * t + (q_start + 1 >> 6))
    high_2 = tl.minimum(tl.minimum(2 * t + (q_start - 1 >> 6) + 2 + 1, (q_start + q_len - 1 >> 6) + 1), k_len >> 6)  # fmt: skip
    for c in range(low_1, high_2):
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
            h,
            q_start,
            k_len,
            scale,
            p_slope,
            slope_sb,
            slope_s0,
            BLOCK_M,
            BLOCK_N,
        )
    when_3 = (k_len & 63 >= 1) & ((k_len & 63) + q_start + q_len >= k_len + 1) & ((k_len & 63) + q_start + 128 * t + 127 >= k_len)  # fmt: skip
    if when_3:
        b_m, b_l, b_out = forward_partial(
            k_len - 1 >> 6,
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
            h,
            q_start,
            k_len,
            scale,
            p_slope,
            slope_sb,
            slope_s0,
            BLOCK_M,
            BLOCK_N,
        )
    b_sum = tl.where(b_l == 0.0, 1.0, b_l)
    b_lse = tl.where(b_l == 0.0, float("-inf"), b_m + tl.log2(b_sum) * 0.6931471805599453)
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


def attention(q, k, v, *, scale=None, return_lse=False, slope):
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
    slope = slope.to(q.device, torch.float32)
    # [h], or one for each sequence
    slope = slope if slope.dim() == 2 else slope[None]
    inputs = [slope, 0 if slope.shape[0] == 1 else slope.stride(0), *slope.stride()[1:]]
    tiles = triton.cdiv(q_len, BLOCK_M)
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
        scale,
        *inputs,
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        num_warps=4,
        num_stages=2,
    )
    return (out, lse) if return_lse else out
