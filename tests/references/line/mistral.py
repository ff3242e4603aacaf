"""Mistral as in Hugging Face: `q - w < k <= q`."""


def keys(q, length, h, heads, *, w):
    return range(q - w + 1, q + 1)
