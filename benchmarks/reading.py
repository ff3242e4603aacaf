"""How fast memory can be read: a loop that adds up buffers, on as many threads as a kernel has."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from attnc.runtime.cpu import build

STREAMS = 4  # places that a thread reads at a time: one stream alone is a fifth slower


def reader(buffers: Sequence[Tensor]) -> Callable[[], object]:
    """A call that reads every byte of contiguous tensors once, each thread its own part."""
    host, threads = build.host(), torch.get_num_threads()
    (kernel,) = build.load(build.to_llvm(script(host.machine.lanes), host), "main")
    words = [x.detach().view(-1).view(torch.int32) for x in buffers]
    out = torch.empty(threads, host.machine.lanes, dtype=torch.int32)
    return lambda: [kernel(x, out) for x in words]


def mover(q: Tensor, k: Tensor, v: Tensor) -> Callable[[], object]:
    """A call that reads q, k and v once and writes a new tensor like q, as any attention must."""
    read = reader((k, v))
    return lambda: (read(), q.clone())


def script(lanes: int) -> str:
    """TVMScript of `main(x, out)`: row t of `out` gets the sums of thread t's part of `x`.

    What is left over after equal stretches of whole vectors is not read.
    """
    return "\n".join(_lines(lanes)) + "\n"


def _lines(lanes: int) -> Iterator[str]:
    local = f"'int32x{lanes}', scope='local', annotations={{'disable_lower_builtin': True}}"
    yield from (
        "@I.ir_module",
        "class Module:",
        "    @T.prim_func(s_tir=True)",
        "    def main(x_: T.handle, out_: T.handle):",
        "        T.func_attr({'global_symbol': 'main', 'tirx.noalias': True})",
        "        words, threads = T.int64(), T.int64()",
        "        x = T.match_buffer(x_, (words,), 'int32')",
        f"        out = T.match_buffer(out_, (threads, {lanes}), 'int32')",
        f"        all_out = T.decl_buffer((threads * {lanes},), 'int32', data=out.data)",
        "        for t in T.parallel(threads):",
    )
    body = [f"c{i} = T.alloc_buffer((1,), {local})" for i in range(STREAMS)]
    body += [f"c{i}[0] = T.broadcast(0, {lanes})" for i in range(STREAMS)]
    vectors = f"words // (threads * {STREAMS * lanes})"
    body += [f"for r in range({vectors}):"]
    for i in range(STREAMS):
        at = f"(({STREAMS} * t + {i}) * ({vectors}) + r) * {lanes}"
        body.append(f"    c{i}[0] = c{i}[0] + x[T.Ramp({at}, 1, {lanes})]")
    total = " + ".join(f"c{i}[0]" for i in range(STREAMS))
    body.append(f"all_out[T.Ramp(t * {lanes}, 1, {lanes})] = {total}")
    yield from (f"            {line}" for line in body)
