"""Random masks of grids with tokens beside them: text that reads all that a mask can read there."""

from dataclasses import dataclass
from random import Random
from typing import Any

HEAD = """grid y: H, x: W
{segments}mask near(m, n) = {{ abs(m - n) <= 1 }}
mask far(m, n = m) = {{ n >= 2 or m == n }}
mask flag(p: bool) = {{ p }}
mask least(m, n = m mod 1) = {{ n == 0 }}
attention random {{ mask {mask} }}
"""
SEGMENTS = {
    "text": "segment text: L before\n",
    "mid": "segment mid: 2 before\n",
    "pad": "segment pad: 2 after\n",
}
LINES = ("window(2)", "causal", "same", "blocks(2)", "neighborhood(3)")


@dataclass(frozen=True, slots=True)
class Masks:
    """Writes masks; `lifted` is whether an `on` is around."""

    at: Random
    segments: tuple[str, ...]

    def spec(self) -> str:
        """A whole spec."""
        declared = "".join(SEGMENTS[name] for name in self.segments)
        return HEAD.format(segments=declared, mask=self.pairs(2, False))

    def number(self, depth: int, lifted: bool) -> str:
        """A number of the query, the key, or the call."""
        if depth <= 0 or self.at.random() < 0.4:
            points = [f"{side}.{axis}" for side in "qk" for axis in "yx"] * 2
            lengths = ["H", "W", "len", *(["L"] if "text" in self.segments else [])]
            names = ["q", "k", "q", "k", "len"] if lifted else points + lengths
            return self.at.choice([str(self.at.randint(-3, 6)), *names])
        one, two = (self.number(depth - 1, lifted) for _ in range(2))
        size = self.at.randint(1, 4)
        forms = [f"({one} + {two})", f"({one} - {two})", f"({size - 2} * {one})", f"abs({one})"]
        forms += [f"({one} div {size})", f"({one} mod {size})", f"min({one}, {two})"]
        return self.at.choice([*forms, f"clamp({one}, -1, {size})"])

    def condition(self, depth: int, lifted: bool) -> str:
        """A condition on the pair."""
        number = [self.number(max(depth, 0), lifted) for _ in range(3)]
        compared = f"{number[0]} {self.at.choice(['<', '<=', '==', '!=', '>'])} {number[1]}"
        if depth <= 0 or self.at.random() < 0.35:
            side = self.at.choice("qk")
            forms = [compared]
            if not lifted:
                forms += [f"q {self.at.choice(['<=', '!='])} k", "h == 0"]
                forms += [f"{side} in {name}" for name in self.segments]
            return self.at.choice(forms)
        one, two = (self.condition(depth - 1, lifted) for _ in range(2))
        variable = f"i{self.at.randint(0, 999)}"
        drawn = f"chance({self.at.choice(['0.5', '1'])}, 3, {number[0]})"
        forms = [f"({one} and {two})", f"({one} or {two})", f"not ({one})", drawn]
        forms += [f"{number[0]} <= {number[1]} < {number[2]}"]
        return self.at.choice(
            [*forms, f"(exists {variable} in 0..3: {number[0]} == {variable} + {number[1]})"]
        )

    def pairs(self, depth: int, lifted: bool) -> str:
        """A set of pairs."""
        written = f"{{ {self.condition(2, lifted)} }}"
        number = [self.number(1, lifted) for _ in range(2)]
        called = [f"near({number[0]}, {number[1]})", f"far({number[0]})", f"least({number[0]})"]
        called += [f"flag({self.condition(1, lifted)})", *(LINES if lifted else ["causal"])]
        forms = [written, self.at.choice(called)]
        if not lifted:
            forms += [f"({self.pairs(depth - 1, True)} on {self.at.choice('yx')})"]
        if depth > 0:
            one, two = (self.pairs(depth - 1, lifted) for _ in range(2))
            forms += [f"({one} {sign} {two})" for sign in "|&-"]
            forms += [f"~({one})", f"({one} when {self.condition(1, lifted)})"]
        return self.at.choice(forms)


def drawn(seed: int) -> tuple[str, list[dict[str, Any]]]:
    """A spec, and calls of it: extents and lengths."""
    at = Random(seed)
    segments = at.choice([(), ("text",), ("text", "mid"), ("text", "pad"), ("pad",)])
    text = Masks(at, segments).spec()
    calls: list[dict[str, Any]] = []
    for length in (0, 1, 3):
        calls.append({"grid": (at.randint(1, 4), at.randint(1, 5))})
        if "text" in segments:
            calls[-1]["text"] = length
    return text, calls
