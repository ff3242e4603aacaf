"""The GPUs that kernels are compiled for, with the limits that decide which tiles fit.

Limits are those of NVIDIA's CUDA C++ Programming Guide (technical specifications by compute
capability; arithmetic throughput) and of AMD's public tables: waves of 64 lanes, 64 and 160 KiB of
LDS and a 512 KiB vector register file of a compute unit (ROCm's GPU specifications), 8 waves of a
SIMD (LLVM's occupancy calculator), 2048 and 4096 bfloat16 flop (CDNA3 and CDNA4 white papers).
Throughputs are per clock and streaming multiprocessor (compute unit), for dense bfloat16 and
fp32 accumulators.
"""

from dataclasses import dataclass

from attnc.dsl.errors import NotBuiltForTarget

KIB = 1 << 10


@dataclass(frozen=True, slots=True)
class Gpu:
    """One architecture.

    `shared` and `block_shared` are bytes of a multiprocessor and the most that one block may take;
    `reserved` what the system takes of each block; `warps` and `blocks` the most at a time;
    `mma` flop, `lanes` fp32 and `exp` exponentials per clock; `descriptors` says whether it copies
    tiles by descriptors of tensors, `tensor_memory` whether accumulators have memory of their own.
    """

    backend: str
    arch: str
    warp: int
    shared: int
    block_shared: int
    warps: int
    blocks: int
    mma: int
    lanes: int
    exp: int = 16
    reserved: int = KIB
    descriptors: bool = False
    tensor_memory: bool = False

    @property
    def number(self) -> int | str:
        """What Triton calls the architecture: 90 for sm_90, gfx942."""
        return int(self.arch.removeprefix("sm_")) if self.backend == "cuda" else self.arch

    @property
    def target(self) -> str:
        """The name in `--target`."""
        return f"{self.backend}:{self.arch}"


def _cuda(arch: str, shared: int, warps: int, blocks: int, mma: int, lanes: int = 128) -> Gpu:
    """NVIDIA: one KiB of a multiprocessor's shared memory is the system's, for each block."""
    number = int(arch.removeprefix("sm_"))
    sizes = (shared * KIB, (shared - 1) * KIB, warps, blocks, mma, lanes)
    return Gpu("cuda", arch, 32, *sizes, descriptors=number >= 90, tensor_memory=number == 100)


def _hip(arch: str, shared: int, mma: int) -> Gpu:
    """AMD: four SIMDs of 8 waves of 64 lanes, 512 vector registers a lane; 16 barriers."""
    size = shared * KIB
    return Gpu("hip", arch, 64, size, size, 32, 16, mma, lanes=64, reserved=0)


GPUS = {
    gpu.target: gpu
    for gpu in (
        _cuda("sm_80", 164, 64, 32, 2048, lanes=64),
        _cuda("sm_86", 100, 48, 16, 1024),
        _cuda("sm_89", 100, 48, 24, 1024),
        _cuda("sm_90", 228, 64, 32, 4096),
        _cuda("sm_100", 228, 64, 32, 8192),
        _cuda("sm_120", 100, 48, 24, 1024),
        _hip("gfx942", 64, 2048),
        _hip("gfx950", 160, 4096),
    )
}
FAMILIES = ("cuda", "hip")  # targets that mean the device of the call's tensors


def find(target: str) -> Gpu:
    """The GPU of a target such as `cuda:sm_90`; `NotBuiltForTarget` for any other."""
    if target not in GPUS:
        raise NotBuiltForTarget("code generation", target, ("cpu", *GPUS))
    return GPUS[target]


def is_gpu(target: str) -> bool:
    """Whether a target is a GPU, known or not: `cuda`, `cuda:sm_90`, `hip:gfx942`."""
    return target.partition(":")[0] in FAMILIES
