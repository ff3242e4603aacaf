"""The kernel of a GPU for calls of few queries: heads packed into a tile's rows, keys split."""

from attnc.dsl.program import Bound
from attnc.runtime.calls.call import Call
from attnc.runtime.cpu.few import KEYS_A_QUERY, MANY, MOST_QUERIES, Rows, mask_by_head

LEAST, MOST = 16, 64  # rows of a tile: a matrix unit takes no fewer


def few_rows(bound: Bound, call: Call) -> Rows:
    """The rows of the tile for a call; `MANY` where its queries are not few."""
    queries = max(row.q_len for row in call.rows)
    keys = max(row.k_len for row in call.rows)
    if queries > MOST_QUERIES or keys < KEYS_A_QUERY * queries:
        return MANY
    heads, kv_heads = call.q.shape[1], call.k.shape[1]
    return tile_rows(queries, 1 if mask_by_head(bound, heads, kv_heads) else heads // kv_heads)


def tile_rows(queries: int, group: int) -> Rows:
    """The fewest rows that hold the queries of all heads of a group, within limits.

    >>> tile_rows(1, 8), tile_rows(1, 6), tile_rows(5, 8)
    (Rows(rows=16, packed=8), Rows(rows=12, packed=6), Rows(rows=64, packed=8))
    """
    packed = group if group <= MOST else 1
    height = LEAST
    while height < MOST and height // packed < queries:
        height *= 2
    return Rows(height // packed * packed, packed)


def height(rows: int) -> int:
    """The rows of the block that holds a tile of so many."""
    return max(LEAST, 1 << (rows - 1).bit_length())
