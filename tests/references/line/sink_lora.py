"""SinkLoRA: LongLoRA with some shifted heads moved back, and sinks that every head sees."""

from tests.references.line import longlora


def keys(q, length, h, heads, *, g, back, sinks):
    moved = h % back == 0
    groups = longlora.keys(q, length, 0 if moved else h, 2 if moved else heads, g=g)
    return {*groups, *(j for j in range(sinks) if j <= q)}
