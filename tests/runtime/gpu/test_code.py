"""Loops of control-flow graphs, and the two disassemblies that lead to them."""

from attnc.runtime.gpu import amdgcn, sass
from attnc.runtime.gpu.code import Code, Instruction, loops, natural_loops


def op(name: str, *targets: str, falls: bool = True) -> Instruction:
    return Instruction(name, targets=targets, falls=falls)


def test_nested_loops_and_code_out_of_line() -> None:
    code = Code(
        [
            op("start"),
            op("outer"),  # 1
            op("mma"),
            op("wait", "away"),  # 3: a spin wait, its body behind the exit
            op("inner"),  # 4
            op("mma"),
            op("again", "inner"),
            op("more", "outer"),  # 7
            op("exit", falls=False),
            op("spin", "away"),  # 9
            op("back", "resume", falls=False),
        ],
        {"outer": 1, "inner": 4, "away": 9, "resume": 4},
    )
    assert set(natural_loops(code)) == {
        frozenset({1, 2, 3, 4, 5, 6, 7, 9, 10}),
        frozenset({4, 5, 6}),
        frozenset({9}),
    }
    outer, inner = loops(code, frozenset({2, 5}))
    assert outer.own == [1, 2, 3, 7, 9, 10]  # the spin wait is its own, the inner loop is not
    assert inner.own == [4, 5, 6]


def test_loops_without_what_is_asked_for_are_left_out() -> None:
    code = Code([op("a"), op("b"), op("c", "top")], {"top": 1})
    assert loops(code, frozenset({0})) == []
    assert [loop.own for loop in loops(code, frozenset({1}))] == [[1, 2]]


SASS = """
	.section	.text.f,"ax",@progbits
.L_x_0:
	//## File "/tmp/f.py", line 7
        /*0000*/                   HGMMA.64x128x16.F32.BF16 R24, gdesc[UR8], R24 ;
        /*0010*/                   MUFU.EX2 R3, R4 ;
        /*0020*/              @!P0 BRA `(.L_x_1) ;
	//## File "/tmp/g.py", line 9 inlined at "/tmp/f.py", line 7
        /*0030*/                   HMMA.16816.F32.BF16 R4, R8, R12, R4 ;
        /*0040*/                   UMOV UR31, 0x8200490 ;
        /*0050*/                   UTCHMMA gdesc[UR4], gdesc[UR6], tmem[UR8], tmem[UR30], idesc[UR31], UPT ;
        /*0060*/                   BRA `(.L_x_0) ;
.L_x_1:
        /*0070*/                   EXIT ;
"""  # noqa: E501


def test_sass() -> None:
    code = sass.parse(SASS)
    assert code.labels == {".L_x_0": 0, ".L_x_1": 7}
    assert [x.falls for x in code.instructions] == [True] * 6 + [False] * 2
    names = [sass.classify(x) for x in code.instructions]
    assert names == ["mma", "exp", "branch", "mma", "move", "mma", "branch", "branch"]
    assert [loop.own for loop in loops(code, frozenset({0}))] == [list(range(7))]
    one = 2 * 64 * 128 * 16
    assert sass.mma_flop(code.instructions, [0], warps=8) == 2 * one  # two groups of four warps
    assert sass.mma_flop(code.instructions, [3], warps=8) == 8 * 2 * 16 * 8 * 16
    assert sass.mma_flop(code.instructions, [5], warps=4) == 2 * 128 * 128 * 16


def test_a_descriptor_that_is_no_constant_is_not_guessed() -> None:
    code = sass.parse(SASS.replace("UMOV UR31, 0x8200490", "UMOV UR31, UR7"))
    assert sass.mma_flop(code.instructions, [5], warps=4) is None


def test_amd() -> None:
    text = "\t.loc\t1 14 7\n.LBB0_1:\n\tv_mfma_f32_32x32x8_bf16 v[0:15], v[1:2], v[3:4], 0\n"
    text += "\tv_exp_f32_e32 v1, v2\n\ts_cbranch_scc1 .LBB0_1\n\ts_endpgm\n"
    code = amdgcn.parse(text)
    assert [amdgcn.classify(x) for x in code.instructions] == ["mma", "exp", "branch", "branch"]
    assert [loop.own for loop in loops(code, frozenset({0}))] == [[0, 1, 2]]
    assert amdgcn.mma_flop(code.instructions, [0], warps=2) == 2 * 2 * 32 * 32 * 8
    assert code.instructions[0].line == 14
