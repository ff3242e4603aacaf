"""ReKV: frames by the mean product over all tokens and heads of a question."""

from tests.references.route.choice import best, blocks, dot, nothing


def pairs(q, k, *, n, frame):
    seen = nothing(q)
    heads, length, _ = q.shape
    scores = {
        j: sum(dot(q[h].mean(0), k[h, x.start : x.stop].mean(0)) for h in range(heads))
        for j, x in enumerate(blocks(length, frame))
    }
    for j in best(scores, n):
        seen[:, :, j * frame : (j + 1) * frame] = True
    return seen
