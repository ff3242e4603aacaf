"""Machine code as a control-flow graph, and its loops; the same for every architecture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import networkx as nx

LIBRARY = "/triton/language"  # the folder of Triton's own functions, whose lines say nothing here


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its opcode with modifiers, its operands, and the line it comes from.

    `targets` are the labels that it may jump to; `falls` says whether the next one may follow.
    """

    opcode: str
    operands: str = ""
    line: int = 0
    targets: tuple[str, ...] = ()
    falls: bool = True

    @property
    def base(self) -> str:
        """The opcode without modifiers."""
        return self.opcode.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Code:
    """The instructions of a function, and the index that each label names."""

    instructions: Sequence[Instruction]
    labels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loop:
    """A natural loop: the indices of its instructions, and of those in inner loops of interest."""

    body: frozenset[int]
    inner: frozenset[int] = frozenset()

    @property
    def own(self) -> list[int]:
        """The indices of what is repeated by this loop itself, in order."""
        return sorted(self.body - self.inner)


def loops(code: Code, interesting: frozenset[int]) -> list[Loop]:
    """The loops that have an interesting instruction of their own, in program order.

    Inner loops without one, such as a wait for a barrier, count as part of the outer loop.
    """
    bodies = [body for body in natural_loops(code) if body & interesting]
    found = []
    for body in bodies:
        inside = [other for other in bodies if other < body]
        loop = Loop(body, frozenset().union(*inside))
        if interesting & set(loop.own):
            found.append(loop)
    return sorted(found, key=lambda loop: min(loop.body))


def natural_loops(code: Code) -> list[frozenset[int]]:
    """The instructions of each natural loop: a back edge leads to a block that dominates it."""
    blocks = _blocks(code)
    graph = _graph(code, blocks)
    dominators = {0: None} | nx.immediate_dominators(graph, 0)
    bodies: dict[int, set[int]] = {}
    for source, header in graph.edges:
        if source in dominators and _dominates(dominators, header, source):
            without = graph.subgraph(set(graph) - {header})
            around = nx.ancestors(without, source) if source != header else set()
            bodies.setdefault(header, {header}).update(around, {source})
    return [
        frozenset(i for b in body if b in dominators for i in range(b, blocks[b]))
        for body in bodies.values()
    ]


def _blocks(code: Code) -> dict[int, int]:
    """The basic blocks: first instruction and the one behind the last."""
    starts = {0}
    for i, instruction in enumerate(code.instructions):
        if instruction.targets or not instruction.falls:
            starts.add(i + 1)
            starts |= {code.labels[name] for name in instruction.targets if name in code.labels}
    ordered = sorted(start for start in starts if start < len(code.instructions))
    return dict(zip(ordered, [*ordered[1:], len(code.instructions)], strict=True))


def _graph(code: Code, blocks: Mapping[int, int]) -> "nx.DiGraph[int]":
    """The control-flow graph; a block is named by its first instruction."""
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(blocks)
    for start, end in blocks.items():
        last = code.instructions[end - 1]
        following = [code.labels[name] for name in last.targets if name in code.labels]
        if last.falls and end in blocks:
            following.append(end)
        graph.add_edges_from((start, to) for to in following if to in blocks)
    return graph


def _dominates(immediate: Mapping[int, int | None], header: int, block: int) -> bool:
    return header in _chain(immediate, block)


def _chain(immediate: Mapping[int, int | None], block: int) -> Iterator[int]:
    """A block and its dominators, up to the entry."""
    yield block
    above = immediate[block]
    while above is not None and above != block:  # the entry: None, or itself in older networkx
        yield above
        block, above = above, immediate[above]
