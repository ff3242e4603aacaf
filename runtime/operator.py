"""The operator that a user holds: it specialises itself at the first call of each kind."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from attnc.dsl.errors import DtypeMismatch, InvalidValue
from attnc.dsl.program import Bound
from attnc.runtime import ops
from attnc.runtime.calls.call import bind_call, check_types
from attnc.runtime.calls.inputs import check_gradients, split_inputs
from attnc.runtime.calls.options import Options
from attnc.runtime.calls.route_lists import split_lists
from attnc.runtime.calls.sets import padded_sets
from attnc.runtime.cpu.direct import idle, plain
from attnc.runtime.cpu.repeats import Repeats
from attnc.runtime.cpu.runner import SpecRunner
from attnc.runtime.gpu.targets import is_gpu
from attnc.runtime.routes.runner import RoutedRunner
from attnc.runtime.routes.select import Kernel, on_cpu, select
from attnc.runtime.sink import add_sink


@dataclass(frozen=True, slots=True)
class Artifact:
    """Where an operator was loaded from, the seal of that, its kernels, and how to load it again.

    `kept` is a `Library` or, for a GPU, its one specialisation with the `GpuKernel`.
    """

    folder: str
    seal: str
    kept: Any
    load: Callable[[str], "Operator"]


class Operator:
    """A compiled attention: `op(q, k, v, ...)`.

    q [B, Hq, Nq, D], k [B, Hkv, Nk, D], v [B, Hkv, Nk, Dv] give [B, Hq, Nq, Dv] in q's dtype
    (float32, float64, bfloat16 or float16); with `layout="bshd"` the second and third axes are
    swapped. Any strides whose last is 1; any ratio Hq / Hkv.
    """

    _repeats: Repeats | None = None

    def __init__(self, bound: Bound, options: Options, artifact: "Artifact | None" = None) -> None:
        self.bound, self.options, self.artifact = bound, options, artifact
        origin = (artifact.folder, artifact.seal) if artifact else ()
        self._key = _key(bound, options, origin)
        kept = artifact.kept if artifact else None
        self._runner = ops.register(self._key, lambda: _runner(bound, options, kept))
        if type(self._runner) is SpecRunner and not bound.inputs and bound.sink is None:
            self._repeats = Repeats(self._runner)

    def __call__(
        self,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        *,
        scale: float | None = None,
        return_lse: bool = False,
        return_routes: bool = False,
        grid: tuple[int, ...] | None = None,
        q_start: int | Tensor | None = None,
        k_start: int | Tensor = 0,
        cu_seqlens: Tensor | None = None,
        kv_len: Tensor | None = None,
        **inputs: Any,
    ) -> Any:
        """The outputs; with `return_lse` also lse, natural log, [B, Hq, Nq] in float32 or float64.

        With `return_routes` also what each route of the spec chose, by name: int32 lists
        [B, Hc, Nc, n], ascending, padded with -1 (see `runtime.calls.route_lists`). Such lists,
        given under the name of the route, are taken in place of a choice.

        `scale` defaults to 1/sqrt(D). Query row i has position q_start + i (default
        k_start + Nk - Nq), key row j k_start + j; both are ints or int32 [B]. `kv_len`, int32 [B],
        cuts the keys of each entry. `grid` are the extents of a grid's axes, whose points are the
        tokens in row-major order. `cu_seqlens`, int32 [S + 1], packs sequences: [total, H, D].
        Inputs of the spec are keywords. Under autocast q, k and v take its dtype, as in PyTorch's
        own attention.
        """
        usual = cu_seqlens is None and kv_len is None and grid is None and not inputs
        if not torch.compiler.is_compiling() and self._repeats and usual and not return_routes:
            known = self._repeats(q, k, v, scale, q_start, k_start)
            if known is not None:
                return known if return_lse else known[0]
        check_types(q=q, k=k, v=v, cu_seqlens=cu_seqlens, kv_len=kv_len)
        if return_lse:
            self._check_lse()
        _check_scale(scale)
        routes, inputs = split_lists(self.bound, inputs)
        tensors, numbers = split_inputs(self.bound, padded_sets(self.bound, inputs))
        check_gradients(self.bound, tensors)
        if q.device.type != "meta" and torch.is_autocast_enabled(q.device.type):
            q, k, v = (x.to(torch.get_autocast_dtype(q.device.type)) for x in (q, k, v))
        where: dict[str, Any] = {"q_start": q_start, "k_start": k_start, "kv_len": kv_len}
        where |= {"cu_seqlens": cu_seqlens, "scale": scale, "grid": grid}
        inside = torch.compiler.is_compiling() and not return_routes
        out, lse, routes = self._compute((q, k, v), where, tensors, numbers, routes, inside)
        more = [lse] * return_lse + [routes] * return_routes
        return (out, *more) if more else out

    def _check_lse(self) -> None:
        """Refuses to give the lse of a spec that has none."""

    def _compute(
        self,
        operands: tuple[Tensor, Tensor, Tensor],
        where: dict[str, Any],
        tensors: dict[str, Tensor],
        numbers: dict[str, Any],
        routes: dict[str, Tensor],
        inside: bool = False,
    ) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        """Outputs, lse and index lists of a call whose arguments are of the right kinds.

        `inside`: routes choose in the PyTorch operator, which a compiler does not look into.
        """
        given, layout = tensors | numbers, self.options.layout
        if self.bound.routes and not inside:
            routes = self.choose(operands, where, given | routes, {})
        out, lse = self._attend(operands, where, tensors | routes, numbers)
        if self.bound.sink is not None and not self._runner.adds_sink:
            _, k, _ = operands
            kv_heads = k.shape[1 if k.dim() == 4 and layout == "bhsd" else -2]
            out, lse = add_sink(self.bound, out, lse, kv_heads, given, layout)
        return out, lse, routes

    def choose(
        self,
        operands: tuple[Tensor, Tensor, Tensor],
        where: dict[str, Any],
        inputs: dict[str, Any],
        lses: Mapping[str, Tensor],
    ) -> dict[str, Tensor]:
        """What the routes choose, in the order of the spec; lists among the inputs are kept.

        `lses` are those of the branches that have been computed, by name.
        """
        given, inputs = split_lists(self.bound, inputs)
        layout = self.options.layout
        call = bind_call(self.bound, *operands, layout=layout, inputs=inputs, **where)
        return select(self.bound, call, inputs, given, lses, _chooser(self.options.target))

    def _attend(
        self,
        operands: tuple[Tensor, Tensor, Tensor],
        where: dict[str, Any],
        tensors: dict[str, Tensor],
        numbers: dict[str, Any],
    ) -> tuple[Tensor, Tensor]:
        """The outputs and lse of the kernels."""
        if not torch.compiler.is_compiling() and idle() and plain(*operands, *tensors.values()):
            return self._runner.run(*operands, keywords_of(tensors | numbers, where))
        found: tuple[Tensor, Tensor] = ops.attention(
            self._key,
            *operands,
            list(tensors),
            list(tensors.values()),
            list(numbers),
            list(numbers.values()),
            where["scale"],
            _starts("q_start", where["q_start"]),
            _starts("k_start", where["k_start"]),
            where["cu_seqlens"],
            where["kv_len"],
            _extents(where["grid"]),
        )
        return found

    @property
    def compilations(self) -> int:
        """How many kernels were compiled or fetched in this process: one for each specialisation.

        An artifact's own are not among them.
        """
        return self._runner.compilations

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The spec's parameters and their values."""
        return self.bound.values

    def __reduce__(self) -> tuple[Any, ...]:
        if self.artifact is not None:
            return self.artifact.load, (self.artifact.folder,)
        return type(self), (self.bound, self.options)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Operator":
        return self

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.bound.values.items())
        return f"<attnc operator {self.bound.name}({values})>"


