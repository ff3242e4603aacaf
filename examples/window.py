"""A pattern written in place, proved, compiled and called: `python -m examples.window`."""

import torch

import attnc

SPEC = """
attention sinks_and_window(w = 256, sinks = 4) {
    mask causal & (window(w - 1, 0) | sink(sinks))
    assert causal
    assert covers
}
"""


def main() -> None:
    """Compile once, call at several lengths, compare with the float64 reference."""
    op, reference = attnc.compile(SPEC, w=128), attnc.reference(SPEC, w=128)
    for length in (100, 1000, 1500):
        q, k, v = torch.randn(3, 1, 8, length, 64)
        out, lse = op(q, k, v, return_lse=True)
        error = (out - reference(q, k, v)).abs().max().item()
        print(f"N = {length}: out {tuple(out.shape)}, lse {tuple(lse.shape)}, error {error:.1e}")
    print(f"kernels compiled: {op.compilations}")


if __name__ == "__main__":
    main()
