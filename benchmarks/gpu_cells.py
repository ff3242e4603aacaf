"""A kernel on a GPU that need not be there: what was chosen and what its machine code says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from attnc import analyze_static
from attnc.dsl.errors import AttnError
from attnc.dsl.loader import load
from attnc.runtime.gpu.static import StaticAnalysis

HEADS = 8
HEADER = ("tile", "registers", "spills", "shared memory", "blocks", "full loop", "masked loop",
          "i/M", "clocks a pair")  # fmt: skip
LEGEND = """\
*Full* and *masked loop*: instructions of all threads for a score, MMAs aside, in the loop over
tiles that need no mask and in the one that masks (the dearest where there are several). *i/M*:
issue slots over tensor clocks in the full loop; above 1 it cannot feed the tensor cores. *Blocks*:
how many run on a multiprocessor at a time. *Clocks a pair*: what one multiprocessor is predicted to
take for a pair of the pattern at 4096 tokens. Nothing here was timed.
"""


@dataclass(frozen=True, slots=True)
class Cell:
    """A spec with its parameters, a target, a head dimension, and the kernel by `gradient`."""

    spec: str
    target: str
    d: int
    parameters: Mapping[str, Any] = field(default_factory=dict)
    gradient: str = ""
    dtype: str = "bf16"

    @property
    def name(self) -> str:
        """The spec and its parameters."""
        values = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        return f"{self.spec}, {values}" if values else self.spec

    def measure(self) -> StaticAnalysis | str:
        """The analysis, or the reason why there is none."""
        heads = load(self.spec).bind(**self.parameters).listed_heads or HEADS
        try:
            return analyze_static(
                self.spec,
                target=self.target,
                head_dim=self.d,
                heads=heads,
                gradient=self.gradient,
                dtype=self.dtype,
                **self.parameters,
            )
        except AttnError as reason:
            return str(reason)


def loops(found: StaticAnalysis, tile_class: str) -> list[float]:
    """Instructions of a score in each loop over tiles of a class."""
    return [loop.per_element for loop in found.loops if loop.tile_class == tile_class]


def figures(found: StaticAnalysis | str) -> list[str]:
    """The columns of `HEADER`."""
    if isinstance(found, str):
        return [f"none: {found}", *[""] * (len(HEADER) - 1)]
    used = found.resources
    full = [loop for loop in found.loops if loop.tile_class == "full"]
    clocks = found.clocks_per_pair
    return [
        f"{found.tile[0]}x{found.tile[1]} w{found.num_warps} s{found.num_stages}",
        str(used.registers),
        str(used.spills),
        f"{used.shared:,}",
        str(found.occupancy.blocks),
        dearest(loops(found, "full")),
        dearest(loops(found, "partial")),
        f"{max(loop.issue_over_mma for loop in full):.2f}" if full else "",
        "" if clocks is None else f"{clocks:.3f}",
    ]


def dearest(costs: Sequence[float]) -> str:
    """The greatest, where there is one."""
    return f"{max(costs):.1f}" if costs else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def made_with() -> str:
    """What the figures depend on."""
    return f"bfloat16, attnc {version('attnc')}, Triton {version('triton')}."
