"""NVIDIA machine code: nvdisasm's text to instructions, their classes and their MMA work."""

import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from attnc.runtime.gpu.code import LIBRARY, Code, Instruction

_LINE = re.compile(r'\s*//## File "([^"]*)", line (\d+)( inlined)?')
_LABEL = re.compile(r"(\.L_\w+):\s*$")
_INSTRUCTION = re.compile(
    r"\s*/\*[0-9a-f]{4,}\*/\s+(?:\{\s*)?(?:@(!?U?P\w+)\s+)?([A-Z][A-Z0-9_]*(?:\.\w+)*)\b(.*?);"
)
_TARGET = re.compile(r"`\((\.L_\w+)\)")
_PREDICATE = re.compile(r"!?U?P\d")
_LEAVES = ("EXIT", "RET", "KIL", "BRX", "BRXU", "JMX")
_JUMPS = ("BRA", "JMP")

# Opcodes by what they do; counts of a loop are by these names.
CLASSES: dict[str, str] = {
    "mma": "HMMA HGMMA IMMA IGMMA QGMMA QMMA OMMA DMMA UTCHMMA UTCQMMA UTCIMMA UTCOMMA",
    "float": "FFMA FMUL FADD FMNMX FMNMX3 FFMA32I FMUL32I FCHK FSWZADD",
    "packed float": "FFMA2 FMUL2 FADD2",
    "half": "HFMA2 HMUL2 HADD2 HMNMX2 HSETP2 HSET2 FRND",
    "compare, select": "FSETP FSEL FSET ISETP UISETP SEL USEL VIMNMX IMNMX UIMNMX UVIMNMX PLOP3"
    " UPLOP3 PSETP P2R R2P P2UR UP2UR UR2UP UP2R VIADDMNMX",
    "convert": "F2FP F2F I2F F2I I2FP F2IP I2IP PRMT UPRMT",
    "integer": "IMAD UIMAD IDP IADD3 IADD UIADD3 VIADD UIADD UVIADD IABS LEA ULEA LOP3 ULOP3 SHF"
    " USHF SHL SHR SGXT USGXT BMSK UBMSK FLO UFLO POPC UPOPC BREV",
    "move": "MOV UMOV MOV32I R2UR S2R S2UR CS2R CS2UR UR2R LDC LDCU ULDC R2B B2R",
    "shuffle": "SHFL REDUX CREDUX VOTE VOTEU MATCH",
    "shared memory": "LDS LDSM STS STSM ATOMS",
    "tensor memory": "LDTM STTM UTCCP UTCSHIFT",
    "async copy": "LDGSTS UTMALDG UTMAPF UBLKCP UBLKPF UTMACCTL",
    "global memory": "LDG LD STG ST RED REDG ATOM ATOMG UTMASTG UTMAREDG",
    "spill": "LDL STL",
    "synchronise": "BAR WARPSYNC SYNCS MEMBAR FENCE DEPBAR LDGDEPBAR BSSY BSYNC ERRBAR CCTL YIELD"
    " ELECT ARRIVES ACQBULK NANOSLEEP WARPGROUP WARPGROUPSET UTCBAR UTCATOMSWS USETMAXREG",
    "branch": "BRA BRX BRXU EXIT CALL RET JMP JMX BREAK BPT KIL NOP",
}
_CLASS_OF = {opcode: name for name, opcodes in CLASSES.items() for opcode in opcodes.split()}


@cache
def tool(name: str) -> Path:
    """A program of the CUDA toolkit that Triton brings along: nvdisasm, cuobjdump, ptxas."""
    spec = find_spec("triton")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "backends" / "nvidia" / "bin" / name


