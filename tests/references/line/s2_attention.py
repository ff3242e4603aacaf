"""S2-Attention: a local window, and for head h the key blocks h, h + heads, h + 2 heads, ..."""


def keys(q, length, h, heads, *, w, block):
    found = {*range(q - w + 1, q + 1)}
    for first in range(h * block, q + 1, heads * block):
        found |= {j for j in range(first, first + block) if j <= q}
    return found
