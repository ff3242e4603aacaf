"""ALiBi: q . k - slope * distance, causal."""

from tests.references.line.causal import keys

__all__ = ["keys", "scores"]


def scores(s, q, k, *, slope):
    """s [B, H, Nq, Nk], q [Nq, 1], k [Nk], slope [H]."""
    return s + slope[:, None, None] * (k - q)