def disassemble(cubin: bytes, *options: str) -> str:
    """What nvdisasm prints for a cubin."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [str(tool("nvdisasm")), "-c", "-ndf", *options, file.name]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def parse(text: str) -> Code:
    """The instructions of a disassembled kernel (`nvdisasm -g` adds the source lines)."""
    found: list[Instruction] = []
    labels: dict[str, int] = {}
    line = 0
    for row in text.splitlines():
        if match := _LINE.match(row):
            own = not match[3] and LIBRARY not in match[1]
            line = int(match[2]) if own else line
        elif match := _LABEL.match(row.strip()):
            labels[match[1]] = len(found)
        elif match := _INSTRUCTION.match(row):
            found.append(_instruction(match[1], match[2], match[3].strip(), line))
    return Code(_with_tables(found, labels), labels)


def _instruction(predicate: str | None, opcode: str, operands: str, line: int) -> Instruction:
    base = opcode.partition(".")[0]
    conditional = predicate not in (None, "PT", "UPT")
    targets: Sequence[str] = ()
    if base in _JUMPS or (base in ("CALL", "WARPSYNC") and "`(.L_" in operands):
        targets = _TARGET.findall(operands)
        conditional |= base not in _JUMPS or bool(_PREDICATE.search(operands.split("`")[0]))
        conditional |= any(flag in opcode for flag in (".U", ".DIV", ".CONV"))
    falls = conditional or base not in (*_JUMPS, *_LEAVES)
    return Instruction(opcode, operands, line, tuple(targets), falls)


def _with_tables(code: list[Instruction], labels: dict[str, int]) -> list[Instruction]:
    """Jumps through a table lead to the labels that nothing else reaches."""
    if not any(x.base in ("BRX", "BRXU", "JMX") for x in code):
        return code
    named = {name for x in code for name in x.targets}
    unreached = tuple(
        name
        for name, at in labels.items()
        if name not in named and 0 < at < len(code) and not code[at - 1].falls
    )
    return [
        Instruction(x.opcode, x.operands, x.line, unreached, x.falls)
        if x.base in ("BRX", "BRXU", "JMX")
        else x
        for x in code
    ]


def classify(x: Instruction) -> str:
    """The class of an instruction; exponentials have one of their own, `exp`."""
    if x.base == "MUFU":
        return "exp" if ".EX2" in x.opcode else "float"
    if (x.base, "RZ, RZ" in x.operands) == ("HFMA2", True) or x.opcode.startswith("IMAD.MOV"):
        return "move"
    return _CLASS_OF.get(x.base, "other")


def mma_flop(code: Sequence[Instruction], own: Iterable[int], warps: int) -> int | None:
    """The flop of all warps' MMAs among some instructions; None if a descriptor is not constant."""
    total = 0
    for i in own:
        if classify(code[i]) == "mma":
            flop = _warp_flop(code[i]) * warps or _descriptor_flop(code, i)
            if flop is None:
                return None
            total += flop
    return total


def _warp_flop(x: Instruction) -> int:
    """Flop of a warp's MMA; 0 where the opcode does not tell."""
    if match := re.match(r"HMMA\.(16816|1688)\b|DMMA\.(884)\b", x.opcode):
        return {"16816": 4096, "1688": 2048, "884": 512}[match[1] or match[2]]
    if match := re.match(r"\w+GMMA\.(\d+)x(\d+)x(\d+)", x.opcode):  # one of a group of four warps
        m, n, k = map(int, match.groups())
        return 2 * m * n * k // 4
    return 0


def _descriptor_flop(code: Sequence[Instruction], at: int) -> int | None:
    """Flop of a fifth-generation MMA, whose shape is in a register set by a constant."""
    match = re.search(r"idesc\[UR(\d+)\]", code[at].operands)
    if match is None:
        return None
    for x in reversed(code[:at]):
        value = re.match(rf"UR{match[1]}\s*,\s*0x([0-9a-f]+)", x.operands)
        if x.base == "UMOV" and value:
            bits = int(value[1], 16)
            m, n = (bits >> 24 & 0x1F) << 4, (bits >> 17 & 0x3F) << 3
            k = 16 if code[at].base == "UTCHMMA" and not _is_tf32(bits) else 8
            return 2 * m * n * k if m and n else None
    return None


def _is_tf32(descriptor: int) -> bool:
    return descriptor >> 7 & 7 == 2
