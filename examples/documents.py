"""Two ways to keep packed documents apart: ids that the mask reads, and `cu_seqlens`.

`python -m examples.documents` packs topics of Python's own manual, a byte per token.
"""

from pydoc_data.topics import topics

import torch

import attnc

NAMES = ("lambda", "with", "yield", "del")


def main() -> None:
    """Both give the same numbers; ids also work across a batch and with other conditions."""
    lengths = torch.tensor([len(topics[name]) for name in NAMES])
    total = int(lengths.sum())
    doc = torch.repeat_interleave(torch.arange(len(NAMES)), lengths)
    q, k, v = torch.randn(3, 1, 4, total, 32)

    by_id = attnc.compile("input/document")(q, k, v, doc=doc)
    ends = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]).to(torch.int32)
    by_length = attnc.compile("line/causal")(q, k, v, cu_seqlens=ends)
    print(f"{len(NAMES)} documents, {total} tokens")
    print(f"largest difference: {(by_id - by_length).abs().max().item():.1e}")


if __name__ == "__main__":
    main()
