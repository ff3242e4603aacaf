"""HAX: the bucket of the query and the keys of the greatest learned scores so far."""

import torch

from tests.references.route.choice import best, nothing


def inputs(q, k, **_):
    generator = torch.Generator().manual_seed(8)
    return {
        "bucket": torch.randint(0, 5, q.shape[:2], generator=generator),
        "importance": torch.randn(q.shape[:2], generator=generator),
    }


def pairs(q, k, *, n, bucket, importance):
    seen = nothing(q)
    for h, i in ((h, i) for h in range(len(q)) for i in range(q.shape[1])):
        scores = {j: float(importance[h, j]) for j in range(i + 1)}
        same = [j for j in scores if bucket[h, i] == bucket[h, j]]
        seen[h, i, [*best(scores, n), *same]] = True
    return seen
