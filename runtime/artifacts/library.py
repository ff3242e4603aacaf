"""The kernels of an artifact, as runners ask for them: each is loaded when it is first called."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from attnc.compiler.elaborate import Sizes
from attnc.dsl.errors import NotInArtifact
from attnc.dsl.program import Bound
from attnc.runtime.cpu.few import Rows
from attnc.runtime.cpu.kernels import LoadedKernel


@dataclass(frozen=True, slots=True)
class Held:
    """One kernel: its attention (a `Bound.identity`), what it is specialised on, how to load it.

    `gradients`: those of inputs that a backward kernel has; None for a forward kernel.
    """

    identity: str
    sizes: Sizes
    gradients: tuple[str, ...] | None
    load: Callable[[], LoadedKernel]

    def serves(self, identity: str, sizes: Sizes, gradients: tuple[str, ...] | None) -> bool:
        """Whether a call can have this kernel: one for cropped keys takes those from 0, too."""
        own, wanted = self.gradients, gradients
        if self.identity != identity or (own is None) != (wanted is None):
            return False
        alike = self.sizes in (sizes, replace(sizes, cropped=True))
        return alike and {*(wanted or ())} <= {*(own or ())}


@dataclass(frozen=True, slots=True)
class Library:
    """What an artifact in `folder` holds."""

    folder: str
    held: Sequence[Held]

    def few(self, bound: Bound) -> tuple[Rows, ...]:
        """The tiles of the kernels for few queries of an attention."""
        found = (one.sizes for one in self.held if one.identity == bound.identity)
        return tuple(Rows(sizes.rows, sizes.packed) for sizes in found if sizes.rows)

    def kernel(self, bound: Bound, sizes: Sizes, gradients: tuple[str, ...] | None) -> LoadedKernel:
        """The kernel of a specialisation; raises `NotInArtifact` for one that is not held."""
        identity = bound.identity
        found = (one for one in self.held if one.serves(identity, sizes, gradients))
        chosen = min(found, key=lambda one: one.sizes.cropped, default=None)
        if chosen is None:
            raise NotInArtifact(self.folder, *self._missing(sizes, gradients))
        return chosen.load()

    def _missing(self, sizes: Sizes, gradients: tuple[str, ...] | None) -> tuple[str, str]:
        """What a call lacks, and how to compile it."""
        if gradients is not None and all(one.gradients is None for one in self.held):
            return "kernel of the gradients", "without --forward-only"
        if sizes.cropped and not any(one.sizes.cropped for one in self.held):
            return "kernel for keys that are cropped away (`k_start` above 0)", "with --cropped"
        return f"kernel of {sizes}", "for such calls"
