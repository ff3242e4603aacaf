"""The adapter against transformers' own attention, on small random models."""

from contextlib import nullcontext

import pytest
import torch
import transformers
from torch import Tensor

import attnc
from attnc.runtime.integrations import hugging_face
from attnc.runtime.integrations.errors import (
    DenseMask,
    DropoutRequested,
    KeysDropped,
    LayerWithoutOperator,
    PackedBatch,
    PaddingWithHoles,
    UnsupportedKeyword,
    UnsupportedMask,
)
from tests.integrations import dense

WINDOW = 6
PADS = {"none": (0, 0), "left": (5, 0), "right": (0, 4), "both": (3, 2)}


def gemma(**config):
    torch.manual_seed(0)
    return transformers.Gemma3ForCausalLM(
        transformers.Gemma3TextConfig(
            vocab_size=61,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            sliding_window=WINDOW,
            layer_types=["sliding_attention", "full_attention"] * 2,
            pad_token_id=0,
            eos_token_id=None,
            bos_token_id=None,
            **config,
        )
    ).eval()


@pytest.fixture
def operators():
    pair = dense.causal(), dense.mistral(WINDOW)
    hugging_face.register("attnc-test", full=pair[0], sliding=pair[1])
    return pair


def tokens(batch: int, length: int) -> Tensor:
    return torch.randint(1, 61, (batch, length), generator=torch.Generator().manual_seed(1))


def padding(length: int, sides: str) -> Tensor:
    left, right = PADS[sides]
    mask = torch.ones(2, length, dtype=torch.long)
    mask[0, :left] = 0
    mask[0, length - right :] = 0
    return mask


def logits(model, name, **inputs):
    model.set_attn_implementation(name)
    with torch.no_grad():
        return model(**inputs).logits


@pytest.mark.parametrize("sides", PADS)
@pytest.mark.parametrize("length", [6, 7, 20])
def test_padded_forward_equals_stock(operators, sides, length):
    model, mask = gemma(), padding(length, sides)
    inputs = {"input_ids": tokens(2, length), "attention_mask": mask}
    stock, ours = logits(model, "sdpa", **inputs), logits(model, "attnc-test", **inputs)
    torch.testing.assert_close(ours[mask == 1], stock[mask == 1])


@pytest.mark.parametrize("cache", ["dynamic", "static"])
@pytest.mark.parametrize("sides", ["none", "left"])
@pytest.mark.parametrize("length", [6, 12])
def test_generation_equals_stock(operators, cache, sides, length):
    check_generation("attnc-test", cache, sides, length)


@pytest.mark.parametrize("cache", ["dynamic", "static"])
def test_generation_by_compiled_operators_equals_stock(cache):
    sliding = attnc.compile("line/mistral", w=WINDOW)
    hugging_face.register("attnc-compiled", full="line/causal", sliding=sliding)
    check_generation("attnc-compiled", cache, "left", 12)


def check_generation(name: str, cache: str, sides: str, length: int) -> None:
    model, mask = gemma(), padding(length, sides)
    inputs = {"input_ids": tokens(2, length), "attention_mask": mask}
    options = {
        "max_new_tokens": 12,
        "do_sample": False,
        "cache_implementation": cache,
        "disable_compile": True,
        "output_scores": True,
        "return_dict_in_generate": True,
    }
    model.set_attn_implementation("sdpa")
    stock = model.generate(**inputs, **options)
    model.set_attn_implementation(name)
    ours = model.generate(**inputs, **options)
    assert torch.equal(ours.sequences, stock.sequences)
    torch.testing.assert_close(torch.stack(ours.scores), torch.stack(stock.scores))


def test_a_second_prompt_on_a_warm_cache(operators):
    model, ids = gemma(), tokens(1, 30)
    with torch.no_grad():
        model.set_attn_implementation("sdpa")
        stock = model(ids).logits
        model.set_attn_implementation("attnc-test")
        first = model(ids[:, :17], use_cache=True)
        second = model(ids[:, 17:], past_key_values=first.past_key_values)
    torch.testing.assert_close(torch.cat([first.logits, second.logits], 1), stock)


def test_nothing_is_passed_where_defaults_do(operators):
    logits(gemma(), "attnc-test", input_ids=tokens(2, 9), attention_mask=padding(9, "none"))
    assert [operator.calls for operator in operators] == [[{}, {}], [{}, {}]]


def test_cropped_cache_keeps_absolute_positions(operators):
    model = gemma()
    model.set_attn_implementation("attnc-test")
    model.generate(tokens(1, 20), max_new_tokens=2, do_sample=False)
    last = operators[1].calls[-1]
    assert (last["q_start"], last["k_start"]) == (20, 20 - WINDOW + 1)


