"""Which units may be chosen: those that lie in `within`, and not all of them in `keep`.

A set is a formula of positions. Interval arithmetic decides it for most pairs of a chooser and a
unit, near the borders of the set the first and the last rows of both do; where neither does, all
pairs of positions are looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from attnc.compiler import fold
from attnc.compiler.inline import pairs_condition
from attnc.compiler.intervals import bound as verdict_of
from attnc.dsl import syntax as ast
from attnc.dsl.program import Bound
from attnc.runtime.routes.frame import Frame
from attnc.runtime.torch_functions import closed_function

ELEMENTS = 1 << 22  # pairs of positions that are looked at together
CORNERS = ("q_low", "q_high", "k_low", "k_high")


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of a route in one sequence, a range of choosers at a time."""

    at: Frame
    within: "Region | None"
    keep: "Region | None"

    def of(self, first: int, last: int) -> Tensor:
        """Bool [H or 1, last - first, U] of the choosers from `first` to before `last`."""
        at = self.at
        found = torch.ones(1, last - first, at.units, dtype=torch.bool)
        if at.route.units != "diagonals":
            low, high = at.spans
            found = (low <= high)[:, None].expand(-1, last - first, -1)
        if self.within is not None:
            found = found & self.within.holds(first, last, some=at.route.any)
        if self.keep is not None:
            found = found & ~self.keep.holds(first, last, some=False)
        together = at.heads // at.own_heads
        if found.shape[0] == 1 or together == 1:
            return found
        parts = found.reshape(at.own_heads, together, *found.shape[1:])
        return parts.any(1) if at.route.any else parts.all(1)

    def alike(self) -> tuple[Tensor, Tensor] | None:
        """Candidates of choosers that begin in the same block, where bounds alone decide them.

        Bool [G, U] of groups of consecutive choosers, and the number of choosers of each.
        """
        at = self.at
        if at.route.units != "blocks" or not at.count:
            return None
        block = (at.first_query + at.row.q_start).div(at.route.stride, rounding_mode="floor")
        counts = torch.bincount(block - block[0])
        counts = counts[counts > 0]
        ends = counts.cumsum(0)
        rows = (at.first_query[ends - counts], at.last_query[ends - 1])
        low, high = at.spans
        if len(low) > 1:
            return None
        sure = maybe = (low <= high).expand(len(counts), -1)
        for region, wanted in ((self.within, True), (self.keep, False)):
            found = region.bounds(*rows) if region is not None else None
            if region is not None and found is None:
                return None
            if found is not None:
                possible, certain = found if wanted else (~found[1], ~found[0])
                sure, maybe = sure & certain, maybe & possible
        return (sure, counts) if torch.equal(sure, maybe) else None


def candidates(at: Frame) -> Candidates:
    """The candidates of a route."""
    route = at.route
    within = region(at, "within") if route.within else None
    return Candidates(at, within, region(at, "keep") if route.keep else None)


def region(at: Frame, part: str) -> "Region":
    """`within` or `keep` of a route."""
    bound = at.bound
    bound = Bound(bound.program, {**bound.values, **at.route.prefixed})
    return Region(at, pairs_condition(at.route.call(part), bound, at.heads, at.kv_heads))


