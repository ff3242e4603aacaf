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
from attnc.dsl.comments import summary
from attnc.runtime.api import split_parameters
from attnc.runtime.commands.options import title
from attnc.runtime.view.facts import Shape, facts, shape_of

SCRIPTS = ("pairs.js", "page.js")


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
    bound, inputs = split_parameters(spec, parameters)
    shape = shape_of(bound, seq, grid, heads)
    found = facts(bound, shape, inputs, title(bound), summary(bound.program.source.text))
    Path(path).write_text(page(found, print_pattern(bound)), encoding="utf-8")
    return shape


def page(found: dict[str, Any], pattern: str) -> str:
    """The HTML text."""
    return Template(text("page.html")).substitute(
        title=escape(found["title"]),
        style=text("page.css"),
        facts=embedded(found),
        pattern=pattern,
        script="\n".join(map(text, SCRIPTS)),
    )


def embedded(data: Any) -> str:
    """Data as a JavaScript literal that cannot end the script it stands in."""
    return json.dumps(data, default=str, allow_nan=False).replace("<", "\\u003c")


def text(name: str) -> str:
    """A file of this folder."""
    return resources.files("attnc.runtime.view").joinpath(name).read_text("utf-8")
