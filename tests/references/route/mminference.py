"""MMInference: grid heads, lines inside of a modality, blocks."""

import torch

from tests.references.route import minference
from tests.references.route.choice import nothing


def inputs(q, k, **_):
    at = torch.arange(q.shape[1])
    return {"place": at % 7, "modality": (at // 20) % 2}


def pairs(q, k, *, kinds, n, block, lines, last, sinks, place, modality):
    single = {"n": n, "block": block, "lines": lines, "last": last, "sinks": sinks, "w": 1}
    same = [kind if kind else 3 for kind in kinds]  # no A-shape: kind 3 sees nothing there
    seen = minference.pairs(q, k, kinds=same, **single)
    for h, kind in enumerate(kinds):
        for i in range(q.shape[1]):
            for j in range(i + 1):
                if kind == 0:
                    seen[h, i, j] = j < sinks or place[i] == place[j]
                if kind == 1 and i != j:
                    seen[h, i, j] &= modality[i] == modality[j]
    return seen | nothing(q)
