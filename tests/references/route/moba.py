"""MoBA (Lu et al. 2025, section 2.2): q . mean(K_i) ranks the blocks before the query's own."""

import torch


def pairs(q, k, *, n, block):
    """bool [H, N, N] from q [H, N, D] and k [H, N, D]."""
    heads, length, _ = q.shape
    seen = torch.zeros(heads, length, length, dtype=torch.bool)
    for h in range(heads):
        for i in range(length):
            own = i // block
            gates = [
                (-float(q[h, i] @ k[h, j * block : (j + 1) * block].mean(0)), j) for j in range(own)
            ]
            for _, j in sorted(gates)[:n]:
                seen[h, i, j * block : (j + 1) * block] = True
            seen[h, i, own * block : i + 1] = True
    return seen