@dataclass(frozen=True)
class Region:
    """A set of pairs, asked about pairs of a chooser and a unit."""

    at: Frame
    condition: ast.Expr

    def holds(self, first: int, last: int, some: bool) -> Tensor:
        """Bool [H or 1, choosers, U]: whether all pairs (or some pair) of positions are in it."""
        found = [self._of_head(h, first, last, some) for h in self._heads()]
        if len(found[0]) > 1 and len(found) > 1:  # units of each head, asked in that head
            return torch.stack([one[h] for h, one in enumerate(found)])
        return torch.cat(found)

    def pairs(self, i: Tensor) -> Tensor:
        """Bool [H or 1, rows, Nk]: the keys of some queries, whose rows are `i` [rows, 1]."""
        row = self.at.row
        positions = (i + row.q_start, torch.arange(row.k_len) + row.k_start)
        shape = (len(i), row.k_len)
        found = (
            self._evaluate(self.condition, ("q", "k"), h, positions).expand(shape)
            for h in self._heads()
        )
        return torch.stack(list(found))

    def _heads(self) -> range:
        """The heads that differ."""
        return range(self.at.heads if "h" in fold.names(self.condition) else 1)

    def _of_head(self, h: int, first: int, last: int, some: bool) -> Tensor:
        if self.at.route.units == "diagonals":
            return self._of_diagonals(h, some)
        low, high = self.at.spans
        rows = self.at.first_query[first:last], self.at.last_query[first:last]
        possible, certain = self._verdicts(h, *rows, self._coordinates(first, last))
        found = certain.clone()
        open_ = (possible & ~certain & (low <= high)[:, None]).nonzero()
        for part in torch.split(open_, ELEMENTS // 4) if len(open_) else ():
            ends = self._at_ends(part, h, first)
            found[tuple(part.T)] = holds = ends.any(1) if some else ends.all(1)
            for rest in self._parts(part[holds != some]):
                found[tuple(rest.T)] = self._look(rest, h, first, some)
        return found

    def bounds(self, first: Tensor, last: Tensor) -> tuple[Tensor, Tensor] | None:
        """Whether any pair and whether every pair of query rows and a unit is in it, bool [G, U].

        The rows are from `first` to `last` [G]; bounds of positions tell, and the truth may be
        narrower. None where heads differ.
        """
        if len(self._heads()) > 1 or self.at.spans[0].shape[0] > 1:
            return None
        possible, certain = self._verdicts(0, first, last, {})
        return possible[0], certain[0]

    def _coordinates(self, first: int, last: int) -> dict[str, Tensor]:
        """On a grid, the ends of a range of choosers and of all units along each axis."""
        found: dict[str, Tensor] = {}
        for label, (queries, keys) in self._ends.items():
            for end, q, k in zip(("low", "high"), queries, keys, strict=True):
                found[f"q.{label}_{end}"] = q[first:last, None]
                found[f"k.{label}_{end}"] = k[:, None]
        return found

    @cached_property
    def _ends(self) -> dict[str, tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]]:
        """Of each axis of the grid, the ends of choosers and of units."""
        at = self.at
        labels = [label for label, _ in at.bound.grid]
        return {label: (at.query_ends(i), at.unit_ends(i)) for i, label in enumerate(labels)}

    def _verdicts(
        self, h: int, first: Tensor, last: Tensor, coordinates: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """The same of a head and of the units of each, bool [H or 1, G, U]."""
        at, verdict = self.at, verdict_of(self.condition)
        low, high = at.spans
        shape = (low.shape[0], len(first), at.units)
        rows = (
            first[:, None] + at.row.q_start,
            last[:, None] + at.row.q_start,
            low[:, None] + at.row.k_start,
            high[:, None] + at.row.k_start,
        )
        ends = {**dict(zip(CORNERS, rows, strict=True)), **coordinates}
        if not (_known(verdict.possible, ends) and _known(verdict.certain, ends)):
            return torch.ones(shape, dtype=torch.bool), torch.zeros(shape, dtype=torch.bool)
        flat = {name: ast.Name(name.replace(".", "_")) for name in coordinates}
        names = tuple(name.replace(".", "_") for name in ends)
        possible, certain = (
            self._evaluate(fold.substitute(x, flat), names, h, tuple(ends.values())).expand(shape)
            for x in (verdict.possible, verdict.certain)
        )
        return possible, certain

    def _of_diagonals(self, h: int, some: bool) -> Tensor:
        """The same of distances, for the one chooser of a head: bool [1, 1, U]."""
        at, row = self.at, self.at.row
        i = torch.arange(int(at.first_query[0]), int(at.last_query[0]) + 1)[:, None]
        found = []
        for far in torch.split(torch.arange(at.units), max(1, ELEMENTS // max(len(i), 1))):
            j = i + row.q_start - far - row.k_start
            inside = (j >= 0) & (j < row.k_len)
            positions = (i + row.q_start, j.clamp(0, row.k_len - 1) + row.k_start)
            holds = self._evaluate(self.condition, ("q", "k"), h, positions).expand(inside.shape)
            every = (holds | ~inside).all(0) & inside.any(0)
            found.append((holds & inside).any(0) if some else every)
        return torch.cat(found)[None, None] if found else torch.zeros(1, 1, 0, dtype=torch.bool)

    def _evaluate(
        self, expr: ast.Expr, names: tuple[str, ...], h: int, values: tuple[Tensor, ...]
    ) -> Tensor:
        at = self.at
        function = closed_function(at.bound, at.row, at.heads, at.inputs, expr, names, at.grid)
        return torch.as_tensor(function(torch.tensor(at.b), torch.tensor(h), *values))

    def _at_ends(self, part: Tensor, h: int, first: int) -> Tensor:
        """Whether the first and last rows of choosers and of units are in the set, bool [T, 4]."""
        of, chooser, unit = part.unbind(1)
        at = self.at
        i = torch.stack([x[chooser + first] for x in (at.first_query, at.last_query)], 1)
        j = torch.stack([x[of, unit] for x in at.spans], 1)
        positions = (i[:, :, None] + at.row.q_start, j[:, None] + at.row.k_start)
        holds = self._evaluate(self.condition, ("q", "k"), h, positions)
        return holds.expand(len(part), 2, 2).flatten(1)

    def _parts(self, open_: Tensor) -> Iterator[Tensor]:
        """Pairs of a chooser and a unit of more rows, so many at a time as memory allows."""
        keys, queries = self.looked_at(*self.at.spans), len(self.at.query_steps)
        if max(keys, queries) <= 2 or not len(open_):  # the ends are all there is
            return iter(())
        return iter(torch.split(open_, max(1, ELEMENTS // (keys * queries))))

    def looked_at(self, low: Tensor, high: Tensor) -> int:
        """How many keys of a unit to look at: one where all of them are in the same pairs.

        So it is inside of coarser units, `k div 128 in coarse[h, q]`, for smaller ones.
        """
        route = self.at.route
        if self._whole_units if route.label is None else self._same_labels:
            return 1
        return len(self.at.unit_steps) if route.box else int((high - low).max()) + 1

    @property
    def _whole_units(self) -> bool:
        """Whether the set asks of keys in which coarser blocks they are, and nothing else."""
        route, nodes = self.at.route, list(fold.walk(self.condition))
        wholes = [
            node.right.value % route.size == 0
            for node in nodes
            if isinstance(node, ast.Binary)
            and (node.op, node.left) == ("div", ast.Name("k"))
            and isinstance(node.right, ast.Int)
        ]
        aligned = route.units == "blocks" and route.size == route.stride
        return aligned and all(wholes) and len(wholes) == _reads_of_keys(nodes)

    @cached_property
    def _same_labels(self) -> bool:
        """Whether the set asks of keys for numbers that all keys of a unit share."""
        nodes = list(fold.walk(self.condition))
        read = [n for n in nodes if isinstance(n, ast.Index) and ast.Name("k") in n.indices]
        tokens = all("token" in self.at.axes(node.base) for node in read)
        alone = len(read) == _reads_of_keys(nodes)
        return tokens and alone and all(self.at.alike(node.base) for node in read)

    def _look(self, part: Tensor, h: int, first: int, some: bool) -> Tensor:
        """Whether all pairs (some pair) of positions are in the set; `part` [T, 3]."""
        at = self.at
        of, chooser, unit = part.unbind(1)
        low, high = (x[of, unit] for x in at.spans)
        i = at.first_query[chooser + first][:, None] + at.query_steps
        j = low[:, None] + at.unit_steps[: self.looked_at(*at.spans)]
        asked, keys = i <= at.last_query[chooser + first][:, None], j <= high[:, None]
        i, j = i.clamp_max(at.row.q_len - 1), j.clamp_max(at.row.k_len - 1)
        if at.route.query_box:
            asked = asked & (at.chooser[i] == chooser[:, None] + first)
        if at.route.label is not None:
            labels = at.labels.expand(at.spans[0].shape[0], -1)
            keys = keys & (labels[of[:, None], j] == unit[:, None])
        inside = asked[:, :, None] & keys[:, None]
        positions = (i[:, :, None] + at.row.q_start, j[:, None] + at.row.k_start)
        holds = self._evaluate(self.condition, ("q", "k"), h, positions).expand(inside.shape)
        return (holds & inside).flatten(1).any(1) if some else (holds | ~inside).flatten(1).all(1)


def _known(expr: ast.Expr, ends: Mapping[str, Tensor]) -> bool:
    """Whether an expression reads no more of a pair than these bounds of positions."""
    names = [n for n in fold.names(expr) if "." in n or n.endswith(CORNERS)]
    tensors = (isinstance(node, ast.Index | ast.Member) for node in fold.walk(expr))
    return all(n in ends or n.startswith("len.") for n in names) and not any(tensors)


def _reads_of_keys(nodes: Sequence[ast.Expr]) -> int:
    """How often the key is read."""
    return sum(isinstance(n, ast.Name) and n.id.partition(".")[0] == "k" for n in nodes)
