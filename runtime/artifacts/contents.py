"""Which kernels an artifact holds: for many queries, for few, and for the gradients."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from attnc.compiler.elaborate import Sizes
from attnc.compiler.segments import steps_of
from attnc.dsl.branch import parts
from attnc.dsl.diagnostics import listing
from attnc.dsl.errors import InvalidValue, NotBuiltForTarget
from attnc.dsl.program import Bound
from attnc.runtime.calls.options import Options
from attnc.runtime.cpu import build
from attnc.runtime.cpu.few import MOST_QUERIES, Rows, choose_rows, mask_by_head
from attnc.runtime.cpu.lower import needs_heads

QUERIES = (1, 4, 16, 64)


@dataclass(frozen=True, slots=True)
class Contents:
    """The numbers of queries whose tiles are held beside the one for many, and the gradients."""

    queries: tuple[int, ...] = QUERIES
    gradients: bool = True

    def __post_init__(self) -> None:
        if not all(1 <= count <= MOST_QUERIES for count in self.queries):
            expected = f"numbers from 1 to {MOST_QUERIES}: more queries share one kernel"
            raise InvalidValue("queries", expected, listing([*map(str, self.queries)], "and"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One kernel of an artifact: the folder in it, and what `kernels.files` is given."""

    folder: str
    attention: str
    bound: Bound
    sizes: Sizes
    gradients: tuple[str, ...] | None = None


def attentions(bound: Bound, heads: int | None, kv_heads: int | None) -> dict[str, Bound]:
    """The attentions that the operator of a spec runs, by name; the only one has none.

    Raises `NotBuiltForTarget` for routes, which choose by kernels that depend on the call.
    """
    if bound.routes:
        raise NotBuiltForTarget(
            "an artifact of a spec with routes, which compile as they go", "cpu"
        )
    if bound.composite:
        return {
            "-".join(filter(None, (part.name, name))): own
            for part in parts(bound)
            for name, own in attentions(part.bound, heads, kv_heads).items()
        }
    if bound.segments:
        steps = steps_of(bound, heads, kv_heads)
        return {_pair(step.queries, step.keys): step.bound for step in steps}
    return {"": bound}


def entries(bound: Bound, sizes: Sizes, options: Options, contents: Contents) -> Iterator[Entry]:
    """The kernels of a specialisation. Raises as `attentions`, and what inlining raises."""
    heads = options.heads or sizes.heads or None
    kv_heads = options.kv_heads or sizes.kv_heads or heads
    for name, own in attentions(bound, heads, kv_heads).items():
        counts = (heads or 0, kv_heads or 0) if needs_heads(own) else (0, 0)
        fixed = replace(sizes, heads=counts[0], kv_heads=counts[1])
        prefix = f"{name}/" if name else ""
        yield Entry(f"{prefix}forward", name, own, fixed)
        for few in _few(own, fixed, options, contents.queries):
            folder = f"{prefix}few-{few.rows}x{few.packed}"
            yield Entry(folder, name, own, replace(fixed, rows=few.rows, packed=few.packed))
        if contents.gradients:
            wanted = tuple(sorted(n for n, declared in own.inputs.items() if declared.grad))
            yield Entry(f"{prefix}backward", name, own, fixed, wanted)


def _few(
    bound: Bound, sizes: Sizes, options: Options, queries: tuple[int, ...]
) -> tuple[Rows, ...]:
    """The tiles that an operator takes for these numbers of queries; none on a grid.

    Without head counts, heads have keys of their own.
    """
    if bound.grid:
        return ()
    heads = options.heads or sizes.heads or 1
    kv_heads = options.kv_heads or sizes.kv_heads or heads
    machine = build.host(options.target).machine.computing(sizes.dtype)
    group = 1 if mask_by_head(bound, heads, kv_heads) else heads // kv_heads
    columns = min(sizes.head_dim, sizes.value_dim)
    return tuple(dict.fromkeys(choose_rows(machine, count, group, columns) for count in queries))


def _pair(queries: str, keys: tuple[str, ...]) -> str:
    """The name of the attention of a part of the queries to parts of the keys."""
    return "-to-".join((queries or "grid", "-".join(key or "grid" for key in keys)))
