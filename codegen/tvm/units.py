"""How the threads of a kernel share its work.

A kernel's work comes in units. The caller says in which order they start, and each thread takes the
next few whenever it is free, so that no thread waits for another but at the end. What a unit
computes depends on nothing but the unit: results are the same bits for any number of threads.

A thread takes several that follow each other, as they read the same rows, and as taking waits until
everything is written that was stored before.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from attnc.codegen.emitter import Emitter
from attnc.codegen.tvm.held import LOCAL

MOST, TURNS = 16, 32  # units that a thread takes at once, and how often at least each comes round
_TAKE = "attnc.take"
# TVMScript has no atomic operation for CPUs; this becomes one instruction.
_DEFINITION = f"""\
define linkonce_odr i32 @{_TAKE}(ptr %counter) alwaysinline {{
  %before = atomicrmw add ptr %counter, i32 1 monotonic
  ret i32 %before
}}
"""


@contextmanager
def parallel(out: Emitter) -> Iterator[None]:
    """The loop over the threads: `worker` is the number of one of `threads`."""
    out.line(f"taken = T.alloc_buffer((1,), 'int32', {LOCAL})", "taken[0] = 0")
    imported = f"with T.attr(0, 'pragma_import_llvm', {_DEFINITION!r}):"
    with out.block(imported), out.block("for worker in T.parallel(threads):"):
        yield


@contextmanager
def each_unit(out: Emitter, count: str) -> Iterator[None]:
    """Inside that loop: `unit`, one after another, until all `count` are taken."""
    take = f"mine[0] = T.call_extern('int32', '{_TAKE}', T.address_of(taken[0]))"
    out.line(
        f"all_units: T.int32 = {count}",
        f"at_once: T.int32 = T.max(1, T.min({MOST}, all_units // (threads * {TURNS})))",
        f"mine = T.alloc_buffer((1,), 'int32', {LOCAL})",
        take,
    )
    with out.block("while mine[0] * at_once < all_units:"):
        out.line("first_unit: T.int32 = mine[0] * at_once")
        with out.block("for turn in range(T.min(at_once, all_units - first_unit)):"):
            out.line("unit: T.int32 = first_unit + turn")
            yield
        out.line(take)
