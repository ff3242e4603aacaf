"""How a work-group shares out a tile: who computes which scores, and what lies in shared memory.

The work-items form a grid of `DOWN` x `ACROSS`. For the products, each has some rows of queries and
some columns (keys, or columns of the output), `DOWN` and `ACROSS` apart, in registers. For the
softmax `lanes` neighbours share a row of queries, each with every `lanes`-th key.
"""

from dataclasses import dataclass

DOWN, ACROSS = 8, 16
ITEMS = DOWN * ACROSS
WORD = 4  # bytes
SHARED = 32 << 10  # bytes: what every GPU gives a work-group, on any of the targets


@dataclass(frozen=True, slots=True)
class Layout:
    """One kernel's: queries and keys of a tile, columns of `q` and `k`, and of `v`."""

    rows: int
    keys: int
    head_dim: int
    value_dim: int

    @property
    def lanes(self) -> int:
        """The work-items that share a row in the softmax."""
        return ITEMS // self.rows

    @property
    def own_rows(self) -> int:
        """The rows of a work-item in the products."""
        return self.rows // DOWN

    @property
    def own_keys(self) -> int:
        """Its keys in the product of queries and keys."""
        return self.keys // ACROSS

    @property
    def own_columns(self) -> int:
        """Its columns of the output; beyond the last one it computes what nobody reads."""
        return -(-self.value_dim // ACROSS)

    @property
    def query_stride(self) -> int:
        """The words of a row of queries: odd, so that rows lie in different banks."""
        return self.head_dim | 1

    @property
    def key_stride(self) -> int:
        """The words of a row of keys, or of values, which come to the same place."""
        return max(self.head_dim, self.own_columns * ACROSS) | 1

    @property
    def score_stride(self) -> int:
        """The words of a row of scores."""
        return self.keys | 1

    @property
    def shared(self) -> dict[str, int]:
        """The words of each array in shared memory."""
        return {
            "queries": self.rows * self.query_stride,
            "visited": self.keys * self.key_stride,
            "scores": self.rows * self.score_stride,
            "parts": ITEMS,
            "factors": self.rows,
        }

    @property
    def fits(self) -> bool:
        """Whether a work-group has room for all of them."""
        return WORD * sum(self.shared.values()) <= SHARED
