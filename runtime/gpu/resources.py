"""What a compiled kernel occupies of a multiprocessor, from the assembler's own words."""

import re
from dataclasses import dataclass

from attnc.runtime.gpu.targets import Gpu

REGISTERS = 65536  # 32-bit registers of an NVIDIA multiprocessor, shared out in units of 256
VECTOR_REGISTERS = 512  # of each lane of an AMD SIMD, shared out in units of 8
SCHEDULERS = 4


@dataclass(frozen=True, slots=True)
class Resources:
    """What one thread and one block of a kernel take.

    `registers` and `stack` (bytes) are of a thread, `warps`, `shared` (bytes) and `tensor_memory`
    (columns) of a block; `spills` are bytes of stores and loads, as ptxas counts them. `serialised`
    says that the assembler put asynchronous MMAs one after the other for want of registers.
    """

    registers: int
    spills: int
    stack: int
    warps: int
    shared: int
    tensor_memory: int = 0
    serialised: bool = False


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Blocks and warps of a multiprocessor at a time, their share, and what limits it."""

    blocks: int
    warps: int
    share: float
    limit: str


def of_nvidia(ptx: str, log: str, shared: int, tensor_memory: int) -> Resources:
    """The resources of a kernel from its PTX and what `ptxas -v` said."""
    threads = re.search(r"\.reqntid (\d+)", ptx) or re.search(r"\.maxntid (\d+)", ptx)
    spilled = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", log)
    stack = re.search(r"(\d+) bytes stack frame", log)
    registers = re.search(r"Used (\d+) registers", log)
    assert threads and spilled and stack and registers, log
    return Resources(
        registers=int(registers[1]),
        spills=int(spilled[1]) + int(spilled[2]),
        stack=int(stack[1]),
        warps=int(threads[1]) // 32,
        shared=shared,
        tensor_memory=tensor_memory,
        serialised="serialized" in log,
    )


def of_amd(assembly: str, shared: int, warps: int) -> Resources:
    """The resources of a kernel from its assembly's metadata."""

    def value(name: str) -> int:
        found = re.search(rf"^\s*(?:- )?\.{name}:\s+(\d+)", assembly, re.MULTILINE)
        return int(found[1]) if found else 0

    spilled = 4 * value("vgpr_spill_count")  # scalars go to lanes of vector registers instead
    stack = value("private_segment_fixed_size")
    return Resources(value("vgpr_count"), spilled, stack, warps, shared)


def occupancy(gpu: Gpu, used: Resources) -> Occupancy:
    """How many blocks run at a time on one multiprocessor."""
    per_scheduler = -(-used.warps // SCHEDULERS)
    shared = -(-(used.shared + gpu.reserved) // 128) * 128
    limits = {
        "registers": _warps_by_registers(gpu, used.registers) // per_scheduler,
        "shared memory": gpu.shared // shared if shared else gpu.blocks,
        "warps": gpu.warps // used.warps,
        "blocks": gpu.blocks,
    }
    if used.tensor_memory:
        limits["tensor memory"] = 512 // used.tensor_memory
    if used.shared > gpu.block_shared:
        limits["shared memory"] = 0
    limit = min(limits, key=lambda name: limits[name])
    blocks = limits[limit]
    warps = blocks * used.warps
    return Occupancy(blocks, warps, warps / gpu.warps, limit)


def _warps_by_registers(gpu: Gpu, registers: int) -> int:
    """Warps of one scheduler that a number of registers of a thread allows."""
    if gpu.backend == "hip":
        unit = -(-max(registers, 1) // 8) * 8
        return min(VECTOR_REGISTERS // unit, gpu.warps // SCHEDULERS)
    unit = -(-max(registers, 1) * 32 // 256) * 256
    return REGISTERS // SCHEDULERS // unit
