"""What the machine code of a kernel says of it: resources, and each loop that multiplies matrices.

Nothing here is a speed. It tells kernels apart, and what makes them slow: spills, serialised MMAs,
more instructions than the tensor cores leave time for.
"""

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from attnc.runtime.gpu import amdgcn, sass
from attnc.runtime.gpu.code import Code, Loop, loops
from attnc.runtime.gpu.model import Bound, bound_of
from attnc.runtime.gpu.resources import Occupancy, Resources, occupancy
from attnc.runtime.gpu.targets import Gpu


@dataclass(frozen=True, slots=True)
class Work:
    """What one iteration of a kernel's loop computes, in one block: scores, and flop for each.

    Forward a score of D columns and Dv of values takes 2 (D + Dv) flop.
    """

    elements: int
    element_flop: int

    @property
    def flop(self) -> int:
        """Flop of an iteration."""
        return self.elements * self.element_flop


@dataclass(frozen=True, slots=True)
class LoopReport:
    """A loop that issues MMAs: instructions of one warp and one iteration, by class.

    `line` is that of its `for` in the source; `per_element` how many instructions other than MMAs
    a score takes; `mma_share` how much MMA work there is for each flop that the scores need (above
    1 where warps repeat each other's products).
    """

    line: int
    counts: Mapping[str, int]
    per_element: float
    mma_share: float
    bound: Bound

    @property
    def total(self) -> int:
        """All instructions."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class KernelReport:
    """One compiled kernel."""

    name: str
    target: str
    resources: Resources
    occupancy: Occupancy
    loops: tuple[LoopReport, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "KernelReport":
        """The inverse of `to_dict`."""
        return cls(
            data["name"],
            data["target"],
            Resources(**data["resources"]),
            Occupancy(**data["occupancy"]),
            tuple(LoopReport(**(x | {"bound": Bound(**x["bound"])})) for x in data["loops"]),
        )

    @property
    def spilled(self) -> bool:
        """Whether registers are kept in memory."""
        return self.resources.spills > 0


def report(
    name: str, gpu: Gpu, used: Resources, machine_code: str, source: str, work: Work
) -> KernelReport:
    """The report of a kernel.

    `machine_code` is what nvdisasm prints with lines, or AMD assembly; `source` the Python text.
    """
    isa = sass if gpu.backend == "cuda" else amdgcn
    code = isa.parse(machine_code)
    busy = occupancy(gpu, used)
    mmas = frozenset(i for i, x in enumerate(code.instructions) if isa.classify(x) == "mma")
    found = []
    for loop in loops(code, mmas):
        counts = Counter(isa.classify(code.instructions[i]) for i in loop.own)
        found_flop = isa.mma_flop(code.instructions, loop.own, used.warps)
        flop = work.flop if found_flop is None else found_flop
        lanes = (sum(counts.values()) - counts["mma"]) * used.warps * gpu.warp
        found.append(
            LoopReport(
                _line(code, loop, source),
                dict(counts.most_common()),
                lanes / work.elements,
                flop / work.flop,
                bound_of(gpu, counts, used.warps, flop, busy),
            )
        )
    return KernelReport(name, gpu.target, used, busy, tuple(found))


def _line(code: Code, loop: Loop, source: str) -> int:
    """The line of the `for` or `while` that most instructions of a loop come from; 0: none.

    What a loop calls belongs to it; between loops that call the same, their own lines decide. A
    loop around others is a statement around others.
    """
    lines = Counter(code.instructions[i].line for i in loop.own)
    tree = ast.parse(source)
    functions = {x.name: x for x in tree.body if isinstance(x, ast.FunctionDef)}
    every = [x for x in ast.walk(tree) if isinstance(x, ast.For | ast.While)]
    statements = [x for x in every if _around(x) == bool(loop.inner)] or every

    def share(node: ast.For | ast.While) -> tuple[int, int]:
        written = _lines(node)
        called = set().union(*(_lines(functions[name]) for name in _calls(node, functions)))
        return sum(lines[i] for i in written | called), sum(lines[i] for i in written)

    best = max(sorted(statements, key=lambda x: len(_lines(x))), key=share, default=None)
    return best.lineno if best is not None and share(best)[0] else 0


def _around(node: ast.For | ast.While) -> bool:
    """Whether there are loops in a loop."""
    return any(isinstance(x, ast.For | ast.While) for x in ast.walk(node) if x is not node)


def _lines(node: ast.For | ast.While | ast.FunctionDef) -> set[int]:
    return {*range(node.lineno, (node.end_lineno or node.lineno) + 1)}


def _calls(node: ast.AST, functions: Mapping[str, ast.FunctionDef]) -> set[str]:
    """The functions of the file that a statement calls, directly or not."""
    called = (x.func for x in ast.walk(node) if isinstance(x, ast.Call))
    found = {x.id for x in called if isinstance(x, ast.Name)} & set(functions)
    return found.union(*(_calls(functions[name], functions) for name in found))
