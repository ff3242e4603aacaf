"""Scalars of TVMScript in registers.

`x: T.int32 = ...` makes a buffer of one element, for which TVM asks its run-time library for heap
memory; an annotation keeps a buffer out of that, but the syntax has no place for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

OPTIONS = {
    "tirx.disable_storage_rewrite": True,  # it would merge the buffers and drop the annotation
    "tirx.disable_assert": True,  # the runtime has checked every argument, and says more
    "tirx.disable_cse_tir": True,  # LLVM does it better
}


@contextmanager
def scalars_in_registers(builder: ModuleType) -> Iterator[None]:
    """While it lasts, TVM's `tirx.script.builder` annotates scalars; for one thread at a time."""

    def local_scalar(dtype: str = "float32") -> Any:
        annotations = {"disable_lower_builtin": True}
        buffer = builder.alloc_buffer((1,), dtype, scope="local", annotations=annotations)
        return builder.scalar_wrapper(buffer[0])

    with patch.object(builder, "local_scalar", local_scalar):
        yield
