"""What the innermost loops of a kernel are made of: instructions counted in its assembly."""

import re
from collections import Counter
from functools import cache
from time import perf_counter

from attnc.compiler.elaborate import Sizes
from attnc.runtime.cpu import build
from attnc.runtime.cpu.lower import lower, lower_backward, print_module
from benchmarks.measure import Figures, UnavailableError
from benchmarks.patterns import PATTERNS

# A block from a label to the jump back to it.
LOOP = re.compile(
    r"^(\.LBB\w+):(?:(?!^\.LBB).*\n)*?\s+(?:j\w+|b\.\w+|cbn?z\s.*,)\s+\1$", re.MULTILINE
)
# The first kind that an instruction's name begins with, on x86 and on ARM.
KINDS = {
    "products": r"vfn?m(add|sub)|vdpbf16|fml[as]|bfdot|mulps",
    "broadcasts": r"vbroadcast|vpbroadcast|ld1r|dup",
    "reads ahead": r"prefetch|prfm",
    "shuffles": r"vperm|vshuf|vpunpck|vunpck|vinsert|vextract|zip|uzp|trn|ext\b",
    "rounding": r"vrndscale|vround|frint",
    "moves": r"vmov|mov[au]p|ldr|ldp|str|stp|ld1|st1",
    "other vector": r"v|f|k",
}
COLUMNS = (*(kind for kind in KINDS if kind != "rounding"), "scalar")
PRODUCTS = {
    "forward": ("scores", "outputs"),
    "backward": ("scores", "dV", "gradients of weights", "dK", "dQ"),
}
FEWEST = 8  # products of a loop that counts


def measure(direction: str, sizes: Sizes, product: str, budget: float) -> Figures:
    """Seconds from the spec to assembly, and what one pass through the product's loop executes."""
    found, seconds = _loops(direction, sizes)
    wanted = PRODUCTS[direction]
    if len(found) < len(wanted):
        raise UnavailableError(f"the assembly has {len(found)} loops of products")
    counts = count(found[wanted.index(product)])
    return Figures([seconds], facts={kind: float(counts[kind]) for kind in COLUMNS})


def count(loop: str) -> dict[str, int]:
    """Instructions by kind; what is no vector's is `scalar`."""
    names = [line.split()[0] for line in loop.splitlines()[1:] if re.match(r"\s+[a-z]", line)]
    found = Counter(map(_kind, names))
    return {kind: found[kind] for kind in (*KINDS, "scalar")}


def _kind(name: str) -> str:
    return next((kind for kind, start in KINDS.items() if re.match(start, name)), "scalar")


@cache
def _loops(direction: str, sizes: Sizes) -> tuple[list[str], float]:
    """The loops of products, in the order of the code, and the seconds that compiling took.

    The loop of the exponential, which rounds, is none of them; what is left over after the last
    whole block of columns has fewer products and repeats the loop before it.
    """
    start, host = perf_counter(), build.host()
    bound = PATTERNS["causal"].compile().bound
    make = lower_backward if direction == "backward" else lower
    module = make(bound, sizes, host.machine)
    text = build.to_assembly(print_module(module, bound, host.machine).text, host)
    loops = [match[0] for match in LOOP.finditer(text)]
    counts = [(loop, count(loop)) for loop in loops]
    found = [x for x, n in counts if n["products"] >= FEWEST and not n["rounding"]]
    return found, perf_counter() - start
