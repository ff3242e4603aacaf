"""What this machine's arithmetic can do at most, measured in the same minutes as the kernels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from attnc.codegen.tvm.matrix_unit import (
    BYTES,
    COLUMNS,
    CONFIGURATION,
    NAME,
    SIDE,
    functions,
)
from attnc.codegen.tvm.pairs import DOT, dot_function
from attnc.runtime.timing import seconds

ROUNDS = 20_000_000
BLOCK = 2 * SIDE  # rows and columns of a block of tiles
CHAINS = 12  # independent accumulators: enough to hide the latency of two multiply-add units


@dataclass(frozen=True, slots=True)
class Peak:
    """Billions of operations a second, on how many threads, and how they were counted."""

    gflops: float
    threads: int
    method: str


def peak(dtype: str = "fp32") -> Peak:
    """The best of three runs of a loop of multiply-adds that touches no memory.

    In bf16 these are the products of the CPU's matrix unit, or of pairs, where it has them; all
    else is float32. Where such a loop cannot be built, a large matrix product of torch stands in,
    and is labelled.
    """
    threads = torch.get_num_threads()
    try:
        run, operations, method = _register_loop(dtype)
    except ImportError:
        return Peak(_matmul(), threads, "torch matmul of 2048 x 2048 (a lower bound)")
    best = min(seconds(run) for _ in range(3))
    return Peak(operations * threads / best / 1e9, threads, method)


def _register_loop(dtype: str) -> tuple[Callable[[], object], int, str]:
    """What to run, the operations of a thread, and what they are."""
    from attnc.runtime.cpu import build

    host, threads = build.host(), torch.get_num_threads()
    lanes, dot = host.machine.lanes, host.machine.dot if dtype == "bf16" else None
    if dot and host.machine.matrices:
        return _tile_loop(threads, ROUNDS // 100)
    (kernel,) = build.load(build.to_llvm(script(lanes, dot), host), "main")
    half, out = torch.full((lanes,), 0.5), torch.empty(threads, CHAINS, lanes)
    pairs, method = (2, "products of pairs") if dot else (1, "multiply-adds")
    operations = 2 * pairs * CHAINS * lanes * ROUNDS
    return lambda: kernel(half, out, ROUNDS), operations, f"{method} in registers"


def _tile_loop(threads: int, rounds: int) -> tuple[Callable[[], object], int, str]:
    """The same by the matrix unit: a block of tiles of sums, whose operands stay in the cache."""
    kernel, *tensors = tiles(threads)
    operations = 2 * BLOCK**2 * COLUMNS * rounds
    return lambda: kernel(*tensors, rounds), operations, "products of tiles"


def tiles(threads: int) -> tuple[Any, ...]:
    """A kernel `main(half, out, states, rounds)` of the matrix unit, and its first arguments.

    Each round adds to the sums of a thread, 32 by 32, the products of 32 rows with 32 columns of
    half a one in every second place.
    """
    from attnc.runtime.cpu import build

    state = len(CONFIGURATION)
    sums, before = f"all_out[t * {BLOCK * BLOCK}]", f"all_states[t * {2 * state}]"
    script = f"""\
@I.ir_module
class Module:
    @T.prim_func(s_tir=True)
    def main(half_: T.handle, out_: T.handle, states_: T.handle, rounds: T.int64):
        T.func_attr({{'global_symbol': 'main', 'tirx.noalias': True}})
        threads = T.int64()
        half = T.match_buffer(half_, ({BLOCK * SIDE},), 'float32')
        out = T.match_buffer(out_, (threads, {BLOCK}, {BLOCK}), 'float32')
        states = T.match_buffer(states_, (threads, 2, {state}), 'int32')
        all_out = T.decl_buffer((threads * {BLOCK * BLOCK},), 'float32', data=out.data)
        all_states = T.decl_buffer((threads * {2 * state},), 'int32', data=states.data)
        T.attr(0, 'pragma_import_llvm', {functions()!r})
        for t in T.parallel(threads):
            {_call("begin", before, f"all_states[t * {2 * state} + {state}]")}
            {_call("2x2", sums, *["half[0]"] * 2, 4 * BLOCK, BYTES, 4 * BLOCK, 0, 0)}
            {_call("end", before)}
"""
    (kernel,) = build.load(build.to_llvm(script, build.host()), "main")
    states = torch.zeros(threads, 2, state, dtype=torch.int32)
    states[:, 1] = torch.tensor(CONFIGURATION, dtype=torch.int32)
    return kernel, torch.full((BLOCK * SIDE,), 0.5), torch.empty(threads, BLOCK, BLOCK), states


def _call(function: str, *arguments: str | int) -> str:
    given = [f"T.int64({a})" if isinstance(a, int) else f"T.address_of({a})" for a in arguments]
    given += ["rounds", "T.int32(1)"] if function == "2x2" else []
    return f"T.evaluate(T.call_extern('int32', '{NAME}_{function}', {', '.join(given)}))"


def script(lanes: int, dot: str | None = None) -> str:
    """TVMScript of a kernel `main(half, out, rounds)`: each thread runs `rounds` rounds.

    Each accumulator is a one-element local buffer, which LLVM keeps in a register. They start apart
    (equal ones could be merged) and converge to 1, so nothing overflows however long the loop runs.
    With `dot`, the instruction for pairs of bfloat16, they grow by 1/4: the upper half of a 0.5 of
    float32 is 0.5 in bfloat16, the lower half 0.
    """
    return "\n".join(_lines(lanes, dot)) + "\n"


def _lines(lanes: int, dot: str | None) -> Iterator[str]:
    local = f"'float32x{lanes}', scope='local', annotations={{'disable_lower_builtin': True}}"
    vector = f"T.Ramp(0, 1, {lanes})"
    words = f"T.reinterpret('uint32x{lanes}', half[{vector}])"

    def step(chain: str) -> str:
        if dot is None:
            return f"{chain} * half[{vector}] + half[{vector}]"
        return f"T.call_pure_extern('float32x{lanes}', '{DOT}', {chain}, {words}, {words})"

    yield from (
        "@I.ir_module",
        "class Module:",
        "    @T.prim_func(s_tir=True)",
        "    def main(half_: T.handle, out_: T.handle, rounds: T.int64):",
        "        T.func_attr({'global_symbol': 'main', 'tirx.noalias': True})",
        "        threads = T.int64()",
        f"        half = T.match_buffer(half_, ({lanes},), 'float32')",
        f"        out = T.match_buffer(out_, (threads, {CHAINS}, {lanes}), 'float32')",
        f"        all_out = T.decl_buffer((threads * {CHAINS * lanes},), 'float32', data=out.data)",
    )
    if dot:
        yield f"        T.attr(0, 'pragma_import_llvm', {dot_function(dot, lanes)!r})"
    yield "        for t in T.parallel(threads):"
    body = [f"c{i} = T.alloc_buffer((1,), {local})" for i in range(CHAINS)]
    body += [f"c{i}[0] = T.broadcast(T.float32({i}), {lanes})" for i in range(CHAINS)]
    body += ["for r in range(rounds):"]
    body += [f"    c{i}[0] = {step(f'c{i}[0]')}" for i in range(CHAINS)]
    for i in range(CHAINS):
        body.append(f"all_out[T.Ramp((t * {CHAINS} + {i}) * {lanes}, 1, {lanes})] = c{i}[0]")
    yield from (f"            {line}" for line in body)


def _matmul(size: int = 2048) -> float:
    a = torch.randn(size, size)
    best = min(seconds(lambda: a @ a) for _ in range(5))
    return 2 * size**3 / best / 1e9
