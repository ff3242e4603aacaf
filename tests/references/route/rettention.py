"""Re-ttention: keys near the query now, all others as they were; here both are of one step."""

import torch


def inputs(q, k, v, w):
    """What the keys outside of the window gave: outputs [H, N, Dv] and log-sum-exps [H, N]."""
    with torch.no_grad():
        scores = outside(q, k, w)
        values = v.repeat_interleave(len(q) // len(v), 0)
        return {"rest": torch.softmax(scores, -1) @ values, "mass": scores.logsumexp(-1)}


def products(q, k):
    return q @ k.repeat_interleave(len(q) // len(k), 0).mT * q.shape[2] ** -0.5


def far(n, w):
    at = torch.arange(n)
    return (at[:, None] - at).abs() > w


def outside(q, k, w):
    return products(q, k).masked_fill(~far(q.shape[1], w), -torch.inf)


def heads(q, k, v, rest, mass, w):
    inside = products(q, k).masked_fill(far(q.shape[1], w), -torch.inf)
    near = torch.softmax(inside, -1) @ v.repeat_interleave(len(q) // len(v), 0)
    share = 1 / (1 + torch.exp(mass - inside.logsumexp(-1)))[..., None]
    return share * near + (1 - share) * rest


def whole(q, k, v):
    """What it approximates, and is while nothing changes between the steps."""
    return torch.softmax(products(q, k), -1) @ v.repeat_interleave(len(q) // len(v), 0)
