"""What a spec costs, computed from its pattern: density, tiles, flops, bytes, cache, proofs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from attnc.compiler.affine import deciders
from attnc.compiler.counts import Census, census
from attnc.compiler.proofs import Proof, Retention, proofs_of, repeated_field, retention
from attnc.compiler.relation import LENGTHS, Relation, of_bound, relation as of_condition
from attnc.compiler.residues import Classes, split
from attnc.compiler.tile_choices import TileChoice, ranked
from attnc.dsl.errors import MissingInput

if TYPE_CHECKING:
    from attnc.dsl.program import Bound


@dataclass(frozen=True, slots=True)
class TileCounts:
    """How many tiles hold no pair, some and not all, all of their existing pairs."""

    empty: int
    partial: int
    full: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """The result of `analyze`, for one batch entry.

    `heads` is the Hm of the counts: the number of heads if the mask depends on the head, else 1.
    `useful` are the pairs of the pattern, `density` useful / (heads * q_len * kv_len), `visited`
    every pair whose dot product is computed (live tiles count whole). `useful` and `density` are
    None where a tensor or a draw has a say in the mask: `at_most` bounds the pairs then, and
    `visited` counts tiles that a kernel may find empty when it runs. Where only draws have,
    `estimate` is the density of a sample of pairs and its standard error.

    `flops` are the multiplications and additions of both products, `4 * head_dim * visited`.
    `bytes` is the traffic of a kernel that reads each query row and writes each output row once,
    and reads the keys and values of every visited tile. Both are for the heads counted.

    A decoder has to keep `cache_bound` keys at most (None: no constant bounds them), which
    `cache_rule` says in words and `cache_keys` as the isl map from a position to the keys needed.
    `receptive_field[i]` is how many of `kv_len` tokens the last one depends on after i + 1 layers
    of the pattern, up to the layer after which it stays (at most 8). `full_share` is the part of
    the visited tiles that are full, `intensity` flops / bytes.

    `choices` is what other tiles would visit. On a grid, `grid` are its extents; `cache_bound` is
    then of whole hyperplanes of the first axis, as the keys of a model that makes frame by frame.

    `backends` says of each target what it makes of the spec; `predicted_seconds` is the time of the
    CPU kernel, from what work is known to cost on this machine. Both are None or empty where only
    the pattern was analysed.
    """

    name: str
    q_len: int
    kv_len: int
    heads: int
    head_dim: int
    useful: int | None
    density: float | None
    at_most: int
    visited: int
    tiles: TileCounts
    tile_map: str
    flops: int
    bytes: int
    cache_bound: int | None
    cache_rule: str
    cache_keys: str | None
    receptive_field: tuple[int, ...]
    full_share: float
    intensity: float
    proofs: tuple[Proof, ...]
    backends: Mapping[str, str]
    predicted_seconds: float | None
    notes: tuple[str, ...]
    grid: tuple[int, ...] = ()
    choices: tuple[TileChoice, ...] = ()
    estimate: tuple[float, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data, as the command's `--json` prints them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class StackAnalysis:
    """The result of `analyze_stack`: each layer, and all together.

    `receptive_field[i]` is how many of `kv_len` tokens the last one depends on after layer i.
    `flops`, `bytes` and `cache_bound` (None: it grows) are sums over the layers.
    """

    name: str
    layers: tuple[Analysis, ...]
    receptive_field: tuple[int, ...]
    flops: int
    bytes: int
    cache_bound: int | None
    proofs: tuple[Proof, ...]

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Lengths:
    """The lengths of one call and the positions of its first rows."""

    q_len: int
    kv_len: int
    q_start: int
    k_start: int = 0

    @classmethod
    def of(
        cls, seq: int | None, q_len: int | None, kv_len: int | None, cross: bool = False
    ) -> "Lengths":
        """From `seq` (both lengths) or the two lengths; positions by default (see the design)."""
        queries, keys = (seq if n is None else n for n in (q_len, kv_len))
        if queries is None or keys is None:
            raise MissingInput("seq")
        return cls(queries, keys, 0 if cross else keys - queries)

    @property
    def values(self) -> dict[str, int]:
        """The four parameters of the sets."""
        return {
            "q_start": self.q_start,
            "k_start": self.k_start,
            "q_len": self.q_len,
            "k_len": self.kv_len,
        }


def analyze(
    bound: "Bound",
    lengths: Lengths,
    *,
    heads: int | None = None,
    kv_heads: int | None = None,
    head_dim: int = 64,
    tile: tuple[int, int] = (48, 8),
    itemsize: int = 4,
    numbers: Mapping[str, int] | None = None,
    classes: Classes | None = None,
    heights: Sequence[int] = (),
) -> Analysis:
    """Analyse a bound spec at given lengths.

    `numbers` are its run-time integers, `classes` the residue classes that a kernel takes one by
    one, `heights` the rows of other tiles to compare with the kernel's. Raises `HeadsMissing` where
    the mask depends on a head count that is None, `MissingInput` for a run-time integer without a
    value, `AnalysisTooComplex` for a pattern beyond the limits.
    """
    relation = of_bound(bound, heads, kv_heads)
    values = lengths.values | _numbers(relation, numbers or {})
    found = _census(relation, tile, values, classes)
    analysis = derived(
        Pattern(
            bound.name,
            (lengths.q_len, lengths.kv_len),
            (relation.heads or 1) if relation.uses_head else 1,
            relation.exact,
        ),
        found,
        (head_dim, itemsize, tile[0]),
        retention(relation, bound.cross),
        tile_map=_tile_map(tile, classes),
        receptive_field=() if bound.cross else repeated_field(relation, lengths.kv_len),
        proofs=tuple(proofs_of(bound, heads, kv_heads)),
        notes=notes_on(relation.exact, relation.uses_batch, deciders(relation.condition)),
    )
    if not heights:
        return analysis
    every = ((rows, tile[1]) for rows in dict.fromkeys((tile[0], *heights)))
    choices = [
        TileChoice.of(
            (one[:1], one[1:], (1 if within is None else within.step,)),
            _census(relation, one, values, within),
            chosen=(within, one) == (classes, tile),
        )
        for within, one in product(dict.fromkeys((classes, None)), every)
    ]
    return replace(analysis, choices=ranked(choices))


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is analysed: queries and keys, the heads counted, and whether the pairs are known."""

    name: str
    lengths: tuple[int, int]
    heads: int
    exact: bool


