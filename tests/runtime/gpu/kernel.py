"""A plain causal attention in Triton, to be compiled ahead of time: what reports are tested on."""

from attnc.runtime.gpu.aot import Job
from attnc.runtime.gpu.report import Work

SOURCE = """
import triton
import triton.language as tl


@triton.jit
def step(b_q, k, v, o_n, o_d, s_k, m, z, acc, scale, o_m, MASKED: tl.constexpr):
    b_k = tl.load(k + o_n[:, None] * s_k + o_d[None, :])
    s = tl.dot(b_q, tl.trans(b_k))
    if MASKED:
        s = tl.where(o_m[:, None] >= o_n[None, :], s, float("-inf"))
    m_new = tl.maximum(m, tl.max(s, 1) * scale)
    p = tl.exp2(s * scale - m_new[:, None])
    a = tl.exp2(m - m_new)
    b_v = tl.load(v + o_n[:, None] * s_k + o_d[None, :])
    return m_new, z * a + tl.sum(p, 1), tl.dot(p.to(b_v.dtype), b_v, acc * a[:, None])


@triton.jit
def attend(
    q, k, v, o, s_q, s_k, scale, D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr
):
    i_m = tl.program_id(0)
    o_m = i_m * BLOCK_M + tl.arange(0, BLOCK_M)
    o_n = tl.arange(0, BLOCK_N)
    o_d = tl.arange(0, D)
    b_q = tl.load(q + o_m[:, None] * s_q + o_d[None, :])
    m = tl.full([BLOCK_M], float("-inf"), tl.float32)
    z = tl.zeros([BLOCK_M], tl.float32)
    acc = tl.zeros([BLOCK_M, D], tl.float32)
    middle = i_m * BLOCK_M // BLOCK_N
    for c in range(0, middle):
        n = c * BLOCK_N + o_n
        m, z, acc = step(b_q, k, v, n, o_d, s_k, m, z, acc, scale, o_m, False)
    for c in range(middle, (i_m + 1) * BLOCK_M // BLOCK_N):
        n = c * BLOCK_N + o_n
        m, z, acc = step(b_q, k, v, n, o_d, s_k, m, z, acc, scale, o_m, True)
    tl.store(o + o_m[:, None] * s_q + o_d[None, :], (acc / z[:, None]).to(tl.bfloat16))
"""
LINES = [i for i, line in enumerate(SOURCE.splitlines(), 1) if line.startswith("    for ")]
POINTERS = dict.fromkeys(("q", "k", "v", "o"), "*bf16")
NUMBERS = {"s_q": "i32", "s_k": "i32", "scale": "fp32"}


def job(
    target: str, rows: int = 64, keys: int = 64, warps: int = 4, stages: int = 2, d: int = 64
) -> Job:
    """The kernel with a tile, for a target."""
    constants = {"D": d, "BLOCK_M": rows, "BLOCK_N": keys}
    signature = POINTERS | NUMBERS | dict.fromkeys(constants, "constexpr")
    divisible = (*POINTERS, "s_q", "s_k")
    options = {"num_warps": warps, "num_stages": stages}
    return Job(
        SOURCE, "attend", target, signature, constants, divisible, options, Work(rows * keys, 4 * d)
    )
