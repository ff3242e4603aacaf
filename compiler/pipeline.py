"""The whole lowering, as one list of passes, with the reason beside each order constraint."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from xdsl.context import Context
from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.parser import Parser
from xdsl.passes import ModulePass

from attnc.compiler.dialects.attn import Attn
from attnc.compiler.dialects.tile import Tile
from attnc.compiler.elaborate import Units
from attnc.compiler.passes.choose_tiles import ChooseTiles
from attnc.compiler.passes.classify_tiles import ClassifyTiles
from attnc.compiler.passes.derive_backward import DeriveBackward
from attnc.compiler.passes.lower_to_tile import LowerToTile
from attnc.compiler.passes.narrow import Narrow
from attnc.compiler.passes.plan_span import PlanSpan
from attnc.compiler.passes.plan_units import PlanUnits
from attnc.compiler.passes.plan_visits import PlanOne, PlanVisits
from attnc.compiler.passes.prove import Prove
from attnc.compiler.passes.simplify import Simplify
from attnc.compiler.passes.specialise import Specialise
from attnc.compiler.passes.split_atoms import SplitAtoms
from attnc.compiler.passes.split_residues import SplitResidues

Watcher = Callable[[str, ModuleOp], None]


@dataclass(frozen=True, slots=True)
class Tiling:
    """The candidate heights of a query tile with the relative cost of a pair, and the keys.

    `packed` and `split` as in `attn.tiling`; with `boxes`, visited tiles of a grid are
    boxes and not runs.
    """

    rows: tuple[int, ...]
    costs: tuple[int, ...]
    keys: int
    packed: int = 1
    split: bool = False
    boxes: bool = False


# Keys that were cropped away need a kernel of their own: most calls start at key 0, and knowing it
# makes their loops shorter. Negative starts (left padding) are turned into 0 before a kernel runs.
FROM_ZERO = ("k_start = 0",)
CROPPED = ("k_start >= 0",)


def passes(
    tiling: Tiling, cropped: bool = False, best: int = 0, units: Units | None = None
) -> tuple[ModulePass, ...]:
    """The passes in order; `cropped` kernels accept keys that start after position 0.

    With `best`, to the kernel that keeps so many of the greatest scores of each query, of keys or
    of `units`.
    """
    assume = CROPPED if cropped else FROM_ZERO
    return (
        Simplify(),
        SplitAtoms(),  # needs one condition
        Prove(),  # needs the relation
        Narrow(),  # after the proofs, which are for every length
        *(() if units else _by_residue(tiling)),  # units are of consecutive keys
        ChooseTiles(**asdict(tiling)),  # needs the relation
        ClassifyTiles(assume=assume),  # needs the tiling
        PlanVisits(assume=assume),  # needs the classes
        LowerToTile(best, units),  # needs the visits
        Specialise(),  # needs the mask in every visit
    )


def backward_passes(
    tiling: Tiling,
    inputs: tuple[str, ...] = (),
    cropped: bool = False,
    apart: str = "",
    only: tuple[str, ...] = (),
) -> tuple[ModulePass, ...]:
    """The passes to the kernel of the gradients, which owns keys; `inputs` want theirs too.

    With `apart`, to the kernel that owns that side and has the gradients of its rows; with `only`,
    to one that has no other gradients than these.
    """
    assume = CROPPED if cropped else FROM_ZERO
    return (
        Simplify(),
        SplitAtoms(),
        Narrow(),
        *_by_residue(tiling),
        ChooseTiles(**asdict(tiling), owner=apart or "k"),
        ClassifyTiles(assume=assume),
        PlanVisits(assume=assume),
        DeriveBackward(inputs, bool(apart), only),  # needs the visits
        Specialise(),
    )


def unplanned(steps: Sequence[ModulePass], classified: bool = False) -> list[ModulePass]:
    """The passes to a kernel that visits one tile, from which a printer knows what it lacks.

    It is of the first candidate's size, whichever visits least. `classified` ones find the tiles of
    a sequence all the same, and raise `AnalysisTooComplex` where isl gives up.
    """

    def plain(step: ModulePass) -> ModulePass:
        if isinstance(step, ChooseTiles):
            return replace(step, counted=False)
        return PlanOne() if isinstance(step, PlanVisits) else step

    return [plain(step) for step in steps if classified or not isinstance(step, ClassifyTiles)]


def unit_passes(
    size: int, rows: int, keys: int, gradients: tuple[str, ...] | None = None
) -> tuple[ModulePass, ...]:
    """The passes to the kernel of units of `size` keys that each query chooses at the call.

    With `gradients`, to that of the gradients, those of these inputs among them.
    """
    return (
        Simplify(),
        SplitAtoms(),
        Narrow(),
        PlanUnits(size, rows, keys),  # needs the relation
        LowerToTile() if gradients is None else DeriveBackward(gradients),
        Specialise(),
    )


def choice_passes(tiling: Tiling, best: int, assume: tuple[str, ...]) -> tuple[ModulePass, ...]:
    """The passes to the kernel of a GPU that keeps the `best` scores of each query.

    `assume` are facts about lengths and run-time integers, in isl's notation.
    """
    return (
        Simplify(),
        SplitAtoms(),
        Narrow(),
        ChooseTiles(**asdict(tiling)),
        PlanSpan((*FROM_ZERO, *assume)),  # needs the tiling
        LowerToTile(best),
    )


def _by_residue(tiling: Tiling) -> tuple[ModulePass, ...]:
    """A tile of few queries holds neighbours, which are of different classes."""
    return () if tiling.split else (SplitResidues(),)


def context() -> Context:
    """An xdsl context with both dialects."""
    ctx = Context()
    for dialect in (Builtin, Attn, Tile):
        ctx.load_dialect(dialect)
    return ctx


def run(module: ModuleOp, sequence: Sequence[ModulePass], watch: Watcher | None = None) -> None:
    """Apply passes in place; the module is verified, and shown to `watch`, after each."""
    ctx = context()
    module.verify()
    for step in sequence:
        step.apply(ctx, module)
        module.verify()
        if watch is not None:
            watch(step.name, module)


def parse(text: str) -> ModuleOp:
    """A module from its text, verified."""
    module = Parser(context(), text).parse_module()
    module.verify()
    return module
