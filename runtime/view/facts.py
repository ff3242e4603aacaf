"""What a page is told of a spec: its controls, tensors, tiles and proofs, as plain data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from attnc.compiler import fold
from attnc.compiler.elaborate import Sizes
from attnc.compiler.inline import mask_condition
from attnc.compiler.proofs import proofs_of
from attnc.compiler.segments import steps_of
from attnc.dsl import syntax as ast
from attnc.dsl.diagnostics import AttnError
from attnc.dsl.errors import HeadsMissing
from attnc.dsl.program import Bound
from attnc.runtime.calls.grids import fitted, segment_lengths, tokens_of
from attnc.runtime.calls.sets import padded_sets
from attnc.runtime.cpu.cpus import host_machine
from attnc.runtime.cpu.lower import chosen_tile, grid_tiles, needs_heads
from attnc.runtime.pictures.palette import LEGEND, MASKED, SKIPPED, TESTED, WHOLE
from attnc.runtime.trials import Trial, random_inputs, segment_inputs
from attnc.version import __version__

LONGEST = 1024  # tokens: a page holds a byte for each pair
MOST_HEADS = 32
USUAL_HEADS = 4
MOST_NUMBERS = 1 << 18  # of a tensor
USUAL_EXTENTS = {1: (256,), 2: (16, 16), 3: (4, 8, 8)}


class ViewError(AttnError):
    """A pattern that a page cannot show."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a page begins with: tokens, extents of the grid (() for a sequence), segments, heads."""

    seq: int
    grid: tuple[int, ...]
    segments: Mapping[str, int]
    heads: int
    reads_heads: bool


def shape_of(
    bound: Bound,
    seq: int | None,
    grid: Sequence[int] | None,
    heads: int | None,
    given: Mapping[str, Any],
    values: Mapping[str, Any],
) -> Shape:
    """The shape to begin with, from what was asked for.

    `given` are inputs, lengths of segments among them; `values` the parameters that a usual length
    follows from.
    """
    if bound.routes:
        raise ViewError("a route chooses by queries and keys, which a page does not have")
    heads = heads or bound.listed_heads or USUAL_HEADS
    if heads > MOST_HEADS:
        raise ViewError(f"a page shows 1 to {MOST_HEADS} heads, not {heads}")
    usual = USUAL_EXTENTS.get(len(bound.grid), (4,) * len(bound.grid))
    extents = fitted(bound, grid, usual)
    beside = segment_lengths(bound, segment_inputs(bound) | dict(given))
    tokens = tokens_of(extents, segments=beside) if extents else seq or _usual(values)
    if not 1 <= tokens <= LONGEST:
        raise ViewError(f"a page shows 1 to {LONGEST} tokens, not {tokens}")
    return Shape(tokens, extents, beside, heads, _reads_heads(bound))


def _usual(values: Mapping[str, Any]) -> int:
    """Twice the greatest parameter, from 256 to what a page holds."""
    sizes = [value for value in values.values() if isinstance(value, int)]
    return min(max(256, 2 * max(sizes, default=0)), LONGEST)


def _conditions(bound: Bound, heads: int | None) -> list[ast.Expr]:
    """The mask; with segments, that of each pair of parts."""
    if bound.segments:
        return [step.condition for step in steps_of(bound, heads, heads)]
    return [mask_condition(bound, heads, heads)]


def _reads_heads(bound: Bound) -> bool:
    """Whether the mask depends on the head or on how many there are."""
    try:
        return any("h" in fold.names(condition) for condition in _conditions(bound, None))
    except HeadsMissing:
        return True


def facts(
    bound: Bound, shape: Shape, given: Mapping[str, Any], title: str, summary: str
) -> dict[str, Any]:
    """All of it; `given` are inputs by name, random where they are missing."""
    heads = shape.heads if shape.reads_heads else None
    read = _read(bound, shape)
    tensors, numbers = _inputs(bound, read, given)
    drawn = sorted(tensors.keys() - given.keys())
    note = f"Random here: {', '.join(drawn)}; the picture is for these." if drawn else ""
    return {
        "title": title,
        "summary": summary,
        "source": bound.program.source.text,
        "parameters": [_control(name, value) for name, value in bound.values.items()],
        "numbers": [_control(name, value) for name, value in numbers.items()],
        "inputs": tensors,
        "grid": list(_axes(bound, shape)),
        "segments": list(_segments(bound, shape)),
        "seq": shape.seq,
        "longest": LONGEST,
        "heads": {
            "used": shape.reads_heads,
            "fixed": bound.listed_heads is not None,
            "count": shape.heads,
            "most": MOST_HEADS,
        },
        "tiling": tiling(bound, shape.heads),
        "proofs": [proof.to_dict() for proof in proofs_of(bound, heads, heads)],
        "colours": {"skipped": SKIPPED, "masked": MASKED, "tested": TESTED, "whole": WHOLE},
        "legend": LEGEND,
        "version": __version__,
        "note": note,
    }


