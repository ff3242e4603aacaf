"""Which kernel computes a call of few queries, and how many threads share its keys.

The tile of a kernel for many queries would be mostly empty, and there would be fewer tiles than
threads. So calls whose keys are many times their queries get tiles of just enough rows, filled with
the heads that share their keys, and the keys of a tile may be split.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from attnc.codegen.tvm.machine import Machine
from attnc.codegen.tvm.placement import STREAMS, keys_abreast
from attnc.compiler.elaborate import Sizes
from attnc.compiler.fold import walk
from attnc.compiler.inline import mask_condition
from attnc.compiler.pipeline import Tiling
from attnc.dsl.program import Bound
from attnc.dsl.syntax import Name
from attnc.runtime.calls.call import Call
from attnc.runtime.calls.inputs import dtype_name

MOST_QUERIES = 64
KEYS_A_QUERY = 8  # keys for each query from which on a call counts as one of few queries
FEWEST_KEYS = 256  # of a share
READING = 4  # what reading a key costs a tile, in rows
BALANCE = 0.9  # the part of the threads' time that work fills, with which nothing more is split


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a query tile and the heads that are packed into them; 0 rows: many queries."""

    rows: int = 0
    packed: int = 1


MANY = Rows()


@dataclass
class Tiles:
    """Chooses the rows of a query tile for the calls of a spec, for an artifact among `held`."""

    bound: Bound
    machine: Machine
    held: Sequence[Rows] | None = None
    by_head: dict[tuple[int, int], bool] = field(default_factory=dict)

    def rows(self, call: Call) -> Rows:
        """The tile for a call."""
        if call.grid:
            return MANY
        heads, kv_heads = call.q.shape[1], call.k.shape[1]
        if (heads, kv_heads) not in self.by_head:
            self.by_head[heads, kv_heads] = mask_by_head(self.bound, heads, kv_heads)
        queries = max(row.q_len for row in call.rows)
        if queries > MOST_QUERIES or max(row.k_len for row in call.rows) < KEYS_A_QUERY * queries:
            return MANY
        group = 1 if self.by_head[heads, kv_heads] else heads // kv_heads
        chosen = choose_rows(
            self.machine.computing(dtype_name(call.q.dtype)),
            queries,
            group,
            columns=min(call.q.shape[3], call.v.shape[3]),
        )
        return chosen if self.held is None else choose_held(self.held, chosen, queries, group)


def mask_by_head(bound: Bound, heads: int, kv_heads: int) -> bool:
    """Whether the heads that share their keys may see different ones."""
    return Name("h") in walk(mask_condition(bound, heads, kv_heads))


def decoding(
    bound: Bound,
    sizes: Sizes,
    heads: int | None,
    kv_heads: int | None,
    choose: Callable[[int], Rows],
) -> Sizes:
    """The sizes of the kernel for one query; `choose` has its rows for a group of so many heads.

    Without head counts, heads have keys of their own. Raises what inlining the mask raises.
    """
    heads = heads or 1
    kv_heads = kv_heads or heads
    few = choose(1 if mask_by_head(bound, heads, kv_heads) else heads // kv_heads)
    return replace(sizes, rows=few.rows, packed=few.packed)


@cache
def choose_rows(machine: Machine, queries: int, group: int, columns: int) -> Rows:
    """The tile for so few queries: the least work for each key.

    `group` is the number of heads that may be packed. A tile costs its rows, used or not, and the
    reading of a key.
    """
    found = []
    for height in _heights(machine, columns):
        packed = group if height >= group else 1
        together = height // packed
        tiles = -(-queries // together) * (group // packed)
        cost = tiles * (height + READING)
        found.append((cost, tiles, together * packed, packed))
    *_, rows, packed = min(found)
    return Rows(rows, packed)


def choose_held(held: Sequence[Rows], chosen: Rows, queries: int, group: int) -> Rows:
    """The chosen tile if it is held, else the one that costs least; `MANY` where none fits."""

    def cost(tile: Rows) -> int:
        tiles = -(-queries * tile.packed // tile.rows) * (group // tile.packed)
        return tiles * (tile.rows + READING)

    fitting = [tile for tile in held if tile.packed in (1, group)]
    return chosen if chosen in held else min(fitting, key=cost, default=MANY)


def _heights(machine: Machine, columns: int) -> list[int]:
    """The rows that tiles can have: parts of a register where columns can lie in the lanes."""
    lanes = machine.lanes
    parts = [1 << n for n in range(lanes.bit_length() - 1)] if columns >= lanes else []
    return parts + [lanes * v for v in range(1, machine.vectors + 1)]


def few_tiling(machine: Machine, rows: int, packed: int) -> Tiling:
    """The tile of a kernel for few queries."""
    abreast = keys_abreast(machine, rows)
    keys = STREAMS * abreast if abreast > 1 else machine.keys
    return Tiling((rows,), (100,), keys, packed, split=True)


def choose_shares(units: int, keys: int, threads: int) -> int:
    """How many threads share the keys of a unit, so that `units` of equal work fill the threads."""
    most = max(1, min(keys // FEWEST_KEYS, 4 * threads))
    for shares in range(1, most + 1):
        items = units * shares
        if items >= BALANCE * threads * -(-items // threads):
            return shares
    return most
