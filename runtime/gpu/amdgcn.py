"""AMD machine code: assembly text to instructions, their classes and their MFMA work."""

import re
from collections.abc import Iterable, Sequence

from attnc.runtime.gpu.code import LIBRARY, Code, Instruction

_LABEL = re.compile(r"(\.LBB\w+):")
_FILE = re.compile(r'\s*\.file\s+(\d+)\s+"([^"]*)"')
_LOC = re.compile(r"\s*\.loc\s+(\d+)\s+(\d+)(?:(?!inlinedAt|@\[).)*$")
_INSTRUCTION = re.compile(r"\t((?:s|v|ds|buffer|global|flat|scratch)_\w+)\s*([^;]*)")
_SHAPE = re.compile(r"v_s?mfmac?_f32_(\d+)x(\d+)x(\d+)")

# Opcodes by how they begin; the first match counts.
PREFIXES: dict[str, tuple[str, ...]] = {
    "mma": ("v_mfma", "v_smfmac"),
    "exp": ("v_exp",),
    "spill": ("scratch_",),
    "packed float": ("v_pk_",),
    "compare, select": ("v_cmp", "v_cndmask", "s_cmp", "s_cselect", "s_and_saveexec"),
    "convert": ("v_cvt", "v_perm", "v_bfe", "v_alignb"),
    "shuffle": ("ds_bpermute", "ds_permute", "ds_swizzle", "v_readlane", "v_readfirstlane"),
    "shared memory": ("ds_",),
    "async copy": ("buffer_load_lds", "global_load_lds"),
    "global memory": ("buffer_", "global_", "flat_", "s_load", "s_buffer"),
    "synchronise": ("s_waitcnt", "s_barrier", "s_nop", "s_sleep", "s_setprio", "s_sched"),
    "branch": ("s_branch", "s_cbranch", "s_endpgm"),
    "move": ("v_mov", "v_accvgpr", "s_mov"),
    "float": tuple(f"v_{op}_f" for op in ("add", "sub", "subrev", "mul", "fma", "fmac", "max",
                                          "min", "max3", "rcp", "log", "ldexp")),
    "integer": ("v_", "s_"),
}  # fmt: skip


def parse(text: str) -> Code:
    """The instructions of a kernel's assembly."""
    found: list[Instruction] = []
    labels: dict[str, int] = {}
    library = {number for number, path in _FILE.findall(text) if LIBRARY in path}
    line = 0
    for row in text.splitlines():
        if match := _LOC.match(row):
            line = line if match[1] in library else int(match[2])
        elif match := _LABEL.match(row):
            labels[match[1]] = len(found)
        elif match := _INSTRUCTION.match(row):
            opcode, operands = match[1], match[2].strip()
            jumps = opcode == "s_branch" or opcode.startswith("s_cbranch")
            falls = opcode not in ("s_branch", "s_endpgm", "s_setpc_b64")
            targets = (operands,) if jumps else ()
            found.append(Instruction(opcode, operands, line, targets, falls))
    return Code(found, labels)


def classify(x: Instruction) -> str:
    """The class of an instruction."""
    if " lds" in x.operands and x.opcode.startswith("buffer_load"):
        return "async copy"
    for name, prefixes in PREFIXES.items():
        if x.opcode.startswith(prefixes):
            return name
    return "other"


def mma_flop(code: Sequence[Instruction], own: Iterable[int], warps: int) -> int | None:
    """The flop of all waves' MFMAs among some instructions; None for a shape unknown."""
    total = 0
    for i in own:
        if classify(code[i]) == "mma":
            match = _SHAPE.match(code[i].opcode)
            if match is None:
                return None
            m, n, k = map(int, match.groups())
            blocks = re.search(r"_(\d+)b_", code[i].opcode)
            total += 2 * m * n * k * (int(blocks[1]) if blocks else 1) * warps
    return total
