"""Run-time sets and routes of a call, as the kernels of a GPU take them."""

from typing import Any

from attnc.compiler.listed import flag_axis, tests
from attnc.compiler.ranges import reach
from attnc.dsl.program import Bound
from attnc.dsl.route_sets import as_sets
from attnc.runtime.calls.call import Call
from attnc.runtime.calls.lists import checked_sets, flags_of
from attnc.runtime.calls.route_lists import split_lists
from attnc.runtime.calls.sets import NONE
from attnc.runtime.gpu.choice import on_gpu
from attnc.runtime.routes.select import select
from attnc.runtime.routes.set_lists import of_sets


def kernel_inputs(bound: Bound, call: Call, given: dict[str, Any]) -> dict[str, Any]:
    """The inputs of a file's `attention`: routes are sets, sets lists or a flag for each token.

    Lists are without entries that no pair has; what has no list yet is chosen now. All is made on
    the GPU. Raises what `checked_set` raises.
    """
    with call.q.device:
        return _inputs(bound, call, given)


def _inputs(bound: Bound, call: Call, given: dict[str, Any]) -> dict[str, Any]:
    found = _chosen(bound, call, given) if bound.routes else dict(given)
    plain = as_sets(bound)
    if all(declared.dtype != "set" for declared in plain.inputs.values()):
        return found
    asked = tests(plain, call.q.shape[1], call.k.shape[1])
    longest = max((row.k_start + row.k_len for row in call.rows), default=0)
    for name, x in checked_sets(plain, call, found, asked).items():
        test = asked.get(name)
        axis = None if test is None else flag_axis(test, plain.inputs[name].axes)
        if test is not None and axis is not None:
            found[name] = flags_of(plain, test, axis, x, call, found)
            continue
        most = 0 if test is None else reach(test.value, max(longest, 1)).high
        found[name] = x.masked_fill((x < 0) | (x > most), NONE).int()
        if plain.inputs[name].axes[:1] == ("b",):
            found[name] = found[name].squeeze(1)
    return found


def _chosen(bound: Bound, call: Call, given: dict[str, Any]) -> dict[str, Any]:
    """The inputs with the lists of routes as those of sets."""
    lists, own = split_lists(bound, given)
    if len(lists) < len(bound.routes):
        lists = select(bound, call, own, lists, kernel=on_gpu)
    return {**given, **of_sets(bound, call, lists)}
