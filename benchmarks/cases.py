"""What is timed: the cases of each section."""

from collections.abc import Iterable, Iterator
from functools import partial
from math import prod
from typing import Any

from attnc.compiler.elaborate import Sizes
from benchmarks import analyses, first_call, gemma, loops, nvcc, plan, routes
from benchmarks.attention import Setup, against_full, compare
from benchmarks.decode import against_reading
from benchmarks.measure import Case
from benchmarks.patterns import PATTERNS, TEXT

SDPA, FLEX, BOTH = ("SDPA",), ("FlexAttention",), ("SDPA", "FlexAttention")
LENGTHS = (1024, 2048, 4096, 8192, 16384, 32768)


def against(peers: Iterable[str], *setups: Setup, quick: bool = False) -> Iterator[Case]:
    """One case for each setup and peer."""
    for setup in setups:
        for peer in peers:
            yield Case(str(setup), peer, partial(compare, setup, peer), quick)


def sparse(pattern: str, **shape: int | str) -> Setup:
    """Four heads of a long sequence."""
    return Setup(pattern=pattern, n=16384, heads=4, **shape)  # type: ignore[arg-type]


def long(pattern: str, length: int, **shape: str) -> Setup:
    """Four heads of some length."""
    return Setup(pattern=pattern, n=length, heads=4, **shape)  # type: ignore[arg-type]


def forward() -> Iterator[Case]:
    """Full and causal by head dimension and head counts."""
    yield from against(BOTH, Setup(pattern="causal"), quick=True)
    yield from against(BOTH, Setup(pattern="causal", d=128))
    yield from against(SDPA, *(Setup(pattern="causal", d=d) for d in (32, 80, 96)))
    yield from against(BOTH, Setup(pattern="full"), Setup(pattern="full", d=128))
    yield from against(BOTH, Setup(pattern="causal", heads=16, kv_heads=4))
    yield from against(SDPA, Setup(pattern="causal", heads=16))


def halves() -> Iterator[Case]:
    """The same in 16 bits."""
    yield from against(BOTH, Setup(pattern="causal", dtype="bf16"), quick=True)
    yield from against(BOTH, Setup(pattern="causal", d=128, dtype="bf16"))
    yield from against(SDPA, *(Setup(pattern="full", d=d, dtype="bf16") for d in (64, 128)))
    yield from against(FLEX, sparse("window 256", dtype="bf16"))
    yield from against(SDPA, Setup(pattern="causal", dtype="fp16"))


def patterns() -> Iterator[Case]:
    """Sparse patterns at a length where they matter; scores at a shorter one."""
    yield from against(BOTH, sparse("window 256"), quick=True)
    names = ("window 1024", "dilated 64 by 4", "Longformer", "strided", "documents")
    yield from against(FLEX, *map(sparse, names))
    yield from against(SDPA, sparse("documents"))
    yield from against(FLEX, Setup(pattern="ALiBi"), Setup(pattern="soft-cap"))


def points(pattern: str, *grid: int, beside: int = 0) -> Setup:
    """Four heads of a grid, and tokens beside it."""
    return Setup(pattern=pattern, n=prod(grid) + beside, grid=grid, heads=4)


GRIDS = (
    points("NATTEN 13 by 13", 64, 64),
    points("NATTEN 5 by 9 by 9", 16, 32, 32),
    points("dilated 31 by 4", 16384),
    points("CLEAR, 512 of text", 64, 64, beside=TEXT),
)


def grids() -> Iterator[Case]:
    """Neighbourhoods of images, videos and lines, and an image beside text."""
    yield from against(BOTH, *GRIDS)


def lengths() -> Iterator[Case]:
    """What the plots show."""
    for length in LENGTHS:
        yield from against(BOTH, long("causal", length))
    for length in LENGTHS:
        yield from against(FLEX, long("window 256", length))
    yield from against(SDPA, *(long("window 256", n) for n in LENGTHS[:-2]))


def visited() -> Iterator[Case]:
    """Sparse patterns against attnc's own full attention."""
    names = ("window 256", "window 1024", "dilated 64 by 4", "Longformer", "strided", "causal")
    setups = [sparse(name) for name in names] + [*GRIDS]
    setups += [sparse("window 256", dtype="bf16"), sparse("window 256", direction="backward")]
    setups += [sparse("window 256", dtype="bf16", direction="backward")]
    setups += [Setup(pattern=name, n=4096, heads=4) for name in ("ALiBi", "soft-cap")]
    for setup in setups:
        name = f"{setup}, {setup.direction}" if setup.direction != "forward" else str(setup)
        yield Case(name, "attnc, full", partial(against_full, setup))


def backward() -> Iterator[Case]:
    """dQ, dK and dV of a forward pass done before."""
    yield from against(SDPA, Setup(pattern="causal", direction="backward"), quick=True)
    yield from against(FLEX, Setup(pattern="causal", direction="backward"))
    shapes: list[dict[str, Any]] = [{"d": d} for d in (32, 80, 96, 128)]
    shapes += [{"heads": 16, "kv_heads": 4}, {"heads": 16}]
    shapes += [{"dtype": "bf16"}, {"d": 128, "dtype": "bf16"}, {"dtype": "fp16"}]
    yield from against(SDPA, *(Setup(pattern="causal", direction="backward", **s) for s in shapes))
    for pattern in ("full", "window 256", "window 1024", "Longformer", "strided", "documents"):
        yield from against(SDPA, Setup(pattern=pattern, direction="backward"))
    yield from against(SDPA, Setup(pattern="window 256", direction="backward", dtype="bf16"))


def backward_lengths() -> Iterator[Case]:
    """The same."""
    for pattern in ("causal", "window 256"):
        setups = (long(pattern, n, direction="backward") for n in LENGTHS[:-1])
        yield from against(SDPA, *setups)


