"""What the papers' choices share: ranks, shares, and units as lists of keys."""

import math

import torch


def best(scores, n):
    """The n keys of a dict of the greatest values, the lowest first where they are equal."""
    return sorted(scores, key=lambda unit: (-scores[unit], unit))[:n]


def shares(scores):
    """The softmax of a dict of scores."""
    top = max(scores.values(), default=0.0)
    weights = {unit: math.exp(score - top) for unit, score in scores.items()}
    return {unit: weight / sum(weights.values()) for unit, weight in weights.items()}


def heaviest(masses, p):
    """The fewest keys of a dict whose values, divided by their sum, add up to p."""
    taken, held, total = [], 0.0, sum(masses.values())
    for unit in best(masses, len(masses)):
        if held >= p:
            break
        taken.append(unit)
        held += masses[unit] / total
    return taken


def blocks(length, size):
    """The keys of each block."""
    return [range(j, min(j + size, length)) for j in range(0, length, size)]


def past(units, i):
    """The units without keys after a position, by number."""
    return {j: list(keys) for j, keys in enumerate(units) if keys and max(keys) <= i}


def dot(a, b):
    """The product of two vectors as a number."""
    return float(a @ b)


def nothing(q):
    """bool [H, N, N], all false."""
    return torch.zeros(q.shape[0], q.shape[1], q.shape[1], dtype=torch.bool)


def local(seen, h, i, sinks, w):
    """Adds the first keys and a window of the w newest."""
    seen[h, i, : min(sinks, i + 1)] = True
    seen[h, i, max(0, i - w + 1) : i + 1] = True


def kept(keys, i, sinks, w):
    """Whether all of some keys are among the first or in the window."""
    return all(j < sinks or i - w < j <= i for j in keys)


def estimate(q, k, last):
    """What the last queries of one head give to each key: [last, N], causal."""
    n, scale = len(k), q.shape[1] ** -0.5
    rows = range(max(0, n - last), n)
    scores = torch.full((len(rows), n), -math.inf, dtype=torch.float64)
    for row, i in enumerate(rows):
        for j in range(i + 1):
            scores[row, j] = dot(q[i], k[j]) * scale
    return torch.softmax(scores, -1), list(rows)


def lines(q, k, last):
    """The masses of columns and of diagonals that the last queries of one head estimate."""
    weights, rows = estimate(q, k, last)
    columns = {j: float(weights[:, j].sum()) for j in range(len(k))}
    slashes = dict.fromkeys(range(len(k)), 0.0)
    for row, i in enumerate(rows):
        for j in range(i + 1):
            slashes[i - j] += float(weights[row, j])
    return columns, slashes
