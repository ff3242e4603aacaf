"""The options that commands share: the spec, its parameters, head counts, lengths, --json."""

import argparse
import json
import math
from typing import Any, NoReturn

from attnc.codegen.tvm_gpu import LANGUAGES
from attnc.dsl.loader import load
from attnc.dsl.program import Bound
from attnc.dsl.stack import BoundStack
from attnc.runtime.commands.report import UsageError
from attnc.runtime.gpu.targets import GPUS, is_gpu

SPEC_HELP = "a .attn file, a shipped name such as line/mistral, or source text"
DTYPES = ("fp32", "fp64", "bf16", "fp16")


def add_spec(parser: argparse.ArgumentParser, *names: str) -> None:
    """SPEC (or the positionals named), -p and --json."""
    for name in names or ("spec",):
        parser.add_argument(name, metavar=name.upper(), help=SPEC_HELP)
    parser.add_argument(
        "-p",
        "--parameter",
        dest="parameters",
        action="append",
        type=parameter,
        default=[],
        metavar="NAME=VALUE",
        help="a parameter of the spec: an int, a float, true, false or a list [1,2,4]; repeatable",
    )
    add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")


def add_heads(parser: argparse.ArgumentParser) -> None:
    """--heads and --kv-heads."""
    parser.add_argument("--heads", type=count, metavar="N", help="number of query heads")
    parser.add_argument("--kv-heads", type=count, metavar="N", help="number of key and value heads")


def add_decode(parser: argparse.ArgumentParser, when: str = "") -> None:
    """--decode."""
    parser.add_argument(
        "--decode",
        action="store_true",
        help=f"{when}the kernel for one query: the heads of a group packed, the keys split",
    )


def add_target(parser: argparse.ArgumentParser) -> None:
    """--target."""
    parser.add_argument(
        "--target",
        default="cpu",
        help="cpu (this CPU), cpu:avx512_bf16, cpu:avx512, cpu:avx2, cpu:generic or cpu:neon;"
        f" {', '.join(GPUS)}; to emit source, {', '.join(LANGUAGES)}",
    )


def add_dims(parser: argparse.ArgumentParser) -> None:
    """--head-dim, --value-dim and --dtype."""
    parser.add_argument("--head-dim", type=count, metavar="D", help="columns of q and k")
    parser.add_argument("--value-dim", type=count, metavar="D", help="columns of v (default: D)")
    parser.add_argument("--dtype", help=f"{', '.join(DTYPES)} (default: fp32, on a GPU bf16)")


def add_grid(parser: argparse.ArgumentParser, what: str = "the extents of a grid") -> None:
    """--grid."""
    parser.add_argument(
        "--grid", type=extents, metavar="T,Y,X", help=f"{what}; the last is the fastest"
    )


def extents(text: str) -> tuple[int, ...]:
    """`4,16,16`, or `4x16x16`, as extents.

    >>> extents("4,16,16"), extents("9x7")
    ((4, 16, 16), (9, 7))
    """
    return tuple(map(count, text.replace("x", ",").split(",")))


def check_size(bound: Bound | BoundStack, options: argparse.Namespace, *lengths: str) -> None:
    """Refuse --grid without a grid, and with one the options that give lengths.

    `lengths` are the names of these, as `seq`. Extents that do not fit are refused where they are
    used, by `runtime.calls.grids`.
    """
    if options.grid and not bound.grid:
        raise UsageError("the spec declares no grid: leave --grid out")
    for name in lengths:
        if bound.grid and getattr(options, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"--grid says how many tokens there are: leave {option} out")


def size(bound: Bound, options: argparse.Namespace, usual: int) -> tuple[int, tuple[int, ...]]:
    """The tokens that --grid or --seq says (of a sequence `usual` if none does), and the extents.

    Raises `GridMissing` or `InvalidGrid`.
    """
    check_size(bound, options, "seq")
    if not bound.grid:
        return options.seq or usual, ()
    from attnc.runtime.calls.grids import check_grid

    grid = check_grid(bound, options.grid, None)
    return math.prod(grid), grid


def dtype(options: argparse.Namespace) -> str:
    """The dtype asked for, or the target's usual one."""
    compiled = is_gpu(options.target) and options.target not in LANGUAGES
    return options.dtype or ("bf16" if compiled else "fp32")


def count(text: str) -> int:
    """A positive int below 2^31."""
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        _refuse(f"`{text[:40]}` is no positive number")
    value = int(text)
    if not 0 < value < 2**31:
        _refuse(f"{value} is out of range: 1 to 2147483647")
    return value


def parameter(text: str) -> tuple[str, Any]:
    """`name=value`.

    >>> parameter("w=512"), parameter("dilations=[1, 2]"), parameter("wide=true")
    (('w', 512), ('dilations', [1, 2]), ('wide', True))
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        _refuse(f"`{text[:40]}` is not of the form NAME=VALUE")
    return name.strip(), _value(value.strip())


def _value(text: str) -> Any:
    try:
        found = json.loads(text, parse_constant=_infinite)
    except (ValueError, RecursionError):
        found = None
    items = found if isinstance(found, list) else [found]
    if not all(isinstance(item, bool | int | float) and math.isfinite(item) for item in items):
        _refuse(f"`{text[:40]}` is no int, float, true, false or list of numbers")
    return found


def _infinite(text: str) -> NoReturn:
    raise ValueError(text)


def _refuse(reason: str) -> NoReturn:
    raise argparse.ArgumentTypeError(reason)


def given(options: argparse.Namespace) -> dict[str, Any]:
    """The parameters of the command line by name; the last one counts."""
    return dict(options.parameters)


def bind(options: argparse.Namespace) -> Bound:
    """The spec of the command line with its parameters."""
    return load(options.spec).bind(**given(options))


def title(bound: Bound | BoundStack) -> str:
    """The spec and its parameters, as in `longformer(w = 256, g = 16)`."""
    values = ", ".join(f"{name} = {_shown(value)}" for name, value in bound.values.items())
    return f"{bound.name}({values})" if values else bound.name


def _shown(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case tuple():
            return str(list(value))
        case _:
            return str(value)
