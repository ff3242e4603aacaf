"""The one isl context: its lock, its limit on operations, and how its failures are told."""

import threading
from dataclasses import dataclass
from typing import Any

import islpy as isl

from attnc.dsl.errors import AnalysisTooComplex

OPERATIONS = 1_000_000

CONTEXT = isl.DEFAULT_CONTEXT
_LOCK = threading.RLock()
_DEPTH = [0]


@dataclass(frozen=True, slots=True)
class guard:  # noqa: N801  (used as a function)
    """Run what is inside under one limit; a guard inside a guard shares the outer one's."""

    operations: int = OPERATIONS

    def __enter__(self) -> None:
        _LOCK.acquire()
        if _DEPTH[0] == 0:
            CONTEXT.reset_operations()
            CONTEXT.set_max_operations(self.operations)
        _DEPTH[0] += 1

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        failed = isinstance(error, isl.Error)
        exhausted = isinstance(error, isl.Error | TypeError | AttributeError) and _exhausted()
        _DEPTH[0] -= 1
        if _DEPTH[0] == 0:
            CONTEXT.set_max_operations(0)
            CONTEXT.reset_operations()
        _LOCK.release()
        if exhausted:
            raise AnalysisTooComplex("isl met its limit on operations", self.operations) from None
        if failed:
            raise AnalysisTooComplex(f"isl gave up ({str(error).partition(' in /')[0]})") from None


def _exhausted() -> bool:
    """Whether the limit was met: isl then returns None from calls that islpy does not check."""
    try:
        return isl.Set("{ [x] : x > 0 }", CONTEXT).subtract(isl.Set("{ [1] }", CONTEXT)) is None
    except isl.Error:
        return True


def checked(result: Any) -> Any:
    """The result of an isl call; None, which isl returns after an overflow, is an error."""
    if result is None:
        raise AnalysisTooComplex("isl gave up")
    return result


def integer(number: int) -> Any:
    """An integer of any size as isl's value."""
    return isl.Val.read_from_str(CONTEXT, str(number))
