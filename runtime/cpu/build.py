"""From TVMScript text to LLVM text, and from LLVM text to a callable. The only user of tvm."""

import os
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from attnc.runtime.cpu.cpus import CPUS, OWN, Host, host_machine
from attnc.runtime.cpu.pool import on_torch_pool
from attnc.runtime.cpu.scalars import OPTIONS
from attnc.runtime.cpu.script import read

Kernel = Callable[..., None]
# Our text says already what these passes find out: buffers have one axis and are as large as they
# are, conditions stand where they belong, and what does nothing is not printed.
NEEDLESS = [
    "s_tir.CompactBufferAllocation", "s_tir.HoistIfThenElse", "tirx.FlattenBuffer",
    "tirx.RemoveNoOp",
]  # fmt: skip
# Addresses are printed as a base and a small offset. LLVM's search for better ones takes half of
# the time to machine code and finds none that run faster.
LLVM_OPTIONS = ["-disable-lsr:bool=true"]


@cache
def tvm() -> ModuleType:
    """The tvm module, imported late as it takes seconds; its pool must not pin threads."""
    os.environ.setdefault("TVM_BIND_THREADS", "0")
    os.environ.setdefault("TVM_NUM_THREADS", str(torch.get_num_threads()))
    return import_module("tvm")


@cache
def host(target: str = OWN) -> Host:
    """The CPU of a target, by default the one that this process runs on."""
    if target != OWN:
        return CPUS[target]
    from tvm.target import codegen

    machine = host_machine()
    return Host(codegen.llvm_get_system_cpu(), CPUS[f"cpu:{machine.name}"].features, machine)


def missing_features(cpu: str, features: Sequence[str]) -> list[str]:
    """The instruction sets among `features` that this CPU lacks, or the name of a foreign CPU."""
    from tvm.target import codegen

    known = set(codegen.llvm_get_cpu_features(_target(host())))
    if not features:
        return [] if cpu == host().cpu else [cpu]
    return [feature for feature in features if feature not in known]


def torch_dtype(name: str) -> torch.dtype:
    """The torch dtype of a name such as `float32`."""
    found = getattr(torch, name)
    assert isinstance(found, torch.dtype)
    return found


def _target(cpu: Host) -> Any:
    """The target with the features by name: a virtual machine may hide the CPU's true model."""
    found = {
        "kind": "llvm",
        "mcpu": cpu.cpu,
        "mattr": [f"+{name}" for name in cpu.features],
        "cl-opt": LLVM_OPTIONS,
    }
    return tvm().target.Target(found | ({"mtriple": cpu.triple} if cpu.triple else {}))


def to_llvm(script: str, cpu: Host) -> str:
    """Compile TVMScript to optimised LLVM text for a CPU; runs no code of the module."""
    return str(_compile(script, cpu).inspect_source("ll"))


def to_assembly(script: str, cpu: Host) -> str:
    """The machine code as assembly text."""
    return str(_compile(script, cpu).inspect_source("asm"))


def to_object(script: str, cpu: Host, file: Path) -> None:
    """The machine code as an object file."""
    _compile(script, cpu).write_to_file(str(file), "o")


def _compile(script: str, cpu: Host) -> Any:
    """The module of a script."""
    module = read(tvm(), script)
    with tvm().transform.PassContext(config=OPTIONS, disabled_pass=NEEDLESS):
        return tvm().compile(module, target=_target(cpu)).mod


def load(llvm: str, *functions: str) -> list[Kernel]:
    """Functions of a module given as LLVM text, with its loops on torch's pool."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.ll"
        path.write_text(on_torch_pool(llvm))
        module = tvm().runtime.load_module(str(path))
        return [module[name] for name in functions]
