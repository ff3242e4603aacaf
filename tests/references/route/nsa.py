"""Native sparse attention (Yuan et al. 2025, section 3.3), a query of a group at a time."""

import torch

from tests.references.route.choice import best


def compressed(x, size, stride):
    """Means of windows, [windows, D] (equation 7 with the mean for its network)."""
    means = [x[j : j + size].mean(0) for j in range(0, len(x) - size + 1, stride)]
    return torch.stack(means) if means else x[:0]


def importance(p, blocks, block, size, stride):
    """Equation 9, whose indices count from 1: what each block gets of the probabilities p."""
    found = {}
    for j in range(1, blocks + 1):
        places = [
            block // stride * j - m - i
            for m in range(block // stride)
            for i in range(size // stride)
        ]
        found[j - 1] = sum(p[at - 1] for at in places if 1 <= at <= len(p))
    return found


def softmax(q, keys, values):
    """One query over some keys; zeros where there are none."""
    p = torch.softmax(keys @ q * len(q) ** -0.5, 0)
    return p @ values, p.tolist()


def chosen(p, i, n, block, size, stride):
    """The blocks of query i, whose heads gave p to the windows (equations 10 to 12)."""
    own = i // block
    fixed = {0, own, max(own - 1, 0)}
    sums = [importance(x, own + 1, block, size, stride) for x in p]
    scores = {j: sum(x[j] for x in sums) for j in range(own) if j not in fixed}
    return sorted(fixed | set(best(scores, n)))


def heads(q, k, v, gate, n, block, size, stride, w):
    """[H, N, Dv] from q [H, N, D], k and v [Hkv, N, D], gate [N, H, 3]."""
    group, rows = len(q) // len(k), []
    for i in range(q.shape[1]):
        for g in range(len(k)):
            keys, values = (compressed(x[g, : i + 1], size, stride) for x in (k, v))
            asked = range(g * group, (g + 1) * group)
            coarse = {h: softmax(q[h, i], keys, values) for h in asked}
            blocks = chosen([coarse[h][1] for h in asked], i, n, block, size, stride)
            inside = [j for j in range(i + 1) if j // block in blocks]
            near = range(max(0, i - w + 1), i + 1)
            for h in asked:
                fine, local = (
                    softmax(q[h, i], k[g, list(x)], v[g, list(x)])[0] for x in (inside, near)
                )
                outs = torch.stack([coarse[h][0], fine, local])
                rows.append(gate[i, h] @ outs)
    return torch.stack(rows).view(q.shape[1], len(q), -1).transpose(0, 1)
