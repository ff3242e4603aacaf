"""The pattern by evaluation of every pair: what the sets are compared with. Shares no code."""

from dataclasses import dataclass

import numpy as np

from attnc.dsl import syntax as ast

COMPARE = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
BINARY = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "div": np.floor_divide,
    "mod": np.mod,
    "and": np.logical_and,
    "or": np.logical_or,
}


@dataclass(frozen=True)
class Lengths:
    q_start: int
    k_start: int
    q_len: int
    k_len: int

    @property
    def values(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("q_start", "k_start", "q_len", "k_len")}


def evaluate(expr: ast.Expr, env: dict) -> np.ndarray:  # noqa: C901
    match expr:
        case ast.Int(value) | ast.Bool(value):
            return np.asarray(value)
        case ast.Name(name):
            return env[name]
        case ast.Index(base, indices):
            return env[base][tuple(evaluate(i, env) for i in indices)]
        case ast.Unary("-", operand):
            return -evaluate(operand, env)
        case ast.Unary("not", operand):
            return np.logical_not(evaluate(operand, env))
        case ast.Binary(op, left, right):
            return BINARY[op](evaluate(left, env), evaluate(right, env))
        case ast.Compare(ops, operands):
            values = [evaluate(o, env) for o in operands]
            links = [COMPARE[op](a, b) for op, a, b in zip(ops, values, values[1:], strict=False)]
            return np.logical_and.reduce(np.broadcast_arrays(*links))
        case ast.Call("min", (a, b)):
            return np.minimum(evaluate(a, env), evaluate(b, env))
        case ast.Call("max", (a, b)):
            return np.maximum(evaluate(a, env), evaluate(b, env))
        case ast.Call("abs", (a,)):
            return np.abs(evaluate(a, env))
        case ast.Call("clamp", (a, low, high)):
            return np.minimum(np.maximum(evaluate(a, env), evaluate(low, env)), evaluate(high, env))
        case ast.Call("at", (ast.List(items), index)):
            return np.asarray([item.value for item in items])[evaluate(index, env)]
        case ast.Exists(variable, low, high, body):
            found = np.asarray(False)
            for value in range(int(evaluate(low, env)), int(evaluate(high, env))):
                found = found | evaluate(body, {**env, variable: np.asarray(value)})
            return found
        case _:
            raise AssertionError(expr)


def grid(condition: ast.Expr, n: Lengths, heads: int = 1, **more: object) -> np.ndarray:
    """bool [heads, q_len, k_len]: which pairs the condition admits; keys before 0 do not exist."""
    env = {
        "h": np.arange(heads)[:, None, None],
        "q": (n.q_start + np.arange(n.q_len))[None, :, None],
        "k": (n.k_start + np.arange(n.k_len))[None, None, :],
        "len": np.asarray(n.k_start + n.k_len),
        "qlen": np.asarray(n.q_len),
        **more,
    }
    holds = evaluate(condition, env) & (env["k"] >= 0)
    return np.broadcast_to(holds, (heads, n.q_len, n.k_len)).astype(bool)


def classes(pairs: np.ndarray, n: Lengths, tile_q: int, tile_k: int) -> tuple[set, set]:
    """The live and the full tiles as sets of (h, t, c)."""
    live, full = set(), set()
    exists = (n.k_start + np.arange(n.k_len)) >= 0
    for h in range(pairs.shape[0]):
        for t in range(-(-n.q_len // tile_q)):
            for c in range(-(-n.k_len // tile_k)):
                keys = slice(c * tile_k, (c + 1) * tile_k)
                tile = pairs[h, t * tile_q : (t + 1) * tile_q, keys]
                real = exists[keys]
                if not real.any():
                    continue
                if tile.any():
                    live.add((h, t, c))
                if tile[:, real].all():
                    full.add((h, t, c))
    return live, full
