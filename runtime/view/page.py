"""The page: what a template, the facts and the printed pattern make together."""

import json
import os
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

from attnc.codegen.javascript.pattern import print_pattern
from attnc.compiler.proofs import proofs_of_stack
from attnc.dsl.comments import summary
from attnc.dsl.loader import load_any
from attnc.dsl.stack import BoundStack, StackProgram
from attnc.runtime.api import split_parameters
from attnc.runtime.commands.options import title
from attnc.runtime.view.facts import Shape, facts, shape_of

SCRIPTS = ("pairs.js", "controls.js", "page.js")


def view(
    spec: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    seq: int | None = None,
    grid: Sequence[int] | None = None,
    heads: int | None = None,
    **parameters: Any,
) -> Shape:
    """Write a page that draws the mask of a spec and redraws it as its parameters are moved.

    The page needs nothing else, no network in particular. It begins with `seq` tokens or the
    extents of `grid`, at most 1024 tokens. Inputs of the spec are keywords too, random where not
    given. Raises `AttnError`.
    """
    program = load_any(spec)
    if isinstance(program, StackProgram):
        return _view_stack(program.bind(**parameters), path, seq, grid, heads)
    bound, inputs = split_parameters(spec, parameters)
    shape = shape_of(bound, seq, grid, heads, inputs, bound.values)
    found = facts(bound, shape, inputs, title(bound), summary(bound.program.source.text))
    Path(path).write_text(page([found], [print_pattern(bound)], [0]), encoding="utf-8")
    return shape


def _view_stack(
    stack: BoundStack,
    path: str | os.PathLike[str],
    seq: int | None,
    grid: Sequence[int] | None,
    heads: int | None,
) -> Shape:
    """A page with a control for the layer; the proofs are those of the stack."""
    about = summary(stack.program.source.text)
    shapes = [shape_of(one, seq, grid, heads, {}, stack.values) for one in stack.distinct]
    counts = shapes[0].heads if any(shape.reads_heads for shape in shapes) else None
    proofs = [proof.to_dict() for proof in proofs_of_stack(stack, counts, counts)]
    found = []
    for bound, shape in zip(stack.distinct, shapes, strict=True):
        layers = [str(i) for i, layer in enumerate(stack.layers) if layer is bound]
        one = facts(bound, shape, {}, title(stack), about)
        found.append(one | {"layers": ", ".join(layers), "proofs": proofs + one["proofs"]})
    places = {id(bound): place for place, bound in enumerate(stack.distinct)}
    patterns = [print_pattern(bound) for bound in stack.distinct]
    html = page(found, patterns, [places[id(bound)] for bound in stack.layers])
    Path(path).write_text(html, encoding="utf-8")
    return shapes[0]


def page(found: Sequence[dict[str, Any]], patterns: Sequence[str], layers: Sequence[int]) -> str:
    """The HTML text: facts and pattern of each page, and which of them each layer has."""
    parts = [
        f"{{ facts: {embedded(one)}, attends: (() => {{\n{pattern}return attends;\n}})() }}"
        for one, pattern in zip(found, patterns, strict=True)
    ]
    return Template(text("page.html")).substitute(
        title=escape(found[0]["title"]),
        style=text("page.css"),
        pages=",\n".join(parts),
        layers=embedded(layers),
        script="\n".join(map(text, SCRIPTS)),
    )


def embedded(data: Any) -> str:
    """Data as a JavaScript literal that cannot end the script it stands in."""
    return json.dumps(data, default=str, allow_nan=False).replace("<", "\\u003c")


def text(name: str) -> str:
    """A file of this folder."""
    return resources.files("attnc.runtime.view").joinpath(name).read_text("utf-8")