@pytest.mark.parametrize(("spec", "refused"), [("line/causal", True), ("line/mistral", False)])
def test_cache_that_drops_keys_of_the_pattern_is_refused(spec, refused):
    parameters = {"w": WINDOW} if spec == "line/mistral" else {}
    operator = attnc.compile(spec, **parameters)
    hugging_face.register("attnc-reach", full="line/causal", sliding=operator)
    model = gemma()
    model.set_attn_implementation("attnc-reach")
    model.generate(tokens(1, 3), max_new_tokens=3, do_sample=False)
    with pytest.raises(KeysDropped, match="keeps 6 keys") if refused else nullcontext():
        model.generate(tokens(1, 3), max_new_tokens=9, do_sample=False)


def test_packed_sequences_become_cumulative_lengths(operators):
    ids, places = tokens(1, 12), torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 0]])
    inputs = {"input_ids": ids, "position_ids": places, "use_cache": False}
    stock, ours = (logits(gemma(), name, **inputs) for name in ("sdpa", "attnc-test"))
    torch.testing.assert_close(ours, stock)
    assert operators[0].calls[0]["cu_seqlens"].tolist() == [0, 4, 11, 12]


def test_packed_batch_of_two_rows_is_refused(operators):
    places = torch.tensor([[0, 1, 0, 1]] * 2)
    with pytest.raises(PackedBatch, match="2 rows"):
        logits(gemma(), "attnc-test", input_ids=tokens(2, 4), position_ids=places, use_cache=False)


def test_holes_in_the_padding_are_refused(operators):
    mask = torch.tensor([[1, 1, 1, 1], [1, 0, 1, 1]])
    with pytest.raises(PaddingWithHoles, match="entry 1 has padding between"):
        logits(gemma(), "attnc-test", input_ids=tokens(2, 4), attention_mask=mask)


def test_dense_mask_is_refused(operators):
    mask = torch.ones(1, 1, 4, 4, dtype=torch.bool)
    with pytest.raises(DenseMask, match=r"\(1, 1, 4, 4\)"):
        logits(gemma(), "attnc-test", input_ids=tokens(1, 4), attention_mask=mask)


def test_mask_that_the_model_adds_is_refused_unless_the_spec_has_it(operators):
    model, inputs = gemma(use_bidirectional_attention=True), {"input_ids": tokens(1, 3)}
    with pytest.raises(UnsupportedMask, match="lambda") as refused:
        logits(model, "attnc-test", **inputs)
    everything = dense.full()
    names = [refused.value.what, "_bidirectional_window_overlay.<locals>.inner_mask"]
    hugging_face.register("attnc-both", everything, everything, ignore=tuple(names))
    torch.testing.assert_close(
        logits(model, "attnc-both", **inputs), logits(model, "sdpa", **inputs)
    )


def test_dropout_is_refused(operators):
    model = gemma(attention_dropout=0.1).train()
    with pytest.raises(DropoutRequested, match=r"0\.1"):
        logits(model, "attnc-test", input_ids=tokens(1, 4))


def test_missing_operator_is_named(operators):
    hugging_face.register("attnc-full-only", full=operators[0])
    with pytest.raises(LayerWithoutOperator, match="sliding"):
        logits(gemma(), "attnc-full-only", input_ids=tokens(1, 4))


def attend(attention, **keywords):
    q = torch.randn(1, 2, 5, 4)
    return attention(torch.nn.Module(), q, q, q, None, **keywords)


def test_sink_logits_go_to_the_input_that_is_named_for_them():
    def operator(q, k, v, *, scale, z):
        assert z.tolist() == [1.0, 2.0]
        return q

    sinks = torch.tensor([1.0, 2.0])
    with pytest.raises(UnsupportedKeyword, match="s_aux"):
        attend(hugging_face.Attention(full=operator), s_aux=sinks)
    attend(hugging_face.Attention(full=operator, inputs={"s_aux": "z"}), s_aux=sinks)


@pytest.mark.parametrize("name", ["softcap", "head_mask", "output_attentions", "position_bias"])
def test_what_the_spec_does_not_take_is_refused(name):
    attention = hugging_face.Attention(full=dense.causal())
    with pytest.raises(UnsupportedKeyword, match=name):
        attend(attention, **{name: 50.0})
    attend(attention, **{name: None})


def test_softcap_that_the_spec_holds_is_ignored_by_name():
    out, _ = attend(
        hugging_face.Attention(full=dense.causal(), ignore=frozenset({"softcap"})), softcap=50.0
    )
    assert out.shape == (1, 5, 2, 4)
    assert out.is_contiguous()


@pytest.mark.parametrize("sides", PADS)
def test_encoder_equals_stock(sides):
    config = transformers.BertConfig(
        vocab_size=61,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
    )
    torch.manual_seed(0)
    model, mask = transformers.BertModel(config).eval(), padding(13, sides)
    hugging_face.register("attnc-encoder", full=dense.full())
    outputs = []
    for name in ("sdpa", "attnc-encoder"):
        model.set_attn_implementation(name)
        with torch.no_grad():
            outputs.append(model(tokens(2, 13), attention_mask=mask).last_hidden_state[mask == 1])
    torch.testing.assert_close(*outputs)
