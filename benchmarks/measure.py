"""What a case is, and how two computations are timed against each other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from attnc.runtime.timing import Pairs, Work, seconds, take_turns

MOST_TURNS, FEWEST_TURNS = 31, 3


class UnavailableError(Exception):
    """Why a case cannot run here."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds of attnc and of its peer, turn by turn (a peer may be missing), and derived facts.

    The names of `facts` become columns: `report.COLUMNS` says how each is written.
    """

    ours: Sequence[float]
    theirs: Sequence[float] = ()
    facts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One row: `measure(budget)` spends about so many seconds, or raises `UnavailableError`.

    `quick` rows make `make bench-quick`; `on_request` ones run only if a command line names them.
    """

    name: str
    peer: str
    measure: Callable[[float], Figures]
    quick: bool = False
    on_request: bool = False


def duel(ours: Work, theirs: Work, budget: float) -> Pairs:
    """Time both in turns: as many as fit into `budget` seconds, between 3 and 31.

    Both have been called before, as a first call may compile; the first turn says how many fit.
    """
    a, b = seconds(ours), seconds(theirs)
    turns = min(MOST_TURNS, max(FEWEST_TURNS, int(budget / (a + b))))
    rest = take_turns(ours, theirs, turns=turns - 1, warmup=0)
    return Pairs((a, *rest.first), (b, *rest.second))


def check_equal(ours: object, theirs: object, tolerance: float) -> None:
    """Refuse to time two computations whose tensors differ by more than a share of the largest."""
    for a, b in zip(_tensors(ours), _tensors(theirs), strict=True):
        scale = max(1.0, float(b.abs().amax()))
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance * scale)


def _tensors(result: object) -> tuple[torch.Tensor, ...]:
    return (result,) if isinstance(result, torch.Tensor) else tuple(result)  # type: ignore[arg-type]
