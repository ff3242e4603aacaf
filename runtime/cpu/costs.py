"""What work costs: it decides between tile heights, whether threads pay, and predicts times.

The shipped numbers are used until `attnc cache calibrate` has measured this machine, so that which
kernel a spec gets never depends on how busy the machine was at its first call.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from attnc.codegen.tvm.machine import (
    AMX,
    AVX2,
    AVX512,
    AVX512_BF16,
    AVX512_TWO,
    GENERIC,
    NEON,
    Machine,
)
from attnc.runtime import cache
from attnc.runtime.cpu.cpus import model
from attnc.version import __version__


@dataclass(frozen=True, slots=True)
class Costs:
    """Nanoseconds on one core.

    `columns`: one visited pair and one column of keys or values, at each height of a query tile
    that is tried; the last is the greatest. `unit`: a query tile, whatever it visits. `start`:
    waking the other threads.
    """

    columns: tuple[float, ...]
    unit: float
    start: float

    @property
    def shares(self) -> tuple[int, ...]:
        """What a pair costs at each height of a query tile, in percent of the greatest height.

        >>> Costs((0.03, 0.024, 0.02), 0, 0).shares
        (150, 120, 100)
        """
        return tuple(round(100 * cost / self.columns[-1]) for cost in self.columns)

    def work(self, pairs: int, columns: int, units: int) -> float:
        """Nanoseconds for the pairs that `units` tiles of the greatest height visit."""
        return pairs * columns * self.columns[-1] + units * self.unit

    def threads(self, work: float) -> int:
        """How many threads pay: all of torch's, or one where waking them costs more than it saves.

        It is never a part of them, for which OpenMP would end the others.
        """
        count = torch.get_num_threads()
        return count if count > 1 and work * (1 - 1 / count) > self.start else 1


SHIPPED: Mapping[str, Costs] = {
    AMX.name: Costs((0.0036, 0.0032, 0.0029, 0.0028, 0.00275), unit=1500.0, start=10_000.0),
    AVX512_BF16.name: Costs((0.0315, 0.0235, 0.021), unit=500.0, start=10_000.0),
    AVX512.name: Costs((0.0222, 0.0217, 0.021), unit=500.0, start=10_000.0),
    AVX512_TWO.name: Costs((0.0108, 0.0097, 0.0094), unit=4500.0, start=10_000.0),
    AVX2.name: Costs((0.063, 0.047, 0.042), unit=500.0, start=10_000.0),
    NEON.name: Costs((0.08,), unit=500.0, start=10_000.0),
    GENERIC.name: Costs((0.27, 0.24), unit=500.0, start=10_000.0),
}
# What a pair costs the gradients by the matrix unit, in percent, by the vectors of a tile of keys.
GRADIENT_SHARES: Mapping[int, int] = {4: 116, 8: 102, 12: 100}
_known: dict[tuple[Path, str], Costs | None] = {}


def costs(machine: Machine) -> Costs:
    """The measured costs of this CPU, where this version measured them, else the shipped."""
    key = cache.root(), machine.name
    if key not in _known:
        _known[key] = _read(path(machine))
    return _known[key] or SHIPPED[machine.name]


def path(machine: Machine) -> Path:
    """The file of the measured costs."""
    return cache.root() / "costs" / f"{machine.name}.json"


def store(machine: Machine, found: Costs) -> Path:
    """Keep measured costs for this and later processes."""
    place = path(machine)
    cache.replace(place, json.dumps(_facts() | asdict(found), indent=2) + "\n")
    _known[cache.root(), machine.name] = found
    return place


def _facts() -> dict[str, Any]:
    """What measured costs are valid for."""
    return {"attnc": __version__, "cpu": model()}


def _read(place: Path) -> Costs | None:
    """None where nothing was measured, or by another version, or what is there is damaged."""
    try:
        data = json.loads(place.read_text())
        if any(data.pop(name) != value for name, value in _facts().items()):
            return None
        return Costs(tuple(data.pop("columns")), **data)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
