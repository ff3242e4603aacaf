"""A mask and the tiles that a kernel skips, tests or takes whole, to be drawn as a picture."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from attnc.compiler.elaborate import Sizes
from attnc.compiler.relation import OPERATIONS, Relation, of_bound
from attnc.compiler.sets import guard
from attnc.compiler.tiles import tile_map
from attnc.runtime.api import split_parameters
from attnc.runtime.cpu.cpus import host_machine
from attnc.runtime.cpu.lower import chosen_tile
from attnc.runtime.oracle import mask
from attnc.runtime.pictures.neighbourhood import PlotError
from attnc.runtime.pictures.palette import EMPTY, FULL, PARTIAL
from attnc.runtime.pictures.picture import Panel, Picture, draw
from attnc.runtime.trials import Trial, random_inputs

LONGEST = 1024  # a picture shows single pairs
PANELS = 4  # heads shown side by side
MOST_TILES = 1 << 14


def plot(
    spec: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    seq: int = 256,
    heads: int | None = None,
    head: int | None = None,
    tile: tuple[int, int] | None = None,
    **parameters: Any,
) -> Picture:
    """Draw the mask of a spec at a length (at most 1024) into a PNG, SVG or PDF file.

    `tile`, rows and keys, is by default what the compiler chooses for this machine. Where the mask
    depends on the head, `heads` is needed; the first four are drawn, or only `head`. Inputs of the
    spec are keywords too, random where not given. Raises `AttnError`.
    """
    if not 1 <= seq <= LONGEST:
        raise PlotError(f"a picture has 1 to {LONGEST} tokens, not {seq}")
    bound, inputs = split_parameters(spec, parameters)
    generator = torch.Generator().manual_seed(1)
    trial = Trial("plot", seq, seq, heads=heads or 1, kv_heads=heads or 1)
    inputs = random_inputs(bound, trial, generator) | inputs
    given: dict[str, Any] = {**bound.values, **inputs}
    tile = tile or chosen_tile(bound, Sizes(heads or 0, heads or 0), host_machine())[0]
    pairs = mask(spec, seq=seq, heads=heads, kv_heads=heads, **given)
    pairs = pairs[0] if pairs.dim() == 4 else pairs
    relation = of_bound(bound, heads, heads)
    shown = _heads(relation, head)
    kinds = {h: classes(relation, h, tile, seq, inputs) for h in shown}
    panels = tuple(Panel(h, pairs[h or 0].numpy(), kinds[h]) for h in shown)
    picture = Picture(bound, tile, panels)
    draw(picture, Path(path))
    return picture


def _heads(relation: Relation, head: int | None) -> list[int | None]:
    """The heads to draw; None where they are all alike."""
    if not relation.uses_head:
        return [None]
    known = relation.heads or 0
    if head is not None and head >= known:
        raise PlotError(f"there is no head {head} among {known}")
    return [head] if head is not None else list(range(min(known, PANELS)))


def classes(
    relation: Relation, head: int | None, tile: tuple[int, int], seq: int, inputs: Mapping[str, Any]
) -> NDArray[np.int8]:
    """The class of each tile, [Tq, Tk], as the compiler decides it: for any values of tensors."""
    rows, columns = (-(-seq // size) for size in tile)
    if rows * columns > MOST_TILES:
        raise PlotError(f"{rows} x {columns} tiles are too many for a picture")
    values = {"q_start": 0, "k_start": 0, "q_len": seq, "k_len": seq, "b": 0}
    values |= {name: int(inputs[name]) for name in relation.runtime}
    values |= {"h": head} if head is not None else {}
    sets = (relation.upper, relation.existing - relation.lower)
    mapping = tile_map(relation, *tile)
    names = (*relation.outer, "t", "c")
    with guard(OPERATIONS):
        live, broken = (s.apply(mapping, *names).fix(**values) for s in sets)
    found = np.full((rows, columns), EMPTY, dtype=np.int8)
    for t in range(rows):
        visited, tested = live.fix(t=t), broken.fix(t=t)
        for c in range(columns):
            if not visited.fix(c=c).is_empty():
                found[t, c] = FULL if tested.fix(c=c).is_empty() else PARTIAL
    return found
