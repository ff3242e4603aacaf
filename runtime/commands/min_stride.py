"""`attnc analyze --min-stride`: the least stride at which a neighbourhood needs no mask."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from attnc.dsl.diagnostics import listing
from attnc.dsl.loader import load
from attnc.dsl.program import Bound, Program
from attnc.runtime.commands import options as shared
from attnc.runtime.commands.output import console, facts, print_json, progress
from attnc.runtime.commands.report import YES, UsageError

if TYPE_CHECKING:
    from attnc.compiler.min_stride import MinStride

PREFIX = "stride"  # how parameters begin that are searched where none is named


def tile(text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """`8,16x1,128`: the box of queries, then that of keys; `128` stands for `128x128`.

    >>> tile("8,16x1,128"), tile("128")
    (((8, 16), (1, 128)), ((128,), (128,)))
    """
    queries, _, keys = text.partition("x")
    return shared.extents(queries), shared.extents(keys or queries)


def run(options: argparse.Namespace) -> int:
    """0, with the strides on stdout."""
    program = load(options.spec)
    given = shared.given(options)
    names = _names(program, options.min_stride)
    bound = program.bind(**dict.fromkeys(names, 1) | given)
    if not bound.grid:
        raise UsageError("--min-stride is of a grid: `grid x: X` makes one of a sequence")
    _, extents = shared.size(bound, options, 0)
    with progress("trying strides"):
        from attnc.compiler.min_stride import Strides

        queries, keys = options.tile or _own_tile(bound, options)
        if len(queries) != len(extents) or len(keys) != len(extents):
            raise UsageError(f"--tile has {len(extents)} numbers, one for each axis: 8,16x1,128")
        strides = Strides(program, given, extents, queries, keys, options.heads)
        found = [one for name in names for one in strides.least(name)]
    if options.json:
        print_json({"name": bound.name, "grid": extents, "min_strides": [*map(asdict, found)]})
    else:
        console().print(f"{bound.name}, a grid of {' x '.join(map(str, extents))}", style="bold")
        console().print(facts({one.parameter: said(one) for one in found}))
    return YES


def _names(program: Program, named: str) -> list[str]:
    """The parameters to search."""
    declared = [parameter.name for parameter in program.attention.parameters]
    if named and named not in declared:
        raise UsageError(f"{program.attention.name} has no parameter `{named}`")
    names = [named] if named else [name for name in declared if name.startswith(PREFIX)]
    if not names:
        known = f" among {listing(declared, 'and')}" if declared else ""
        raise UsageError(f"there is no parameter that begins with `{PREFIX}`{known}: name one")
    return names


def _own_tile(bound: Bound, options: argparse.Namespace) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The boxes of the CPU kernel."""
    from attnc.compiler.elaborate import Sizes
    from attnc.runtime.cpu.cpus import host_machine
    from attnc.runtime.cpu.lower import grid_tiles

    heads = options.heads or 0
    found = grid_tiles(bound, Sizes(heads, options.kv_heads or heads), host_machine())
    return found.queries, found.keys


def said(one: "MinStride") -> str:
    """A least stride in words."""
    queries, keys = one.tile
    where = f"along {one.axis}, tiles of {queries} x {keys}"
    if one.stride is None:
        return f"none up to {one.tried} needs no mask {where}"
    every = f"; so at every extent that {queries} and {keys} divide" if one.always else ""
    return f"{one.stride}: every tile visited is full {where}, extent {one.extent}{every}"
