"""choice(), written by attnc 0.1.0"""

import torch
import triton
import triton.language as tl

BLOCK_M = 32  # queries of a tile
BLOCK_N = 32  # keys of a tile


@triton.jit
def ranked(b_s, i_k):
    """Scores and their keys as numbers in that order; of equal scores, the lower key is better."""
    b_i = tl.where(b_s == 0.0, 0.0, b_s).to(tl.int32, bitcast=True)
    b_i = tl.where(b_i < 0, b_i ^ 0x7FFFFFFF, b_i)
    b_n = (b_i.to(tl.int64) << 32) | (0x7FFFFFFF - i_k)[None, :]
    return tl.where(b_s > float("-inf"), b_n, -0x8000000000000000)


@triton.jit
def best_of(b_best, b_n, KEPT: tl.constexpr):
    """The best of a list, which ascends, and of a tile: as a list again."""
    b_top = tl.topk(b_n, KEPT)  # descends, so the better of each pair are the best of both
    return tl.bitonic_merge(tl.maximum(b_best, b_top))


@triton.jit
def best_partial(
    c,
    b_best,
    b_q,
    i_q,
    p_k,
    k_sn,
    q_start,
    k_len,
    n_k_last,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """A tile of which pairs outside the pattern are not taken."""
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
    b_s = tl.dot(b_q, tl.trans(b_k), input_precision="ieee")  # [BLOCK_M, BLOCK_N]
    x_0 = (q >> 6) - c * BLOCK_N
    x_1 = k_len - c * BLOCK_N
    b_w = tl.where((tl.minimum(k * 64 + 63, n_k_last) <= q) & (x != x_0) & (x < x_1), b_s, float("-inf"))  # fmt: skip
    b_best = best_of(b_best, ranked(b_w, i_k), 16)
    return b_best


@triton.jit(do_not_specialize=["q_start", "q_len", "k_len", "n_k_last"])
def best(
    p_q,
    q_sb,
    q_sh,
    q_sn: tl.constexpr,
    p_k,
    k_sb,
    k_sh,
    k_sn: tl.constexpr,
    p_picks,
    heads,
    group,
    q_start,
    q_len,
    k_len,
    n_k_last,
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
    b_best = tl.full([BLOCK_M, 16], -0x8000000000000000, tl.int64)
    # The partial tiles.
    low_1 = 0
    high_2 = tl.minimum(tl.minimum((q_start + q_len - 65 >> 11) + 1, (k_len - 1 >> 5) + 1), (q_start + 32 * t - 33 >> 11) + 1)  # fmt: skip
    for c in range(low_1, high_2):
        b_best = best_partial(
            c,
            b_best,
            b_q,
            i_q,
            p_k,
            k_sn,
            q_start,
            k_len,
            n_k_last,
            BLOCK_M,
            BLOCK_N,
        )
    r_n = tl.arange(0, 16)
    b_key = 0x7FFFFFFF - (b_best & 0x7FFFFFFF).to(tl.int32)
    b_key = tl.where((r_n >= 3)[None, :], b_key, 0x7FFFFFFF)
    b_key = tl.sort(b_key)
    b_key = tl.where(b_key == 0x7FFFFFFF, -1, b_key)
    i_row = tl.cast(b * heads + h, tl.int64) * q_len + i_q
    tl.store(
        p_picks + i_row[:, None] * 13 + r_n[None, :],
        b_key,
        mask=m_owned[:, None] & (r_n < 13)[None, :],
    )


def choose(q, k, *, q_start=0, k_last):
    """Of each query of q [B, H, Nq, 64] 13 keys of k [B, Hkv, Nk, 64].

    Those of the greatest products, of equal ones the lower: int32, ascending, then -1.
    `q_start` is the position of the first query; keys begin at 0.
    """
    batch, heads, q_len, head_dim = q.shape
    kv_heads, k_len = k.shape[1:3]
    if head_dim != 64 or q.dtype != torch.float32:
        raise ValueError("this kernel is for 64 columns of torch.float32")
    q, k = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k))
    picks = q.new_empty(batch, heads, q_len, 13, dtype=torch.int32)
    if picks.numel() == 0:
        return picks
    sizes = (heads, heads // kv_heads, q_start, q_len, k_len)
    inputs = [int(k_last)]
    tiles = triton.cdiv(q_len, BLOCK_M)
    group = heads // kv_heads
    best[(group, tiles, batch * kv_heads)](
        q,
        *q.stride()[:3],
        k,
        *k.stride()[:3],
        picks,
        *sizes,
        *inputs,
        BLOCK_M=BLOCK_M,
        BLOCK_N=BLOCK_N,
        num_warps=4,
        num_stages=2,
    )
    return picks
