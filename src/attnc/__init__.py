"""attnc: a compiler for attention patterns.

    import attnc
    op = attnc.compile("line/mistral", w=512)
    out = op(q, k, v)

Importing the package imports neither torch nor tvm nor triton: names load on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from attnc.version import __version__

if TYPE_CHECKING:
    from attnc.dsl.errors import AttnError
    from attnc.runtime import blocks, flex, graphs, integrations, routes
    from attnc.runtime.api import analyze, compile, load, mask, reference
    from attnc.runtime.column_sums import block_sums, column_sums
    from attnc.runtime.composed.merge import merge_partials
    from attnc.runtime.gpu.static import analyze_static
    from attnc.runtime.stack import analyze_stack, stack

_HOMES = {
    "AttnError": "attnc.dsl.errors",
    "analyze": "attnc.runtime.api",
    "block_sums": "attnc.runtime.column_sums",
    "column_sums": "attnc.runtime.column_sums",
    "compile": "attnc.runtime.api",
    "load": "attnc.runtime.api",
    "mask": "attnc.runtime.api",
    "merge_partials": "attnc.runtime.composed.merge",
    "reference": "attnc.runtime.api",
    "analyze_stack": "attnc.runtime.stack",
    "analyze_static": "attnc.runtime.gpu.static",
    "stack": "attnc.runtime.stack",
}

__all__ = [
    "AttnError",
    "__version__",
    "analyze",
    "analyze_stack",
    "analyze_static",
    "block_sums",
    "blocks",
    "column_sums",
    "compile",
    "flex",
    "graphs",
    "integrations",
    "load",
    "mask",
    "merge_partials",
    "reference",
    "routes",
    "stack",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its home."""
    if name in ("blocks", "flex", "graphs", "integrations", "routes"):
        return import_module(f"attnc.runtime.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'attnc' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
