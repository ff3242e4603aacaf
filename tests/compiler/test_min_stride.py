"""The least stride without masks: NATTEN's example, and small cases by trying every tile."""

import itertools

import pytest

from attnc.compiler.min_stride import MinStride, Strides
from attnc.dsl.loader import load
from tests.references.grid import led

LINE = """
grid x: X
mask begun(first, kernel) = {
    clamp(first, 0, len - kernel) <= k < clamp(first, 0, len - kernel) + kernel
}
mask led(kernel, stride) =
    begun(min(q div stride * stride + stride div 2, len - 1) - kernel div 2, kernel)
attention gna(kernel = 8, stride = 1) { mask led(kernel, stride) on x }
"""


def least(kernel: int, extent: int, queries: int, keys: int) -> MinStride:
    strides = Strides(load(LINE), {"kernel": kernel}, (extent,), (queries,), (keys,))
    (found,) = strides.least("stride")
    return found


def tried(kernel: int, extent: int, queries: int, keys: int) -> int | None:
    """The first stride for which each tile is all in or all out, window by window."""

    def window(q: int, stride: int) -> set[int]:
        return {k for k in range(extent) if led(q, k, extent, kernel, stride)}

    places = [set(range(c, min(c + keys, extent))) for c in range(0, extent, keys)]
    for stride in range(1, extent + 1):
        seen = [window(q, stride) for q in range(extent)]
        whole = all(not (own & place) or place <= own for own in seen for place in places)
        if whole and all(seen[q] == seen[q // queries * queries] for q in range(extent)):
            return stride
    return None


def test_the_window_of_natten_s_documentation() -> None:
    """2048 keys in tiles of 128: 256. The leader of a group of `stride` is its middle, so windows
    begin at multiples of the tile only if half of the stride is one."""
    found = least(2048, 16384, 128, 128)
    assert (found.stride, found.always) == (256, True)


@pytest.mark.parametrize(("queries", "keys", "stride"), [(4, 8, 16), (16, 8, 16), (8, 4, 8)])
def test_it_follows_the_tile_of_keys(queries: int, keys: int, stride: int) -> None:
    found = least(128, 1024, queries, keys)
    assert (found.stride, found.always) == (stride, True)


@pytest.mark.parametrize("kernel", [4, 6, 7])
def test_by_trying(kernel: int) -> None:
    for extent, queries, keys in itertools.product((16, 18), (2, 4), (2, 4)):
        found = least(kernel, extent, queries, keys)
        assert found.stride == tried(kernel, extent, queries, keys), (extent, queries, keys)
        if found.always:
            assert tried(kernel, 32, queries, keys) == found.stride


def test_each_axis_has_its_own() -> None:
    gna = load("grid/gna")
    values = {"kernel_y": 8, "kernel_x": 16}
    strides = Strides(gna, values, (32, 64), (4, 4), (2, 8))
    assert [(m.axis, m.stride) for m in strides.least("stride_y")] == [("y", 4)]
    assert [(m.axis, m.stride) for m in strides.least("stride_x")] == [("x", 16)]
