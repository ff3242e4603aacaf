"""The names that a file needs itself, which no input of its spec may have."""

from collections.abc import Iterable, Iterator

# Of the host's functions, and of what kernels make of names: pointers, strides and counts.
_TEXT = (
    "asked batch columns ctx d_lse d_out delta dk do dq dv forward forward_pass forward_plan "
    "found full_kv full_kv_indices full_kv_num_blocks full_q full_q_indices full_q_num_blocks "
    "gradients grid head_dim heads inputs k_len kv kv_heads kv_indices kv_num_blocks lse math "
    "merge new out part part_lse plan processors q_indices q_len q_num_blocks return_lse room "
    "placed rows scale section sizes splits tables tiles tokens tokens_of torch triton value_dim "
    "wanted "
)
OWN = frozenset(_TEXT.split())


def clashes(inputs: Iterable[str]) -> Iterator[str]:
    """What to say of the inputs whose names are the file's own."""
    for name in inputs:
        if name in OWN:
            yield f"an input named `{name}` (the file has that name for itself: choose another)"
