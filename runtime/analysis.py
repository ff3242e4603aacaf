"""The analysis of bound specs with what the CPU target of this machine makes of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from attnc.compiler.analysis import Analysis, Lengths, TileCounts, analyze as analyze_bound
from attnc.compiler.elaborate import Sizes
from attnc.compiler.grid_analysis import analyze_grid
from attnc.compiler.proofs import proofs_of
from attnc.compiler.segments import Step, steps_of
from attnc.dsl.place import GRID, Place
from attnc.dsl.program import Bound
from attnc.runtime.backends import backends, of_parts
from attnc.runtime.cpu.costs import costs
from attnc.runtime.cpu.cpus import host_machine, measured_machine
from attnc.runtime.cpu.lower import chosen_tile, grid_tiles, tiling
from attnc.runtime.sampling import sampled_density
from attnc.runtime.segmented.attend import facts_of, keys_of, rows_of


def analyze_at(
    bound: Bound,
    lengths: Lengths,
    heads: int | None,
    kv_heads: int | None,
    head_dim: int,
    inputs: Mapping[str, Any],
) -> Analysis:
    """The analysis of a bound spec with what the CPU target makes of it."""
    sizes = Sizes(heads or 0, kv_heads or heads or 0)
    machine = host_machine()
    tile, classes = chosen_tile(bound, sizes, machine)
    found = analyze_bound(
        bound,
        lengths,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        tile=tile,
        numbers=_numbers(bound, inputs),
        classes=classes,
        heights=tiling(machine, sizes).rows,
    )
    sample = sampled_density(bound, lengths, heads, kv_heads, inputs)
    return _on_this_machine(
        replace(found, estimate=sample), -(-found.q_len // tile[0]), bound, sizes
    )


def analyze_on(
    bound: Bound,
    extents: tuple[int, ...],
    heads: int | None,
    kv_heads: int | None,
    head_dim: int,
    inputs: Mapping[str, Any],
) -> Analysis:
    """The analysis of a bound spec on a grid with what the CPU target makes of it."""
    sizes, machine = Sizes(heads or 0, kv_heads or heads or 0), host_machine()
    kernel = grid_tiles(bound, sizes, machine)
    found = analyze_grid(
        bound,
        extents,
        kernel,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        heights=tiling(machine, sizes).rows,
        numbers=_numbers(bound, inputs),
    )
    return _on_this_machine(found, -(-found.q_len // math.prod(kernel.queries)), bound, sizes)


def _numbers(bound: Bound, inputs: Mapping[str, Any]) -> dict[str, int]:
    """The run-time integers among the inputs."""
    return {n: int(x) for n, x in inputs.items() if not bound.inputs[n].axes}


def _on_this_machine(found: Analysis, tiles: int, bound: Bound, sizes: Sizes) -> Analysis:
    """The analysis with backends and time; `tiles` are those of the queries of a head."""
    units = found.heads * tiles
    known = costs(measured_machine())
    work = known.work(found.visited, 2 * found.head_dim, units)
    seconds = work * 1e-9 / known.threads(work)
    dims = replace(sizes, head_dim=found.head_dim, value_dim=found.head_dim)
    return replace(found, backends=backends(bound, dims), predicted_seconds=seconds)


def analyze_parts(
    bound: Bound,
    extents: tuple[int, ...],
    heads: int | None,
    kv_heads: int | None,
    head_dim: int,
    inputs: Mapping[str, Any],
) -> Analysis:
    """The analysis of a spec with segments: the sums over the attentions of its parts."""
    rows = rows_of(bound, extents, inputs)
    known = {**inputs, **facts_of(bound, extents, rows, inputs)}
    steps = steps_of(bound, heads, kv_heads)

    def analysis(step: Step) -> Analysis | None:
        queries, keys = rows[step.queries], keys_of(step, rows)
        if not queries or not keys:
            return None
        numbers = {n: known[n] for n, x in step.bound.inputs.items() if not x.axes}
        if step.bound.grid:
            return analyze_on(step.bound, extents, heads, kv_heads, head_dim, numbers)
        places = (queries.start, keys.start) if step.positions else (0, 0)
        lengths = Lengths(len(queries), len(keys), *places)
        return analyze_at(step.bound, lengths, heads, kv_heads, head_dim, numbers)

    found = [one for one in map(analysis, steps) if one is not None]
    if not found:  # no pair of tokens is in the mask
        points = replace(bound, place=Place(GRID, GRID))
        found = [analyze_on(points, extents, heads, kv_heads, head_dim, {})]
    tokens = max(span.stop for span in rows.values())
    proofs = tuple(proofs_of(bound, heads, kv_heads))
    return replace(_summed(bound.name, found, tokens), grid=extents, proofs=proofs)


def _summed(name: str, found: Sequence[Analysis], tokens: int) -> Analysis:
    """The sums, for as many heads as the part that depends on most of them."""
    heads = max(one.heads for one in found)
    each = [heads // one.heads for one in found]  # the heads for which a part counts

    def total(values: Sequence[int]) -> int:
        return sum(n * times for n, times in zip(values, each, strict=True))

    open_ = any(one.useful is None for one in found)
    useful = None if open_ else total([one.useful or 0 for one in found])
    kinds = ("empty", "partial", "full")
    tiles = TileCounts(*(total([getattr(one.tiles, kind) for one in found]) for kind in kinds))
    flops, moved = total([one.flops for one in found]), total([one.bytes for one in found])
    return replace(
        found[0],
        name=name,
        q_len=tokens,
        kv_len=tokens,
        heads=heads,
        useful=useful,
        density=None if useful is None else useful / (heads * tokens**2),
        at_most=total([one.at_most for one in found]),
        visited=total([one.visited for one in found]),
        tiles=tiles,
        tile_map="; ".join(dict.fromkeys(one.tile_map for one in found)),
        flops=flops,
        bytes=moved,
        cache_bound=None,
        cache_rule="not derived for segments",
        cache_keys=None,
        receptive_field=(),
        full_share=tiles.full / max(1, tiles.full + tiles.partial),
        intensity=flops / max(1, moved),
        predicted_seconds=sum(one.predicted_seconds or 0.0 for one in found),
        backends=of_parts(one.backends for one in found),
        notes=tuple(dict.fromkeys(note for one in found for note in one.notes)),
        choices=(),
    )
