"""Random formulas, each written twice: in the language, and as a Python function of one pair."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings, strategies as st

from attnc.runtime.oracle import mask

HEADS = 3
SPANS = (0, 4, 2)


@dataclass(frozen=True)
class Pair:
    """What a formula can see."""

    q: int
    k: int
    h: int
    len: int
    qlen: int


@dataclass(frozen=True)
class Both:
    """A formula as text and as a function."""

    text: str
    at: Callable[[Pair], int]

    def __repr__(self) -> str:
        return self.text


def join(shape: str, function: Callable[..., int], *parts: Both) -> Both:
    """The parts put into a template such as `({} + {})`, and into the function."""
    text = shape.format(*(part.text for part in parts))
    return Both(text, lambda pair: function(*(part.at(pair) for part in parts)))


def constant(value: int) -> Both:
    return Both(str(value), lambda _: value)


NAMES = [Both(name, lambda pair, name=name: getattr(pair, name)) for name in ("q", "k", "len")]
LEAVES = st.one_of(
    st.sampled_from(NAMES),
    st.just(Both("(q - k)", lambda pair: pair.q - pair.k)),
    st.just(Both("span[h]", lambda pair: SPANS[pair.h])),
    st.just(Both("qlen", lambda pair: pair.qlen)),
    st.integers(0, 9).map(constant),
)


def larger_number(inner: st.SearchStrategy[Both]) -> st.SearchStrategy[Both]:
    divisor = st.integers(1, 9)
    return st.one_of(
        st.builds(lambda a, b: join("({} + {})", lambda x, y: x + y, a, b), inner, inner),
        st.builds(lambda a, b: join("({} - {})", lambda x, y: x - y, a, b), inner, inner),
        st.builds(lambda a: join("(-{})", lambda x: -x, a), inner),
        st.builds(lambda a: join("abs({})", abs, a), inner),
        st.builds(lambda a, d: join(f"({{}} div {d})", lambda x: x // d, a), inner, divisor),
        st.builds(lambda a, d: join(f"({{}} mod {d})", lambda x: x % d, a), inner, divisor),
        st.builds(lambda a, d: join(f"({d} * {{}})", lambda x: d * x, a), inner, divisor),
        st.builds(lambda a, b: join("min({}, {})", min, a, b), inner, inner),
        st.builds(lambda a, b: join("max({}, {})", max, a, b), inner, inner),
        st.builds(
            lambda a, b, c: join(
                "clamp({}, {}, {})", lambda x, low, high: min(max(x, low), high), a, b, c
            ),
            *(inner, inner, inner),
        ),
    )


NUMBERS = st.recursive(LEAVES, larger_number, max_leaves=5)
COMPARISONS = st.one_of(
    st.builds(lambda a, b: join("{} < {}", lambda x, y: x < y, a, b), NUMBERS, NUMBERS),
    st.builds(lambda a, b: join("{} >= {}", lambda x, y: x >= y, a, b), NUMBERS, NUMBERS),
    st.builds(lambda a, b: join("{} != {}", lambda x, y: x != y, a, b), NUMBERS, NUMBERS),
    st.builds(
        lambda a, b, c: join("{} <= {} == {}", lambda x, y, z: x <= y == z, a, b, c),
        *(NUMBERS, NUMBERS, NUMBERS),
    ),
    st.builds(
        lambda a, n: join(
            f"(exists i in 0..{n} : {{}} == 2^i)", lambda x: x in [2**i for i in range(n)], a
        ),
        *(NUMBERS, st.integers(0, 5)),
    ),
)


def larger_set(inner: st.SearchStrategy[Both]) -> st.SearchStrategy[Both]:
    return st.one_of(
        st.builds(lambda a, b: join("({} | {})", lambda x, y: x or y, a, b), inner, inner),
        st.builds(lambda a, b: join("({} & {})", lambda x, y: x and y, a, b), inner, inner),
        st.builds(lambda a, b: join("({} - {})", lambda x, y: x and not y, a, b), inner, inner),
        st.builds(lambda a: join("~{}", lambda x: not x, a), inner),
        st.builds(
            lambda a, c: join("({} when {})", lambda x, y: x and y, a, c), inner, COMPARISONS
        ),
    )


SETS = st.recursive(
    COMPARISONS.map(lambda c: join("{{ {} }}", lambda x: x, c)), larger_set, max_leaves=4
)


@settings(max_examples=100, deadline=None)
@given(SETS, st.integers(1, 8), st.integers(1, 8))
def test_formulas(pairs: Both, q_len: int, kv_len: int) -> None:
    parameters = f"(span = {list(SPANS)})" if "span" in pairs.text else ""
    spec = f"attention random{parameters} {{ mask {pairs.text} }}"
    found = mask(spec, q_len=q_len, kv_len=kv_len, heads=HEADS).numpy()
    found = np.broadcast_to(found, (HEADS, q_len, kv_len))
    for h, i, j in np.ndindex(*found.shape):
        pair = Pair(kv_len - q_len + i, j, h, kv_len, q_len)
        assert found[h, i, j] == bool(pairs.at(pair))
