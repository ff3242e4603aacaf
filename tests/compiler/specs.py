"""Specs of known patterns, for the tests of several modules."""

from attnc.compiler.relation import Relation, of_bound
from attnc.dsl.loader import load
from attnc.dsl.program import Bound

MASKS = {
    "causal": "causal",
    "window": "causal & window(20)",
    "streaming": "causal & (window(20) | sink(4))",
    "longformer": "window(20) | global(5)",
    "dilated": "dilated(6, 4)",
    "neighborhood": "neighborhood(13)",
    "blocks": "blocks(24)",
    "shifted": "shifted_blocks(24)",
    "strided": "causal & (window(16) | strided(16))",
    "fixed": "causal & (blocks(16) | { k mod 16 >= 14 })",
    "powers": "window(3, 0) | powers(4)",
    "prefix": "causal | prefix(30)",
    "lists": "causal & { q - k <= [5, 9, 40][h] }",
    "longlora": "(blocks(24) when h < 1) | (shifted_blocks(24) when h >= 1)",
    "modular": "{ exists i in 0..200 : k == 7 * i + q mod 3 }",
}
HEADS = 3


def bind(mask: str, *, inputs: str = "", asserts: str = "", parameters: str = "") -> Bound:
    source = f"attn 1\nuse std\nattention test{parameters} {{ {inputs} mask {mask} {asserts} }}"
    return load(source).bind()


def relation(name: str) -> Relation:
    if name == "lists":
        return of_bound(
            bind("causal & { q - k <= spans[h] }", parameters="(spans = [5, 9, 40])"), 3
        )
    return of_bound(bind(MASKS[name]), HEADS)
