"""A pattern of attnc in FlexAttention, with no N x N grid: `python -m examples.flex`."""

import torch
from torch.nn.attention.flex_attention import flex_attention

import attnc


def main() -> None:
    """The mask and the score of a spec; FlexAttention's kernels are compiled by torch."""
    q, k, v = torch.randn(3, 1, 8, 600, 64)
    blocks = attnc.flex.block_mask("line/longformer", 600, 600, w=64)
    out = flex_attention(q, k, v, block_mask=blocks)  # on a GPU: torch.compile(flex_attention)
    wanted = attnc.compile("line/longformer", w=64)(q, k, v)
    print(f"{blocks.sparsity():.0f}% of the blocks are skipped")
    print(f"largest difference: {(out - wanted).abs().max().item():.1e}")


if __name__ == "__main__":
    main()
