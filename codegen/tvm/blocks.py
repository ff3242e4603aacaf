"""Which part of the scratch each block of a visit lives in.

A product writes a part of its own. Elementwise operations that follow each other are one step; a
result that a later step reads takes the part of a block that nothing else reads, or a new one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from xdsl.ir import Operation, SSAValue

from attnc.compiler.dialects import tile

Elementwise = tile.ScoreOp | tile.MaskOp | tile.MapOp | tile.CollectOp
PRODUCTS = {"q": "scores", "do": "d_weights"}  # what the product with a visited operand is


@dataclass
class Blocks:
    """The steps of a visit, in order: a product, or elementwise operations together."""

    operations: Sequence[Operation]
    parts: dict[SSAValue, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for step in self.steps:
            match step:
                case tile.DotOp():
                    self.parts[step.result] = PRODUCTS[loaded(step.right)]
                case list():
                    self._place(step)
                case _:
                    pass

    @property
    def steps(self) -> list[Operation | list[Elementwise]]:
        """Loads left out: their rows are read in place."""
        found: list[Operation | list[Elementwise]] = []
        for op in self.operations:
            if isinstance(op, Elementwise):
                if found and isinstance(found[-1], list):
                    found[-1].append(op)
                else:
                    found.append([op])
            elif not isinstance(op, tile.LoadOp):
                found.append(op)
        return found

    def _place(self, step: list[Elementwise]) -> None:
        """Give parts to the results that something outside the step reads."""
        free = [part for block, part in self.parts.items() if self._ends(block, step)]
        for op in step:
            for result in op.results:
                if not set(_readers(result)) <= set(step):
                    new = f"block_{len(set(self.parts.values()))}"
                    self.parts[result] = free.pop(0) if free else new

    def _ends(self, block: SSAValue, step: list[Elementwise]) -> bool:
        """Whether a block is read by the step and by nothing after it, and holds its part."""
        last = max((self.operations.index(reader) for reader in _readers(block)), default=-1)
        newest = [b for b, part in self.parts.items() if part == self.parts[block]][-1]
        return newest is block and self.operations.index(step[0]) <= last and (
            last <= self.operations.index(step[-1])
        )  # fmt: skip


def loaded(block: SSAValue) -> str:
    """The operand that a block was loaded from."""
    assert isinstance(block.owner, tile.LoadOp)
    return block.owner.operand_name.data


def _readers(block: SSAValue) -> Iterable[Operation]:
    return [use.operation for use in block.uses]
