"""What the verifiers refuse, and that text and modules are two forms of one thing."""

import pytest
from xdsl.utils.exceptions import ParseError, VerifyException

from attnc.compiler import pipeline
from attnc.compiler.dialects import attn, tile
from attnc.compiler.dialects.attributes import number

KQ = '!tile.block<"kq">'
QD, KD, KV = (f'!tile.block<"{axes}">' for axes in ("qd", "kd", "kv"))

ATTENTION = """attn.attention @a heads {heads} dims 64 / 64 inputs [{inputs}] cross 0 {{
  %0 = attn.pairs "{condition}" : !attn.set
  attn.mask %0 : !attn.set
  {more}
}}"""

KERNEL = """tile.kernel @a heads {heads} dims 64 / 64 tile 48 x 8 {options} inputs [] cross 0 {{
  {load}
  tile.visit "{tile_class}" by "{source}" plan {{
    {plan}
  }} each {{
    %1 = tile.load "k" : {keys}
    {more}
  }}
  {finish}
}}"""
KERNEL_DEFAULTS = {
    "heads": "0 / 0",
    "options": "",
    "load": f'%0 = tile.load "q" : {QD}',
    "tile_class": "full",
    "source": "loops",
    "plan": 'tile.push "0"',
    "keys": KD,
    "more": "",
    "finish": 'tile.finish "softmax" into "out"',
}
AXIS = '#attn.axis<"%s", "%s", %d : i64, %d : i64, 0 : i64>'


def attention(heads="0 / 0", condition="k <= q", inputs="", more='attn.normalize "softmax"'):
    text = ATTENTION.format(heads=heads, condition=condition, inputs=inputs, more=more)
    return pipeline.parse(text)


def kernel(**changes):
    return pipeline.parse(KERNEL.format(**(KERNEL_DEFAULTS | changes)))


def test_the_templates_are_right():
    attention()
    kernel()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": "3 / 2"}, "multiple of the number of KV heads"),
        ({"heads": "4 / 0"}, "multiple of the number of KV heads"),
        ({"condition": "k <="}, "not an expression"),
        ({"condition": "import os"}, "not an expression"),
        ({"inputs": '#attn.input<"x", "bool", "q">'}, "int, float or set"),
        ({"inputs": '#attn.input<"x", "int", "k q">'}, "in order"),
        ({"inputs": '#attn.input<"x", "int", "q q">'}, "in order"),
        ({"inputs": '#attn.input<"x", "int", "row">'}, "not out of"),
        ({"more": 'attn.score "s +"'}, "not an expression"),
        ({"more": 'attn.assert "causal" is "true"'}, "a verdict is one of"),
        ({"more": "attn.tiling 0 x 8"}, "at least one row"),
        ({"more": 'attn.visits "half" by "loops" { tile.push "0" }'}, "a class is one of"),
        ({"more": 'attn.visits "full" by "magic" { tile.push "0" }'}, "a plan runs by one of"),
        ({"more": 'attn.visits "full" by "loops" { attn.normalize "softmax" }'}, "has no attn"),
        ({"more": 'attn.relation "k <=" upper "{ [q, k] }"'}, "not an expression"),
    ],
)
def test_attn_refuses(changes, message):
    with pytest.raises((VerifyException, ParseError), match=message):
        attention(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": "3 / 2"}, "multiple of the number of KV heads"),
        ({"tile_class": "half"}, "a class is one of"),
        ({"source": "magic"}, "a plan runs by one of"),
        ({"options": 'owner "d"'}, "owns a tile of"),
        ({"options": 'dtype "int8"'}, "a dtype is one of"),
        ({"options": f"axes [{AXIS % ('y', 'H +', 4, 1)}]"}, "not an expression"),
        ({"options": f"axes [{AXIS % ('y', '', 4, 1)}]"}, "a label and an extent"),
        ({"options": f"axes [{AXIS % ('y', 'H', 4, 0)}]"}, "at least one step apart"),
        ({"heads": "8 / 4", "options": "packed 4"}, "those of one KV head"),
        ({"heads": "10 / 2", "options": "packed 5"}, "all packed heads"),
        ({"options": 'owner "k"'}, "loaded where its tile is"),
        ({"load": f'%0 = tile.load "k" : {KD}'}, "loaded where its tile is"),
        ({"load": f'%0 = tile.load "x" : {QD}'}, "an operand is one of"),
        ({"load": f'%0 = tile.load "q" : {KD}'}, "has the axes 'qd'"),
        ({"keys": '!tile.block<"kx">'}, "distinct axes"),
        ({"keys": '!tile.block<"kk">'}, "distinct axes"),
        ({"plan": 'tile.push "c +"'}, "not an expression"),
        ({"plan": 'tile.push "c" if "true"'}, "both conditions or none"),
        ({"plan": 'tile.if "q <" { tile.push "c" }'}, "not an expression"),
        ({"plan": 'tile.for "c" from "0" to "9" step 0 { tile.push "c" }'}, "a step is positive"),
        ({"plan": 'tile.for "c" from "0" to "" step 1 { tile.push "c" }'}, "not an expression"),
        ({"plan": 'tile.for "c" from "0" to "9" step 1 { tile.store "dk" }'}, "has no tile.store"),
        ({"plan": 'tile.finish "softmax" into "out"'}, "a plan enumerates tiles"),
        ({"finish": 'tile.finish "softmax" into "dk"'}, "does not own rows"),
        ({"finish": 'tile.store "dv"'}, "does not own rows"),
        ({"finish": 'tile.store "out" times "2 *"'}, "not an expression"),
    ],
)
def test_tile_refuses(changes, message):
    with pytest.raises((VerifyException, ParseError), match=message):
        kernel(**changes)


