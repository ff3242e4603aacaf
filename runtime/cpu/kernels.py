"""Kernels by what they are specialised on: from memory, else from disk, else compiled."""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor

from attnc.codegen.tvm.kernel import KernelFacts
from attnc.compiler.elaborate import Sizes
from attnc.dsl.program import Bound
from attnc.runtime import cache as disk
from attnc.runtime.cpu import build, tuning
from attnc.runtime.cpu.costs import costs
from attnc.runtime.cpu.cpus import OWN, Host
from attnc.runtime.cpu.lower import lower, lower_backward, print_module
from attnc.version import __version__

SCHEMA = 1
LLVM_FILE, FACTS_FILE, SCRIPT_FILE = "kernel.ll", "facts.json", "kernel.py"

_lock = threading.RLock()  # isl contexts and TVM's script parser belong to one thread at a time


@dataclass(frozen=True, slots=True)
class Schedule:
    """In which order the units of a call start, int32 [units], and how many tiles they visit.

    The table is empty where the kernel enumerates tiles itself, else the planner's offsets and
    tiles.
    """

    order: Tensor
    visits: int
    table: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Launch:
    """What the lengths of a call decide: the row table, how work is cut and who takes it."""

    rows: Tensor
    tiles: int
    key_tiles: int
    planned: Schedule
    threads: int
    shares: int


@dataclass(frozen=True, slots=True)
class LoadedKernel:
    """A callable kernel, its planner, what they must be given, and the schedules made so far.

    `last` is the last launch and the call's facts that it holds for, or empty.
    """

    run: build.Kernel
    plan: build.Kernel | None
    facts: KernelFacts
    schedules: dict[bytes, Schedule] = field(default_factory=dict)
    last: list[tuple[tuple[Any, ...], Launch]] = field(default_factory=list)


def digest(bound: Bound, sizes: Sizes, host: Host, gradients: tuple[str, ...] | None = None) -> str:
    """The name of a kernel: a hash of everything that its text depends on."""
    parts = (
        SCHEMA,
        __version__,
        _sources(),
        version("apache-tvm"),
        (
            host.cpu,
            host.triple,
            host.machine.name,
            costs(host.machine.computing(sizes.dtype)).shares,
        ),
        bound.identity,
        sizes,
        gradients,
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


@cache
def _sources() -> str:
    """A hash of the compiler's own files, so that an edited compiler does not meet old kernels."""
    package = Path(__file__).resolve().parents[2]
    folders = [package / name for name in ("dsl", "compiler", "codegen", "runtime")]
    stats = [(p.name, p.stat().st_size, p.stat().st_mtime_ns) for f in folders for p in f.rglob("*")
             if p.suffix in (".py", ".lark", ".attn")]  # fmt: skip
    return hashlib.sha256(repr(sorted(stats)).encode()).hexdigest()


def files(
    bound: Bound, sizes: Sizes, gradients: tuple[str, ...] | None = None, target: str = OWN
) -> dict[str, str]:
    """The compiled kernel as files: LLVM text, facts, and the TVMScript that it came from.

    With `gradients`, the kernel of the backward pass, and of these inputs' gradients. A forward
    kernel that was tuned has the tuned tile.
    """
    host = build.host(target)
    name, tuned = digest(bound, sizes, host, gradients), sizes
    if gradients is None:
        tuned = tuning.applied(sizes, name)
    if tuned != sizes:
        name = digest(bound, tuned, host)
    with _lock:
        return disk.fetch(name, lambda: compile_files(bound, tuned, host, gradients))


def compile_files(
    bound: Bound, sizes: Sizes, host: Host, gradients: tuple[str, ...] | None = None
) -> dict[str, str]:
    """The same, compiled now."""
    if gradients is None:
        module = lower(bound, sizes, host.machine)
    else:
        module = lower_backward(bound, sizes, host.machine, gradients)
    source = print_module(module, bound, host.machine)
    return {
        LLVM_FILE: build.to_llvm(source.text, host),
        FACTS_FILE: json.dumps(asdict(source.facts)),
        SCRIPT_FILE: source.text,
    }


def from_files(texts: Mapping[str, str]) -> LoadedKernel:
    """A kernel from its files."""
    facts = json.loads(texts[FACTS_FILE])
    lists = {name: tuple(facts[name]) for name in ("inputs", "numbers", "gradients", "lists")}
    lists["axes"] = tuple(tuple(axis) for axis in facts["axes"])
    with _lock:
        known = KernelFacts(**(facts | lists))
        planned = known.tabled or known.owner == "q"
        names = ("main", "plan") if planned else ("main",)
        functions = dict(zip(names, build.load(texts[LLVM_FILE], *names), strict=True))
    return LoadedKernel(functions["main"], functions.get("plan"), known)
