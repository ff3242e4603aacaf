"""InfLLM-V2: blocks chosen by the mean over the heads of a KV head."""

from tests.references.route.choice import best, blocks, dot, kept, local, nothing, past


def pairs(q, k, *, n, block, sinks, w, dense):
    seen, heads = nothing(q), q.shape[0]
    for h in range(heads):
        group = range(h // 2 * 2, h // 2 * 2 + 2)  # two heads to a KV head
        for i in range(q.shape[1]):
            if q.shape[1] <= dense:
                seen[h, i, : i + 1] = True
                continue
            units = past(blocks(q.shape[1], block), i)
            units = {j: x for j, x in units.items() if not kept(x, i, sinks, w)}
            scores = {
                j: sum(dot(q[g, i], k[g, x].mean(0)) for g in group) for j, x in units.items()
            }
            for j in best(scores, n):
                seen[h, i, units[j]] = True
            local(seen, h, i, sinks, w)
    return seen
