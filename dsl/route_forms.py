"""What can stand in a route: the forms of each clause and the arguments that they take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from attnc.dsl import syntax as ast

Argument = Literal["size", "number", "share", "label", "vector", "values", "branch"]


@dataclass(frozen=True, slots=True)
class Form:
    """The parameters of a form, in order, those with a default last; and how it is written.

    `named` are the axes of a grid, one of which must be given if `boxes`; names are written out.
    """

    example: str
    required: Mapping[str, Argument]
    optional: Mapping[str, Argument]
    named: tuple[str, ...] = ()
    boxes: bool = False

    def given(self, clause: ast.RouteClause) -> dict[str, ast.Expr] | None:
        """The arguments by name; None where they do not fit."""
        names = (*self.required, *self.optional)
        found = dict(zip(names, clause.arguments, strict=False))
        repeated = any(name in found or name not in names for name, _ in clause.keywords)
        if repeated or len(clause.arguments) > len(names):
            return None
        found |= dict(clause.keywords)
        missing = set(self.required) - set(found) or (self.boxes and not set(self.named) & {*found})
        return None if missing or (self.named and clause.arguments) else found

    def kind(self, name: str) -> Argument:
        """What an argument must be."""
        return {**self.required, **self.optional}[name]


def _form(example: str, required: str = "", optional: str = "") -> Form:
    """`_form("blocks(64)", "size", "stride:size")`: a name is its kind unless one is written."""

    def parsed(text: str) -> dict[str, Argument]:
        pairs = (word.partition(":") for word in text.split())
        return {name: kind or name for name, _, kind in pairs}  # type: ignore[misc]

    return Form(example, parsed(required), parsed(optional))


BRANCH: Final = "branch"
_POOLED = ("mean", "max", "minmax", "first", "last", "mean_sqrt")

FORMS: Final[Mapping[str, Mapping[str, Form]]] = {
    "keys": {
        "token": _form("token"),
        "blocks": _form("blocks(64)", "size", "stride:size"),
        "cluster": _form("cluster(label)", "label"),
        "diagonals": _form("diagonals"),
    },
    "queries": {
        "token": _form("token", "", "by:vector"),
        "blocks": _form("blocks(64)", "size", "by:vector"),
        "group": _form("group", "", "size by:vector"),
        "head": _form("head", "", "by:vector"),
        "call": _form("call", "", "by:vector"),
        "last": _form("last(64)", "size", "by:vector"),
    },
    "summary": {
        **{name: _form(name, "", "of:values") for name in _POOLED},
        "probability": _form("probability"),
        BRANCH: _form("branch(compressed)", "name:branch"),
    },
    "choose": {
        "top": _form("top(16)", "n:number"),
        "bottom": _form("bottom(16)", "n:number"),
        "top_p": _form("top_p(0.9)", "p:share"),
        "above": _form("above(0.01)", "t:share"),
    },
}
"""The forms of each clause. `summary NAME` may also be an input by itself."""


def form_of(clause: ast.RouteClause, axes: Sequence[str]) -> Form | None:
    """The form of a clause, on a grid of these axes if there are any; None for one of no form.

    There blocks are boxes, `blocks(y = 8, x = 8)`; they take in an axis that is not named whole.
    """
    form = FORMS[clause.kind].get(clause.form)
    if form is None or not axes or "size" not in {**form.required, **form.optional}:
        return form
    if clause.form == "last":
        return form
    rest = {name: kind for name, kind in form.optional.items() if kind != "size"}
    example = f"{clause.form}({axes[-1]} = 8)"
    sizes: dict[str, Argument] = dict.fromkeys(axes, "size")
    return replace(
        form,
        example=example,
        required={},
        optional={**sizes, **rest},
        named=tuple(axes),
        boxes=clause.form == "blocks",
    )


DEFAULTS: Final = {
    "queries": ast.RouteClause("queries", "token"),
    "summary": ast.RouteClause("summary", "mean"),
}
NEEDED: Final = {
    "keys": ("what is chosen", "keys blocks(64)"),
    "choose": ("how many are chosen", "choose top(16)"),
}
