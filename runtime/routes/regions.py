"""Sets of pairs of positions, asked about pairs of a chooser and a unit.

Interval arithmetic decides a set for all pairs of a chooser and a unit, or for most; near the
borders of the set the first and the last rows of both may; where neither does, all pairs of
positions are looked at. To find where is to wait if tensors lie on a GPU: there all are looked at.
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
from attnc.runtime.routes.waiting import free
from attnc.runtime.torch_functions import closed_function
from attnc.runtime.torch_helpers import tensor

ELEMENTS = 1 << 22  # pairs of positions that are looked at together
CORNERS = ("q_low", "q_high", "k_low", "k_high")


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
        if self.at.common.decides(self.condition, some):
            return possible if some else certain
        if not free(low):
            parts = self._all_pairs(certain.shape)
            return torch.cat([self._look(x, h, first, some) for x in parts]).view(certain.shape)
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
            unknown = torch.ones(shape, dtype=torch.bool)
            return unknown, ~unknown
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
        rows = at.rows_of(0, 1)
        i = torch.arange(rows.start, rows.stop)[:, None]
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
        return tensor(function(at.b, h, *values))

    def _at_ends(self, part: Tensor, h: int, first: int) -> Tensor:
        """Whether the first and last rows of choosers and units are in the set, bool [T, ends]."""
        of, chooser, unit = part.unbind(1)
        at = self.at
        queries = (at.first_query, at.last_query)[: len(at.query_steps)]
        keys = at.spans[: self.looked_at(*at.spans)]
        i = torch.stack([x[chooser + first] for x in queries], 1)
        j = torch.stack([x[of, unit] for x in keys], 1)
        positions = (i[:, :, None] + at.row.q_start, j[:, None] + at.row.k_start)
        holds = self._evaluate(self.condition, ("q", "k"), h, positions)
        return holds.expand(len(part), len(queries), len(keys)).flatten(1)

    def _parts(self, open_: Tensor) -> Iterator[Tensor]:
        """Pairs of a chooser and a unit of more rows, so many at a time as memory allows."""
        keys, queries = self.looked_at(*self.at.spans), len(self.at.query_steps)
        if max(keys, queries) <= 2 or not len(open_):  # the ends are all there is
            return iter(())
        return iter(torch.split(open_, self._step()))

    def _all_pairs(self, shape: torch.Size) -> Iterator[Tensor]:
        """All heads, choosers and units of a shape as rows [T, 3], so many at a time."""
        _, choosers, units = shape
        for place in torch.split(torch.arange(shape.numel()), self._step()):
            of, rest = place // (choosers * units), place % (choosers * units)
            yield torch.stack([of, rest // units, rest % units], 1)

    def _step(self) -> int:
        """Of how many pairs of a chooser and a unit the positions are looked at together."""
        keys = self.looked_at(*self.at.spans) if self.at.units else 0
        return max(1, ELEMENTS // max(keys * len(self.at.query_steps), 1))

    def looked_at(self, low: Tensor, high: Tensor) -> int:
        """How many keys of a unit to look at: one where all of them are in the same pairs.

        So it is inside of coarser units, `k div 128 in coarse[h, q]`, for smaller ones.
        """
        route = self.at.route
        if self._whole_units if route.label is None else self._same_labels:
            return 1
        if route.label is None:
            return route.size
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
