"""FlexPrefill: as many lines or blocks as hold a share of the estimate."""

import torch

from tests.references.route.choice import heaviest, lines, nothing, shares


def inputs(q, k, **_):
    return {"by_blocks": torch.arange(2 * k.shape[0]) % 2}


def pairs(q, k, *, p, block, last, by_blocks):
    seen, length = nothing(q), q.shape[1]
    for h in range(q.shape[0]):
        columns, slashes = lines(q[h], k[h], last)
        columns, slashes = heaviest(columns, p), heaviest(slashes, p)
        for i in range(length):
            if by_blocks[h]:
                own = i // block
                rows = q[h, own * block : (own + 1) * block].mean(0) * q.shape[2] ** -0.5
                scores = {
                    j: float(rows @ k[h, j * block : (j + 1) * block].mean(0)) for j in range(own)
                }
                for j in [*heaviest(shares(scores), p), own]:
                    seen[h, i, j * block : min((j + 1) * block, i + 1)] = True
                continue
            for j in range(i + 1):
                seen[h, i, j] = j in columns or i - j in slashes or i == j
    return seen