def derived(
    pattern: Pattern,
    found: Census,
    sizes: tuple[int, int, int],
    kept: Retention,
    *,
    tile_map: str,
    receptive_field: tuple[int, ...],
    proofs: tuple[Proof, ...],
    notes: tuple[str, ...],
) -> Analysis:
    """An analysis from what was counted; `sizes` are columns, bytes of a number, rows of a tile."""
    head_dim, itemsize, tile_rows = sizes
    rows = 2 * pattern.lengths[0] * pattern.heads + 2 * found.visited // tile_rows
    return Analysis(
        pattern.name,
        *pattern.lengths,
        heads=pattern.heads,
        head_dim=head_dim,
        useful=found.useful if pattern.exact else None,
        density=_density(found) if pattern.exact else None,
        at_most=found.useful,
        visited=found.visited,
        tiles=TileCounts(found.empty, found.partial, found.full),
        tile_map=tile_map,
        flops=4 * head_dim * found.visited,
        bytes=rows * head_dim * itemsize,
        cache_bound=kept.bound,
        cache_rule=kept.rule,
        cache_keys=kept.kept,
        receptive_field=receptive_field,
        full_share=found.full / (found.full + found.partial or 1),
        intensity=4 * found.visited / (rows * itemsize or 1),
        proofs=proofs,
        backends={},
        predicted_seconds=None,
        notes=notes,
    )


def _census(
    relation: Relation, tile: tuple[int, int], values: dict[str, int], classes: Classes | None
) -> Census:
    """The counts; those of tiles add up over the classes, most of which are alike."""
    if classes is None:
        return census(relation, *tile, **values)
    inner = of_condition(classes.condition, relation.heads, relation.floats)
    alike: Counter[tuple[int, int, int, int]] = Counter(
        (one.q_start, one.k_start, one.q_len, one.k_len)
        for one in split(classes.step, *(values[name] for name in LENGTHS))
        if one.q_len and one.k_len
    )
    total = Census(0, 0, 0, 0, 0, 0)
    for lengths, count in alike.items():
        one = census(inner, *tile, **values | dict(zip(LENGTHS, lengths, strict=True)))
        total = total + one.times(count)
    heads = (relation.heads or 1) if relation.uses_head else 1
    return replace(total, pairs=heads * values["q_len"] * values["k_len"])


def _tile_map(tile: tuple[int, int], classes: Classes | None) -> str:
    if classes is None:
        return f"t = (q - q_start) div {tile[0]}, c = (k - k_start) div {tile[1]}"
    step = classes.step
    return f"in each class mod {step}: t = row div {tile[0]}, c = key div {tile[1]}"


def _density(found: Census) -> float:
    return found.useful / found.pairs if found.pairs else 0.0


def _numbers(relation: Relation, numbers: Mapping[str, int]) -> dict[str, int]:
    missing = [name for name in relation.runtime if name not in numbers]
    if missing:
        raise MissingInput(missing[0])
    values = {name: numbers[name] for name in relation.runtime}
    return values | ({"b": numbers.get("b", 0)} if relation.uses_batch else {})


def notes_on(exact: bool, uses_batch: bool, what: str) -> tuple[str, ...]:
    """What a reader of the numbers has to know; `what` leaves the pairs open if not `exact`."""
    notes = []
    if not exact:
        notes.append(
            f"{what} decide part of the mask: `useful` and `density` are unknown, the "
            "pairs are at most `at_most`; `visited` is what a kernel visits at most, as it skips "
            "tiles that it finds empty"
        )
    if uses_batch:
        notes.append("the mask depends on the batch entry: the numbers are for one of them")
    return tuple(notes)