def _read(bound: Bound, shape: Shape) -> frozenset[str]:
    """The inputs that the mask reads."""
    found: frozenset[str] = frozenset()
    for condition in _conditions(bound, shape.heads):
        nodes = fold.walk(condition)
        bases = {node.base for node in nodes if isinstance(node, ast.Index | ast.Member)}
        found |= fold.names(condition) | bases
    return found - shape.segments.keys()


def _control(name: str, value: Any) -> dict[str, Any]:
    match value:
        case bool():
            kind = "bool"
        case int():
            kind = "int"
        case float():
            kind = "float"
        case _:
            kind = "list"
    least = value if kind in ("int", "float") else 0
    return {"name": name, "kind": kind, "value": value, "least": min(0, least)}


def _axes(bound: Bound, shape: Shape) -> Iterator[dict[str, Any]]:
    """The axes of the grid; the name of an extent is that of its control, None of a constant."""
    for (label, extent), size in zip(bound.grid, shape.grid, strict=True):
        yield {"label": label, "extent": None if isinstance(extent, int) else extent, "value": size}


def _segments(bound: Bound, shape: Shape) -> Iterator[dict[str, Any]]:
    """The parts of the tokens in order; the grid, or all of a sequence, has no name."""
    fixed = {name for name, length in bound.segments if isinstance(length, int)}
    for name in bound.parts:
        yield {"name": name, "value": shape.segments.get(name, 0), "fixed": name in fixed}


def _inputs(
    bound: Bound, read: frozenset[str], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tensors that the mask reads, and its run-time numbers."""
    trial = Trial("view", LONGEST, LONGEST, heads=MOST_HEADS, kv_heads=MOST_HEADS)
    found = random_inputs(bound, trial, torch.Generator().manual_seed(1))
    found |= padded_sets(bound, given)
    wanted = {name: found[name] for name in bound.inputs if name in read}
    numbers = {n: x for n, x in wanted.items() if not bound.inputs[n].axes}
    tensors = {}
    for name in wanted.keys() - numbers.keys():
        x = torch.as_tensor(wanted[name])
        lists = bound.inputs[name].dtype == "set"
        if x.numel() > MOST_NUMBERS or x.dim() > 3 + lists:
            raise ViewError(f"input `{name}` has too many numbers for a page")
        tensors[name] = {"shape": list(x.shape), "values": x.flatten().tolist(), "lists": lists}
    return tensors, numbers


def tiling(bound: Bound, heads: int) -> dict[str, list[int]]:
    """Points of a tile along each axis, of queries and of keys, and how far apart they lie.

    `line` are the tokens of a tile of queries and of keys in a segment.
    """
    one_by_one = {"steps": [1] * len(bound.grid), "q": [1] * len(bound.grid), "line": [1, 1]}
    one_by_one["k"] = one_by_one["q"]
    if not bound.segments:
        return one_by_one | _tiles(bound, heads)
    places = [step.bound for step in steps_of(bound, heads, heads)]
    inside = next((_tiles(one, heads) for one in places if one.grid), {})
    beside = next((_tiles(one, heads) for one in places if not one.grid), None)
    line = {"line": [*beside["q"], *beside["k"]]} if beside else {}
    return one_by_one | inside | line


def _tiles(bound: Bound, heads: int) -> dict[str, list[int]]:
    """Those of a mask on a grid or on a line."""
    heads = heads if needs_heads(bound) else 0
    sizes, machine = Sizes(heads, heads), host_machine()
    if bound.grid:
        boxes = grid_tiles(bound, sizes, machine)
        return {"steps": [*boxes.steps], "q": [*boxes.queries], "k": [*boxes.keys]}
    (queries, keys), classes = chosen_tile(bound, sizes, machine)
    return {"steps": [classes.step if classes else 1], "q": [queries], "k": [keys]}
