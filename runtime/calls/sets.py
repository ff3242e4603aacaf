"""The lists of run-time sets: the two forms in which a caller may give them, and their checks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attnc.dsl import syntax as ast
from attnc.dsl.complexity import nodes
from attnc.dsl.errors import DtypeMismatch, InvalidValue, MissingInput, ShapeMismatch
from attnc.dsl.program import Bound

INTEGERS = (torch.int32, torch.int64)
NONE = -1


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of marks below `width`: entries `start` to `end` of `entries`, all int32.

    `start` and `end` are [B or 1, axes...].
    """

    start: Tensor
    end: Tensor
    entries: Tensor
    width: int

    def inverse(self, values: int) -> "Lists":
        """Of each value, the lists (their place on the last axis) that hold it, ascending."""
        *outer, lists = self.start.shape
        lengths = (self.end - self.start).flatten().long()
        of = torch.repeat_interleave(torch.arange(lengths.numel()), lengths)
        first = torch.cumsum(lengths, 0) - lengths
        within = torch.arange(of.numel()) - first[of]
        marks = self.entries[self.start.flatten().long()[of] + within].long()
        kept = (marks >= 0) & (marks < values)
        of, marks = of[kept], marks[kept]
        key = of // lists * values + marks
        order = torch.argsort(key, stable=True)
        cells = self.start.numel() // max(lists, 1) * values
        ends = torch.bincount(key, minlength=cells).cumsum(0).int()
        shape = (*outer, values)
        starts = torch.cat([ends.new_zeros(1), ends[:-1]]) if cells else ends
        return Lists(starts.view(shape), ends.view(shape), (of[order] % max(lists, 1)).int(), lists)


def padded_sets(bound: Bound, given: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of a call, every set as integers [axes..., n] with negative entries for none.

    A set of one axis may be given as `(indptr, indices)`, as SciPy's CSR matrices have them.
    """
    return {
        name: _padded(name, x)
        if isinstance(x, tuple | list)
        and name in bound.inputs
        and bound.inputs[name].dtype == "set"
        else x
        for name, x in given.items()
    }


def _padded(name: str, pair: Any) -> Tensor:
    if len(pair) != 2:
        raise DtypeMismatch(name, "a tensor, or a pair (indptr, indices)", f"{len(pair)} things")
    indptr, indices = (torch.as_tensor(x) for x in pair)
    for x in (indptr, indices):
        if x.dim() != 1:
            raise ShapeMismatch(
                name, "indptr [L + 1] and indices, of one axis each", tuple(x.shape)
            )
        if x.dtype not in INTEGERS:
            raise DtypeMismatch(name, "int32 or int64", str(x.dtype))
    lengths = indptr.diff()
    whole = indptr.numel() and int(indptr[0]) == 0 and int(indptr[-1]) == indices.numel()
    if not whole or bool((lengths < 0).any()):
        expected = f"an indptr that rises from 0 to the {indices.numel()} indices"
        raise InvalidValue(name, expected, str(indptr[:8].tolist()))
    longest = int(lengths.max()) if lengths.numel() else 0
    found = torch.full((lengths.numel(), longest), NONE, dtype=indices.dtype)
    found[torch.arange(longest) < lengths[:, None]] = indices
    return found


def sets_of_sequence(bound: Bound, given: Mapping[str, Any], index: int) -> dict[str, Any]:
    """The inputs of one sequence of a packed call: sets may have lists of each sequence."""
    found = dict(given)
    for name, declared in bound.inputs.items():
        x = found.get(name)
        if isinstance(x, Tensor) and by_sequence(declared) and x.dim() == len(declared.axes) + 2:
            found[name] = x[index : index + 1] if x.shape[0] > 1 else x
    return found


def by_sequence(declared: ast.Input) -> bool:
    """Whether packed sequences may have lists of their own: queries tell theirs apart already."""
    return declared.dtype == "set" and not {"b", "q"} & {*declared.axes}


def check_sets(
    bound: Bound, given: Mapping[str, Any], q: Tensor, k: Tensor, sequences: int
) -> None:
    """Check the sets of a call as far as what the spec writes about them says."""
    padded = padded_sets(bound, given)
    for name, declared in bound.inputs.items():
        if declared.dtype == "set":
            by_query = any(
                isinstance(node, ast.Member) and node.base == name and ast.Name("q") in node.indices
                for node in (nodes(bound.mask) if bound.mask else ())
            )
            checked_set(
                declared, padded.get(name), q, k, q.shape[2] if by_query else None, sequences
            )


def checked_set(
    declared: ast.Input, x: Any, q: Tensor, k: Tensor, lists: int | None, sequences: int
) -> Tensor:
    """Lists [B or 1, axes..., n] of integers; `lists` are those of the axis `q`, if it is known.

    Of a packed call also [S, axes..., n], where the set has no axis `q`. Raises `MissingInput`,
    `DtypeMismatch` or `ShapeMismatch`.
    """
    name, axes = declared.name, declared.axes
    if x is None:
        raise MissingInput(name)
    if not isinstance(x, Tensor):
        raise DtypeMismatch(name, "an integer tensor or (indptr, indices)", type(x).__name__)
    if x.dtype not in INTEGERS:
        raise DtypeMismatch(name, "int32 or int64", str(x.dtype))
    if x.device != q.device:
        raise DtypeMismatch(name, f"device {q.device}, as q has", f"on {x.device}")
    sizes = {"b": q.shape[0], "h": q.shape[1], "hkv": k.shape[1], "q": lists}
    expected = [sizes[axis] for axis in axes]
    own_batch = axes[:1] == ("b",)
    leading = sequences if by_sequence(declared) else q.shape[0]
    shapes = [expected] if own_batch else [expected, [leading, *expected]]
    if not any(_fits(x.shape[:-1], shape) for shape in shapes):
        parts = [a if n is None else f"{a} = {n}" for a, n in zip(axes, expected, strict=True)]
        more = "" if own_batch else f", or with a leading batch axis of {leading}"
        raise ShapeMismatch(name, f"[{', '.join([*parts, 'entries'])}]{more}", tuple(x.shape))
    if own_batch:
        return x.unsqueeze(1)
    return x.unsqueeze(0) if x.dim() == len(axes) + 1 else x


def _fits(found: torch.Size, wanted: list[int | None]) -> bool:
    return len(found) == len(wanted) and all(
        size in (None, n) for n, size in zip(found, wanted, strict=True)
    )