def decoding() -> Iterator[Case]:
    """The last queries of a long sequence, 16 heads on 4."""
    for dtype in ("fp32", "bf16"):
        one, some = (
            Setup(pattern="causal", n=65536, d=128, heads=16, kv_heads=4, dtype=dtype, queries=n)
            for n in (1, 16)
        )
        yield from against(SDPA, one, some)
        yield Case(str(one), "reading K and V", partial(against_reading, one), dtype == "fp32")
        shapes: tuple[dict[str, Any], ...] = (
            {"n": 4096, "kv_heads": 4},
            {"n": 16384, "kv_heads": 4},
            {"n": 16384},
        )
        for shape in shapes:
            setup = Setup(pattern="causal", d=128, heads=16, dtype=dtype, queries=1, **shape)
            yield from against(SDPA, setup)
            yield Case(str(setup), "reading K and V", partial(against_reading, setup))


def plans() -> Iterator[Case]:
    """A window's tiles, and what finding them takes in memory."""
    kinds = {True: (8192, 32768, 131072), False: (4096, 8192, 16384)}
    for compiled, lengths in kinds.items():
        peer = f"{'compiled' if compiled else 'eager'} create_block_mask"
        for length in lengths:
            work = partial(plan.measure, PATTERNS["window 256"], length, compiled)
            yield Case(f"window 256, N {length}", peer, work, length == 8192 and compiled)


def block_masks() -> Iterator[Case]:
    """What FlexAttention is given, tiles and functions, from the spec."""
    names = ("window 256", "Longformer", "strided", "PowerAttention", "documents")
    rows = [(name, 131072, True) for name in names] + [("window 256", 8192, False)]
    for name, length, compiled in rows:
        peer = f"{'compiled' if compiled else 'eager'} create_block_mask"
        work = partial(plan.block_mask, PATTERNS[name], length, compiled)
        yield Case(f"{name}, N {length}, block_mask", peer, work)


def routed() -> Iterator[Case]:
    """Blocks that queries choose, and attention to what was chosen."""
    for spec, lengths in (("route/moba", (16384, 32768)), ("route/nsa", (16384,))):
        for setup in (Setup(pattern="causal", n=n) for n in lengths):
            yield Case(named(spec, setup), "SDPA", partial(routes.against_causal, spec, setup))
    lists = Setup(pattern="causal", n=16384)
    work = partial(routes.listed, "route/moba", lists)
    yield Case(f"{named('route/moba', lists)}, lists given", "attnc, full", work)
    shape = named(f"{routes.BLOCKS} random blocks for each block of {routes.BLOCK} queries", lists)
    work = partial(routes.by_blocks, lists)
    yield Case(f"{shape}, lists given", f"attnc, the nearest {routes.BLOCKS}", work)
    for setup in (Setup(pattern="causal", n=n) for n in (16384, 32768, 65536)):
        work = partial(routes.choosing, "route/moba", setup)
        yield Case(f"{named('route/moba', setup)}, choosing", "nothing", work)


def named(spec: str, setup: Setup) -> str:
    """The shape of a setup with the name of a spec."""
    return f"{spec}, {str(setup).partition(', ')[2]}"


def cuda() -> Iterator[Case]:
    """CUDA source of TVM's, for two architectures."""
    for architecture in ("sm_80", "sm_90"):
        for pattern, head_dim in (("causal", 64), ("causal", 128), ("window 256", 64)):
            work = partial(nvcc.measure, pattern, head_dim, architecture)
            yield Case(f"{pattern}, D {head_dim}, {architecture}", "nothing", work)


def inner_loops() -> Iterator[Case]:
    """The loops that the time of every other row is spent in."""
    kernels = (
        ("forward", "many queries", Sizes(head_dim=64, value_dim=64)),
        ("forward", "many queries", Sizes(head_dim=64, value_dim=64, dtype="bfloat16")),
        ("forward", "one query of four heads", Sizes(0, 0, 128, 128, rows=4, packed=4)),
        (
            "forward",
            "one query of four heads",
            Sizes(0, 0, 128, 128, rows=4, packed=4, dtype="bfloat16"),
        ),
        ("backward", "gradients", Sizes(head_dim=64, value_dim=64)),
    )
    for direction, what, sizes in kernels:
        for product in loops.PRODUCTS[direction]:
            name = f"{what}, D {sizes.head_dim}, {sizes.dtype}: {product}"
            yield Case(name, "nothing", partial(loops.measure, direction, sizes, product))


def first_calls() -> Iterator[Case]:
    """What a user waits for once."""
    peer = "FlexAttention, the same mask"
    yield Case("line/mistral, caches empty", peer, first_call.cold)
    yield Case("line/mistral, from the disk cache", peer, first_call.cached)


def analysed() -> Iterator[Case]:
    """The specs of each family of patterns, and a proof that composes 17 layers."""
    reach = "line/power_attention: its claims, reach within 131072 tokens among them"
    yield Case(reach, "nothing", analyses.reaching)
    for family in ("line", "grid", "input"):
        yield Case(f"all of {family}/", "nothing", partial(analyses.family, f"{family}/"))


def models() -> Iterator[Case]:
    """A whole model; the stock one at the greatest length takes a quarter of an hour."""
    stock = "the stock model"
    for length, turns in ((2048, 3), (8192, 3)):
        yield Case(f"{length} tokens", stock, partial(gemma.prefill, length, turns))
    yield Case("32768 tokens", "nothing", partial(gemma.memory, 32768, False))
    yield Case("32768 tokens", stock, partial(gemma.memory, 32768, True), on_request=True)
