"""power_attention(w = 512, sinks = 4, block = 64), written by attnc 0.1.0"""

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
    p_kv_indices += tl.cast(row, tl.int64) * plan_columns
    n_kv = tl.full((), 0, tl.int32)
    for c in range(0, k_len + 63 >> 6):
        when_1 = (c >= 0) & (k_len >= 64 * c + 64) & (q_start + q_len >= 64 * c + 1) & (64 * c + 62 >= q_start + 128 * t) & (q_start + 128 * t + 127 >= 64 * c) | (q_start + 128 * t <= 452) & (k_len >= 64 * c + 1) & (q_start + q_len >= 64 * c + 1) & (64 * c + 63 >= k_len) & (q_start + 128 * t + 127 >= 64 * c) | (q_start + 128 * t >= 453) & (k_len >= 64 * c + 1) & (q_start + q_len >= 64 * c + 1) & (64 * c + 63 >= k_len) & (q_start + 128 * t + 127 >= 64 * c) & (64 * c + 448 >= q_start + 128 * t) | (q_start + 128 * t >= 453) & (k_len + 574 >= q_start + 128 * t) & (c >= 0) & (q_start + 128 * t >= 64 * c + 449) & (k_len >= 64 * c + 1) & (64 * c + 638 >= q_start + 128 * t) | (k_len + 1086 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 1025) & (q_start + 128 * t >= 64 * c + 897) & (k_len >= 64 * c + 1) & (64 * c + 1150 >= q_start + 128 * t) | (k_len + 2110 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 2049) & (q_start + 128 * t >= 64 * c + 1921) & (k_len >= 64 * c + 1) & (64 * c + 2174 >= q_start + 128 * t) | (k_len + 4158 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 4097) & (q_start + 128 * t >= 64 * c + 3969) & (k_len >= 64 * c + 1) & (64 * c + 4222 >= q_start + 128 * t) | (k_len + 8254 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 8193) & (q_start + 128 * t >= 64 * c + 8065) & (k_len >= 64 * c + 1) & (64 * c + 8318 >= q_start + 128 * t) | (k_len + 16446 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 16385) & (q_start + 128 * t >= 64 * c + 16257) & (k_len >= 64 * c + 1) & (64 * c + 16510 >= q_start + 128 * t) | (k_len + 32830 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 32769) & (q_start + 128 * t >= 64 * c + 32641) & (k_len >= 64 * c + 1) & (64 * c + 32894 >= q_start + 128 * t) | (k_len + 65598 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 65537) & (q_start + 128 * t >= 64 * c + 65409) & (k_len >= 64 * c + 1) & (64 * c + 65662 >= q_start + 128 * t) | (k_len + 131134 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 131073) & (q_start + 128 * t >= 64 * c + 130945) & (k_len >= 64 * c + 1) & (64 * c + 131198 >= q_start + 128 * t) | (k_len + 262206 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 262145) & (q_start + 128 * t >= 64 * c + 262017) & (k_len >= 64 * c + 1) & (64 * c + 262270 >= q_start + 128 * t) | (k_len + 524350 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 524289) & (q_start + 128 * t >= 64 * c + 524161) & (k_len >= 64 * c + 1) & (64 * c + 524414 >= q_start + 128 * t) | (k_len + 1048638 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 1048577) & (q_start + 128 * t >= 64 * c + 1048449) & (k_len >= 64 * c + 1) & (64 * c + 1048702 >= q_start + 128 * t) | (k_len + 2097214 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 2097153) & (q_start + 128 * t >= 64 * c + 2097025) & (k_len >= 64 * c + 1) & (64 * c + 2097278 >= q_start + 128 * t) | (k_len + 4194366 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 4194305) & (q_start + 128 * t >= 64 * c + 4194177) & (k_len >= 64 * c + 1) & (64 * c + 4194430 >= q_start + 128 * t) | (k_len + 8388670 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 8388609) & (q_start + 128 * t >= 64 * c + 8388481) & (k_len >= 64 * c + 1) & (64 * c + 8388734 >= q_start + 128 * t) | (k_len + 16777278 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 16777217) & (q_start + 128 * t >= 64 * c + 16777089) & (k_len >= 64 * c + 1) & (64 * c + 16777342 >= q_start + 128 * t) | (k_len + 33554494 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 33554433) & (q_start + 128 * t >= 64 * c + 33554305) & (k_len >= 64 * c + 1) & (64 * c + 33554558 >= q_start + 128 * t) | (k_len + 67108926 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 67108865) & (q_start + 128 * t >= 64 * c + 67108737) & (k_len >= 64 * c + 1) & (64 * c + 67108990 >= q_start + 128 * t) | (k_len + 134217790 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 134217729) & (q_start + 128 * t >= 64 * c + 134217601) & (k_len >= 64 * c + 1) & (64 * c + 134217854 >= q_start + 128 * t) | (k_len + 268435518 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 268435457) & (q_start + 128 * t >= 64 * c + 268435329) & (k_len >= 64 * c + 1) & (64 * c + 268435582 >= q_start + 128 * t) | (k_len + 536870974 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 536870913) & (q_start + 128 * t >= 64 * c + 536870785) & (k_len >= 64 * c + 1) & (64 * c + 536871038 >= q_start + 128 * t) | (k_len + 1073741886 >= q_start + 128 * t) & (c >= 0) & (q_start + q_len >= 64 * c + 1073741825) & (q_start + 128 * t >= 64 * c + 1073741697) & (k_len >= 64 * c + 1) & (64 * c + 1073741950 >= q_start + 128 * t) | (q_start + 128 * t >= 453) & (c == 0)  # fmt: skip
        if when_1:
            tl.store(p_kv_indices + n_kv, c)
            n_kv += 1
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
    x_0 = tl.minimum(q, k_len - 1) - c * BLOCK_N
    x_1 = q - 511 - c * BLOCK_N
    x_2 = 4 - c * BLOCK_N
    x_3 = q - 1 - c * BLOCK_N
    x_4 = q - 65 - c * BLOCK_N
    x_5 = q - 2 - c * BLOCK_N
    x_6 = q - 66 - c * BLOCK_N
    x_7 = q - 4 - c * BLOCK_N
    x_8 = q - 68 - c * BLOCK_N
    x_9 = q - 8 - c * BLOCK_N
    x_10 = q - 72 - c * BLOCK_N
    x_11 = q - 16 - c * BLOCK_N
    x_12 = q - 80 - c * BLOCK_N
    x_13 = q - 32 - c * BLOCK_N
    x_14 = q - 96 - c * BLOCK_N
    x_15 = q - 64 - c * BLOCK_N
    x_16 = q - 128 - c * BLOCK_N
    x_17 = q - 192 - c * BLOCK_N
    x_18 = q - 256 - c * BLOCK_N
    x_19 = q - 320 - c * BLOCK_N
    x_20 = q - 512 - c * BLOCK_N
    x_21 = q - 576 - c * BLOCK_N
    x_22 = q - 1024 - c * BLOCK_N
    x_23 = q - 1088 - c * BLOCK_N
    x_24 = q - 2048 - c * BLOCK_N
    x_25 = q - 2112 - c * BLOCK_N
    x_26 = q - 4096 - c * BLOCK_N
    x_27 = q - 4160 - c * BLOCK_N
    x_28 = q - 8192 - c * BLOCK_N
    x_29 = q - 8256 - c * BLOCK_N
    x_30 = q - 16384 - c * BLOCK_N
    x_31 = q - 16448 - c * BLOCK_N
    x_32 = q - 32768 - c * BLOCK_N
    x_33 = q - 32832 - c * BLOCK_N
    x_34 = q - 65536 - c * BLOCK_N
    x_35 = q - 65600 - c * BLOCK_N
    x_36 = q - 131072 - c * BLOCK_N
    x_37 = q - 131136 - c * BLOCK_N
    x_38 = q - 262144 - c * BLOCK_N
    x_39 = q - 262208 - c * BLOCK_N
    x_40 = q - 524288 - c * BLOCK_N
    x_41 = q - 524352 - c * BLOCK_N
    x_42 = q - 1048576 - c * BLOCK_N
    x_43 = q - 1048640 - c * BLOCK_N
    x_44 = q - 2097152 - c * BLOCK_N
    x_45 = q - 2097216 - c * BLOCK_N
    x_46 = q - 4194304 - c * BLOCK_N
    x_47 = q - 4194368 - c * BLOCK_N
    x_48 = q - 8388608 - c * BLOCK_N
    x_49 = q - 8388672 - c * BLOCK_N
    x_50 = q - 16777216 - c * BLOCK_N
    x_51 = q - 16777280 - c * BLOCK_N
    x_52 = q - 33554432 - c * BLOCK_N
    x_53 = q - 33554496 - c * BLOCK_N
    x_54 = q - 67108864 - c * BLOCK_N
    x_55 = q - 67108928 - c * BLOCK_N
    x_56 = q - 134217728 - c * BLOCK_N
    x_57 = q - 134217792 - c * BLOCK_N
    x_58 = q - 268435456 - c * BLOCK_N
    x_59 = q - 268435520 - c * BLOCK_N
    x_60 = q - 536870912 - c * BLOCK_N
    x_61 = q - 536870976 - c * BLOCK_N
    x_62 = q - 1073741824 - c * BLOCK_N
    x_63 = q - 1073741888 - c * BLOCK_N
    b_w = tl.where((x <= x_0) & ((x >= x_1) & (x <= x_0) | (x < x_2) | ((x <= x_3) & (x > x_4) | (x <= x_5) & (x > x_6) | ((x <= x_7) & (x > x_8) | (x <= x_9) & (x > x_10)) | ((x <= x_11) & (x > x_12) | (x <= x_13) & (x > x_14) | ((x <= x_15) & (x > x_16) | (x <= x_16) & (x > x_17))) | ((x <= x_18) & (x > x_19) | (x <= x_20) & (x > x_21) | ((x <= x_22) & (x > x_23) | (x <= x_24) & (x > x_25)) | ((x <= x_26) & (x > x_27) | (x <= x_28) & (x > x_29) | ((x <= x_30) & (x > x_31) | (x <= x_32) & (x > x_33)))) | ((x <= x_34) & (x > x_35) | (x <= x_36) & (x > x_37) | ((x <= x_38) & (x > x_39) | (x <= x_40) & (x > x_41)) | ((x <= x_42) & (x > x_43) | (x <= x_44) & (x > x_45) | ((x <= x_46) & (x > x_47) | (x <= x_48) & (x > x_49))) | ((x <= x_50) & (x > x_51) | (x <= x_52) & (x > x_53) | ((x <= x_54) & (x > x_55) | (x <= x_56) & (x > x_57)) | ((x <= x_58) & (x > x_59) | (x <= x_60) & (x > x_61) | (x <= x_62) & (x > x_63)))))), b_s, float("-inf"))  # fmt: skip
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
    if q_start + 128 * t >= 453:
        low_2 = 2 * t + (q_start - 1 >> 6) - 6
        high_3 = tl.minimum(2 * t + (q_start + 1 >> 6), k_len >> 6)
        for c in range(low_2, high_3):
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
    if q_start + 128 * t < 453:
        for c in range(0, tl.minimum(2 * t + (q_start + 1 >> 6), k_len >> 6)):
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
            q_start,
            k_len,
            scale,
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


def attention(q, k, v, *, scale=None, return_lse=False):
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
    tiles = triton.cdiv(q_len, BLOCK_M)
    columns = triton.cdiv(k_len, BLOCK_N)
    kv_num_blocks = q.new_empty(1, 1, tiles, dtype=torch.int32)
    kv_indices = q.new_empty(1, 1, tiles, max(1, columns), dtype=torch.int32)
    tables = (kv_num_blocks, kv_indices, 0, 0, max(1, columns))
    forward_plan[(tiles, 1, 1)](*sizes, *tables)
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
        *tables,
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        num_warps=4,
        num_stages=2,
    )
    return (out, lse) if return_lse else out
