"""Patterns for other people's kernels: FlexAttention's block masks, FlashInfer's block-sparse rows.

What they need are lists of tiles; these come from the analysis of the pattern, not from its pairs.
"""

from attnc.runtime.flex.block_mask import block_mask, score_mod
from attnc.runtime.flex.bsr import Bsr, bsr

__all__ = ["Bsr", "block_mask", "bsr", "score_mod"]