def keywords_of(inputs: dict[str, Any], where: Mapping[str, Any]) -> ops.Keywords:
    """The keywords of a call as runners take them."""
    return ops.Keywords(
        inputs,
        where["scale"],
        _starts("q_start", where["q_start"]),
        _starts("k_start", where["k_start"]),
        where["cu_seqlens"],
        where["kv_len"],
        _extents(where["grid"]),
    )


def _extents(grid: Sequence[int] | None) -> list[int] | None:
    if grid is None:
        return None
    if not isinstance(grid, Sequence) or not all(map(_is_int, grid)):
        raise InvalidValue("grid", "an int for each axis", f"{grid!r:.60}")
    return list(grid)


def _is_int(value: object) -> bool:
    return isinstance(value, int | torch.SymInt) and not isinstance(value, bool)


def _check_scale(scale: float | None) -> None:
    if isinstance(scale, str | bool | Sequence):
        raise DtypeMismatch("scale", "a number", type(scale).__name__)


def _runner(bound: Bound, options: Options, kept: Any) -> ops.Runner:
    """What runs a spec on a target."""
    if is_gpu(options.target):
        from attnc.runtime.gpu.runner import GpuRunner

        return GpuRunner(bound, options, kept)
    return (RoutedRunner if bound.routes else SpecRunner)(bound, options, kept)


def _chooser(target: str) -> Kernel:
    """What chooses for the routes of a target's operators."""
    if is_gpu(target):
        from attnc.runtime.gpu.choice import on_gpu

        return on_gpu
    return on_cpu


def _starts(name: str, value: int | Tensor | None) -> Tensor | None:
    """Positions as a tensor; None where they are the default, which packed calls need."""
    if value is None or isinstance(value, Tensor):
        return value
    if name == "k_start" and isinstance(value, int) and value == 0:
        return None
    if not isinstance(value, int | torch.SymInt):
        raise DtypeMismatch(name, "an int or an int32 tensor", type(value).__name__)
    return torch.full((1,), value, dtype=torch.int64)


def _key(bound: Bound, options: Options, origin: tuple[str, ...]) -> str:
    text = repr((bound.identity, options, origin))
    return f"{bound.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
