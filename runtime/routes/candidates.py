"""Which units may be chosen: those that lie in `within`, and not all of them in `keep`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attnc.runtime.routes.frame import Frame
from attnc.runtime.routes.regions import Region, region


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of a route in one sequence, a range of choosers at a time."""

    at: Frame
    within: Region | None
    keep: Region | None

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
        for part, wanted in ((self.within, True), (self.keep, False)):
            found = part.bounds(*rows) if part is not None else None
            if part is not None and found is None:
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
