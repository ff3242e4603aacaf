"""Units scored by a branch: the probabilities of its keys, spread over the positions of each."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from attnc.compiler.fold import names, walk
from attnc.compiler.inline import mask_condition, score_expression
from attnc.compiler.intervals import bound as verdict_of
from attnc.dsl import syntax as ast
from attnc.dsl.branch import Part, Pool, scoring
from attnc.runtime.calls.row import Row
from attnc.runtime.composed.pool import windows
from attnc.runtime.routes.frame import Frame
from attnc.runtime.routes.regions import CORNERS
from attnc.runtime.torch_functions import closed_function
from attnc.runtime.torch_helpers import tensor

ELEMENTS = 1 << 22  # probabilities that exist at a time


@dataclass(frozen=True)
class Masses:
    """What the queries of each chooser give to units in a branch, added up.

    `keys` [Hkv or H, J, D] are those of the branch, `row` says where they lie. The positions of a
    key, those of a window of `pool`, get equal parts of its probability.
    """

    at: Frame
    part: Part
    pool: Pool
    keys: Tensor
    row: Row

    def of(self, first: int, last: int) -> Tensor:
        """[H, last - first, U]."""
        at, rows = self.at, self.at.rows_of(first, last)
        found = self.keys.new_zeros(at.heads, last - first, at.units)
        widest = at.row.k_len if at.route.label is not None else max(len(self.keys[0]), at.units)
        step = max(1, ELEMENTS // (at.heads * max(widest, 1)))
        for low in range(rows.start, rows.stop, step):
            high = min(low + step, rows.stop)
            begin, end = at.chooser_of(low), at.chooser_of(high - 1) + 1
            given = self._of_units(self._probabilities(low, high))
            found[:, begin - first : end - first] += self._of_choosers(given, low, begin, end)
        return found

    def _of_choosers(self, given: Tensor, low: int, begin: int, end: int) -> Tensor:
        """What queries from `low` on give, [H, r, U], added up by chooser, always in one order."""
        if end - begin == given.shape[1]:
            return given
        if end - begin == 1:
            return given.sum(1, keepdim=True)
        at = self.at
        own = torch.arange(low, low + given.shape[1])
        first, last = (x[begin:end, None] for x in (at.first_query, at.last_query))
        return ((first <= own) & (own <= last)).to(given.dtype) @ given

    def _reached(self, condition: ast.Expr, low: int, high: int) -> int:
        """How many keys of the branch a range of queries may see, by bounds of positions."""
        at, row = self.at, self.row
        possible = verdict_of(condition).possible
        if any(isinstance(node, ast.Index | ast.Member) for node in walk(condition)):
            return row.k_len
        if not names(possible) <= {*CORNERS, "h", "len", "qlen"}:
            return row.k_len
        inputs: dict[str, Any] = {}
        function = closed_function(self.part.bound, row, at.heads, inputs, possible, CORNERS)
        q, end = (low + row.q_start, high - 1 + row.q_start), row.k_start + row.k_len - 1
        heads = range(at.heads if "h" in names(possible) else 1)

        def unseen(key: int) -> bool:
            return not any(function(at.b, h, *q, key + row.k_start, end) for h in heads)

        return bisect_left(range(row.k_len), True, key=unseen)

    def _probabilities(self, low: int, high: int) -> Tensor:
        """Those of a range of queries, [H, high - low, J'], up to the last key that any sees."""
        at, bound, row = self.at, self.part.bound, self.row
        condition = mask_condition(bound, at.heads, at.kv_heads)
        count = self._reached(condition, low, high)
        q = torch.arange(low, high)[:, None] + row.q_start
        k = torch.arange(count) + row.k_start
        h = torch.arange(at.heads)[:, None, None]
        function = closed_function(bound, row, at.heads, at.inputs, condition, ("q", "k"))
        pairs = function(at.b, h, q, k) & torch.ones(len(q), len(k), dtype=torch.bool)
        asked = at.q[:, low:high].reshape(len(self.keys), -1, at.q.shape[2]) * at.scale
        scores = (asked @ self.keys[:, :count].transpose(1, 2)).view(at.heads, high - low, count)
        formula = score_expression(bound, at.heads, at.kv_heads)
        if formula is not None:
            known = ("q", "k", "s")
            function = closed_function(bound, row, at.heads, at.inputs, formula, known)
            found = tensor(function(at.b, h, q, k, scores))
            scores = found.to(scores.dtype).expand_as(scores)
        scores = scores.masked_fill(~pairs, -torch.inf)
        return torch.softmax(scores, -1).masked_fill_(~pairs.any(-1, keepdim=True), 0.0)

    def _of_units(self, weights: Tensor) -> Tensor:
        """[H, r, J'] to [H, r, U]."""
        heads, rows, count = weights.shape
        found = weights.new_zeros(heads, rows, self.at.units)
        if self.at.route.label is not None:
            return found.scatter_add_(2, *self._of_labels(weights)) if count else found
        for places, shares in self._overlaps if count else ():
            inside = places < count
            own = weights[..., places.clamp_max(count - 1)]
            found += own.masked_fill_(~inside, 0.0) * shares
        return found

    @cached_property
    def _overlaps(self) -> list[tuple[Tensor, Tensor]]:
        """The first key that overlaps each unit, then the second and so on.

        Of each its place [U], and the share of its positions that lie in the unit [U].
        """
        route, pool, start = self.at.route, self.pool, self.row.k_start
        low = torch.arange(self.at.units) * route.stride
        first = torch.div(low - pool.size, pool.stride, rounding_mode="floor") + 1
        found = []
        for nth in range((route.size + pool.size - 2) // pool.stride + 1):
            key = first + nth
            begin = torch.maximum(key * pool.stride, low)
            end = torch.minimum(key * pool.stride + pool.size, low + route.size)
            shares = (end - begin).clamp_min(0) / pool.size
            known = key >= start
            places = torch.where(known, key - start, 0)
            found.append((places, torch.where(known, shares, 0.0).to(self.keys.dtype)))
        return found

    def _of_labels(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """The unit and the mass of every key of the sequence, [H, r, Nk] each."""
        at, pool, count = self.at, self.pool, weights.shape[2]
        masses = weights.new_zeros(*weights.shape[:2], at.row.k_len)
        first = self.row.k_start * pool.stride - at.row.k_start
        for row in range(first, first + pool.size):  # the first, then the second of each window ...
            skipped = max(0, -(row // pool.stride))
            places = masses[..., row + skipped * pool.stride :: pool.stride]
            shared = min(places.shape[2], max(count - skipped, 0))
            places[..., :shared] += weights[..., skipped : skipped + shared] / pool.size
        labels = at.labels.expand(at.heads, -1)[:, None].expand_as(masses)
        return labels.clamp_min(0), masses.masked_fill_(labels < 0, 0.0)


def masses(at: Frame) -> Masses:
    """The scores of a route that are the probabilities of a branch."""
    part, row = scoring(at.bound, at.route), at.row
    if part.pool is None:
        return Masses(at, part, Pool("mean", 1, 1), at.k, row)
    if part.pool.kind == "memory":
        keys = at.tensor(part.pool.keys)
        return Masses(at, part, part.pool, keys, row._replace(k_start=0, k_len=keys.shape[1]))
    found = windows(part.pool, row.k_len, row.k_start)
    keys = found.pooled(at.k, 1).contiguous()
    return Masses(at, part, part.pool, keys, row._replace(k_start=found.first, k_len=found.count))
