"""What a micro-kernel needs to know of a CPU: how wide its vectors are and how many fit."""

from dataclasses import dataclass, replace

from attnc.codegen.tvm.real import FLOAT32, FLOAT64, Real


@dataclass(frozen=True, slots=True)
class Machine:
    """`lanes` float32 numbers a register; a tile is `vectors` registers of queries by `keys` keys.

    vectors * keys accumulators, `vectors` operands and one broadcast fill the register file.
    `chunk` key tiles are scored before one update of the running maximum. `scale` and `fraction`
    are LLVM's names of the instructions for p * 2^floor(x) and x - floor(x), where they exist,
    `dot` that of the instruction for products of pairs of bfloat16 numbers, without the vector's
    size. `units` are the vectors of keys, and the queries, of a tile whose queries are gathered.
    `matrices` is how many vectors of queries a matrix unit takes at a time, where there is one.
    `plain` is the machine without what is for bfloat16 only, or without the matrix unit, `few` what
    it is for tiles of few rows, where that is another.
    """

    name: str
    lanes: int
    vectors: int
    keys: int
    chunk: int = 8
    scale: str | None = None
    fraction: str | None = None
    dot: str | None = None
    matrices: int = 0
    units: tuple[int, int] = (2, 4)
    real: Real = FLOAT32
    plain: "Machine | None" = None
    few: "Machine | None" = None

    @property
    def tile_q(self) -> int:
        """Query rows of a tile."""
        return self.lanes * self.vectors

    def computing(self, dtype: str, whole: bool = True) -> "Machine":
        """The machine as kernels for tensors of a dtype use it: what they cost depends on it.

        Only kernels whose tiles are `whole` use the matrix unit: not those that choose keys, or
        whose queries are gathered.
        """
        if self.plain is not None and (dtype != "bfloat16" or (self.matrices and not whole)):
            return self.plain.computing(dtype)
        if dtype != FLOAT64.name:
            return self
        scale, fraction = (
            name and name.replace(".ps.", ".pd.") for name in (self.scale, self.fraction)
        )
        return replace(self, lanes=self.lanes // 2, scale=scale, fraction=fraction, real=FLOAT64)


AVX512 = Machine(
    "avx512",
    lanes=16,
    vectors=3,
    keys=8,
    scale="llvm.x86.avx512.mask.scalef.ps.512",
    fraction="llvm.x86.avx512.mask.reduce.ps.512",
    units=(4, 6),
)
AVX512_BF16 = replace(AVX512, name="avx512_bf16", dot="llvm.x86.avx512bf16.dpbf16ps", plain=AVX512)
# With two units of 512 bits a register of queries alone waits for its loads: low tiles cost more.
AVX512_TWO = replace(AVX512, name="avx512_two")
# Two products of pairs take the time of eight of float32, so few rows are widened instead.
AMX = replace(
    AVX512_BF16,
    name="amx",
    vectors=12,
    keys=32,
    chunk=4,
    matrices=2,
    plain=replace(AVX512_BF16, plain=AVX512_TWO),
    few=AVX512_TWO,
)
AVX2 = Machine("avx2", lanes=8, vectors=3, keys=4, units=(2, 6))
NEON = Machine("neon", lanes=4, vectors=5, keys=4, units=(4, 5))
GENERIC = Machine("generic", lanes=4, vectors=2, keys=4)