DOT = f"%2 = tile.dot %0, %1 : {QD}, {KD} -> {KQ}\n"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (f"%2 = tile.dot %0, %1 : {QD}, {KD} -> {QD}", "do not share"),
        (f"%2 = tile.dot %0, %0 : {QD}, {QD} -> {KQ}", "share exactly one axis"),
        (DOT + f'%3 = tile.mask %2 where "k <" : {KQ} -> {KQ}', "not an expression"),
        (DOT + f'%3 = tile.mask %2 where "k < q" : {KQ} -> {KD}', "keeps the axes"),
        (DOT + f'%3 = tile.score %2 as "s s" : {KQ} -> {KQ}', "not an expression"),
        (DOT + f"%3 = tile.online_softmax %2 : {KQ} -> {QD}", "keeps the axes"),
        (DOT + f'tile.accumulate %2, %1 into "out" : {KQ}, {KD}', "has the axes 'qv'"),
        (DOT + f'tile.accumulate %2, %1 into "acc" : {KQ}, {KD}', "a target is one of"),
        (DOT + f'%3 = tile.map %2 named [] as "s" : {KQ} -> {KQ}', "names each"),
        (DOT + f'%3 = tile.map %2 named ["s"] as "exp(" : {KQ} -> {KQ}', "not an expression"),
        (DOT + f'%3 = tile.map %2 named ["s"] as "s" : {KQ} -> !tile.block<"q">', "keeps the axes"),
    ],
)
def test_steps_refused(steps, message):
    with pytest.raises((VerifyException, ParseError), match=message):
        kernel(more=steps)


def test_a_kernel_of_keys():
    values = f'%0 = tile.load "v" : {KV}'
    changes = {"options": 'owner "k"', "load": values, "finish": 'tile.store "dv"'}
    text = KERNEL.format(**(KERNEL_DEFAULTS | changes))
    (op,) = pipeline.parse(text.replace(f'"k" : {KD}', f'"q" : {QD}')).body.block.ops
    assert (op.owner.data, op.packed.value.data) == ("k", 1)
    assert (len(op.axes), op.dtype.data) == (0, "float32")


def test_defaults_are_not_printed():
    (op,) = kernel(options='owner "q" packed 1 dtype "float32"').body.block.ops
    assert "owner" not in str(op) and "packed" not in str(op) and "dtype" not in str(op)


@pytest.mark.parametrize(
    "options",
    [
        "",
        f"axes [{AXIS % ('', '', 48, 4)}]",
        f'packed 4 axes [{AXIS % ("y", "H", 4, 1)}, {AXIS % ("x", "W", 4, 2)}] dtype "float16"',
        'owner "q" dtype "bfloat16"',
    ],
)
def test_kernel_text_round_trips(options):
    steps = (
        DOT
        + f"""
    %3 = tile.score %2 as "s * 2.0" : {KQ} -> {KQ}
    %4 = tile.map %3, %2 named ["a", "b"] as "max(a, b)" : {KQ}, {KQ} -> {KQ}
    %5 = tile.mask %4 where "k <= q and not k == 3" : {KQ} -> {KQ}
    %6 = tile.online_softmax %5 : {KQ} -> {KQ}
    %7 = tile.load "v" : {KV}
    tile.accumulate %6, %7 into "out" : {KQ}, {KV}"""
    )
    plan = """tile.for "c" from "0" to "t" step 2 {
      tile.if "c mod 3 == 0" { tile.push "c" if "k_low < 3" full if "k_high < 3" }
    }"""
    module = kernel(heads="8 / 2", options=options, plan=plan, more=steps)
    assert str(pipeline.parse(str(module))) == str(module)
    assert pipeline.parse(str(module)).is_structurally_equivalent(module)


def test_attention_text_round_trips():
    more = """%1 = attn.complement %0 : !attn.set -> !attn.set
  %2 = attn.union %0, %1 : !attn.set, !attn.set -> !attn.set
  %3 = attn.difference %2, %0 : !attn.set, !attn.set -> !attn.set
  attn.relation "k <= q" upper "{ [q, k] : k <= q }" lower "{ [q, k] : false }"
  attn.score "softcap(s, 50.0)"
  attn.normalize "softmax"
  attn.assert "covers"
  attn.assert "causal" is "refuted" at "N = 1"
  attn.tiling 48 x 8
  attn.classes full "{ [t, c] }" partial "{ [t, c] : false }"
  attn.visits "full" by "table" { tile.push "0" }"""
    inputs = '#attn.input<"doc", "int", "token">, #attn.input<"n", "float", "">'
    module = attention(heads="8 / 2", inputs=inputs, more=more)
    assert str(pipeline.parse(str(module))) == str(module)
    assert pipeline.parse(str(module)).is_structurally_equivalent(module)


def test_building_refuses_too():
    tiling = attn.TilingOp.build(properties={"q": number(-48), "k": number(8)})
    with pytest.raises(VerifyException, match="at least one row"):
        tiling.verify()
    with pytest.raises(VerifyException, match="distinct axes"):
        tile.block("qq")
