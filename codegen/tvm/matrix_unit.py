"""What is said to the matrix unit, as LLVM text: its configuration, and products of tiles.

Tile registers 0 to 3 hold sums, 4 and 5 rows, 6 and 7 columns: two by two tiles of sums need four
loads for four products. (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1,
chapter 18: Programming with Intel Advanced Matrix Extensions.)
"""

from collections.abc import Iterator
from functools import cache
from itertools import product

NAME = "attnc_tiles"
SIDE = 16  # rows of a tile, and sums in a row
COLUMNS = 32  # numbers of bfloat16 in a row
BYTES = 64  # of a row
# Palette 1, and for each of eight registers 64 bytes in a row and 16 rows, as words.
CONFIGURATION = (1, 0, 0, 0, *[0x00400040] * 4, *[0] * 4, *[0x10101010] * 2, 0, 0)
ROWS, LANES = (4, 5), (6, 7)

_DECLARED = """\
declare void @llvm.x86.ldtilecfg(ptr)
declare void @llvm.x86.sttilecfg(ptr)
declare void @llvm.x86.tilezero(i8)
declare void @llvm.x86.tileloadd64(i8, ptr, i64)
declare void @llvm.x86.tilestored64(i8, ptr, i64)
declare void @llvm.x86.tdpbf16ps(i8, i8, i8)
"""


@cache
def functions() -> str:
    """All of it: `begin(before, configuration)`, `end(before)` and products of 1 or 2 by 1 or 2."""
    ends = f"""\
define i32 @{NAME}_begin(ptr %before, ptr %configuration) {{
  call void @llvm.x86.sttilecfg(ptr %before)
  call void @llvm.x86.ldtilecfg(ptr %configuration)
  ret i32 0
}}
define i32 @{NAME}_end(ptr %before) {{
  call void @llvm.x86.ldtilecfg(ptr %before)
  ret i32 0
}}
"""
    return _DECLARED + ends + "".join(_product(m, n) for m, n in product((1, 2), (1, 2)))


def _product(m: int, n: int) -> str:
    """`MxN(c, a, b, c_stride, a_stride, b_stride, a_step, b_step, steps, fresh)`.

    Of m by n tiles, c += a . b over so many steps of 32 numbers (c = a . b if `fresh`). Strides are
    in bytes.
    """
    strides = ", ".join(f"i64 %{name}" for name in ("cs", "as", "bs", "ad", "bd", "steps"))
    arguments = f"ptr %c, ptr %a, ptr %b, {strides}, i32 %fresh"
    sums = [(i, j) for i in range(m) for j in range(n)]
    lines = [f"define i32 @{NAME}_{m}x{n}({arguments}) {{", "  %down = shl i64 %cs, 4"]
    lines += [f"  %c{i}{j} = {_address('%c', i, j)}" for i, j in sums if not i]
    lines += [f"  %c{i}{j} = getelementptr i8, ptr %c0{j}, i64 %down" for i, j in sums if i]
    lines += [
        "  %far = shl i64 %as, 4",
        "  %zero = icmp ne i32 %fresh, 0",
        "  br i1 %zero, label %clear, label %read",
        "clear:",
        *(f"  call void @llvm.x86.tilezero(i8 {i * n + j})" for i, j in sums),
        "  br label %loop",
        "read:",
        *(f"  {_load(i * n + j, f'%c{i}{j}', '%cs')}" for i, j in sums),
        "  br label %loop",
        "loop:",
        *(
            f"  %{name} = phi {kind} [{start}, %clear], [{start}, %read], [%{name}n, %loop]"
            for name, kind, start in (("t", "i64", "0"), ("x", "ptr", "%a"), ("y", "ptr", "%b"))
        ),
        *_operands(m, n),
        *(
            f"  call void @llvm.x86.tdpbf16ps(i8 {i * n + j}, i8 {ROWS[i]}, i8 {LANES[j]})"
            for i, j in sums
        ),
        "  %xn = getelementptr i8, ptr %x, i64 %ad",
        "  %yn = getelementptr i8, ptr %y, i64 %bd",
        "  %tn = add i64 %t, 1",
        "  %more = icmp slt i64 %tn, %steps",
        "  br i1 %more, label %loop, label %write",
        "write:",
        *(
            f"  call void @llvm.x86.tilestored64(i8 {i * n + j}, ptr %c{i}{j}, i64 %cs)"
            for i, j in sums
        ),
        "  ret i32 0",
        "}",
        "",
    ]
    return "\n".join(lines)


def _operands(m: int, n: int) -> Iterator[str]:
    """The loads of a step."""
    yield f"  {_load(ROWS[0], '%x', '%as')}"
    if m == 2:
        yield "  %x1 = getelementptr i8, ptr %x, i64 %far"
        yield f"  {_load(ROWS[1], '%x1', '%as')}"
    yield f"  {_load(LANES[0], '%y', '%bs')}"
    if n == 2:
        yield f"  %y1 = {_address('%y', 0, 1)}"
        yield f"  {_load(LANES[1], '%y1', '%bs')}"


def _address(pointer: str, row: int, column: int) -> str:
    assert row == 0
    return f"getelementptr i8, ptr {pointer}, i64 {column * BYTES}"


def _load(register: int, pointer: str, stride: str) -> str:
    return f"call void @llvm.x86.tileloadd64(i8 {register}, ptr {pointer}, i64 {stride})"
