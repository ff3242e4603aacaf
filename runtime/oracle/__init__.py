"""The dense oracle: a spec's tree interpreted in float64, sharing nothing with the compiler."""

from attnc.runtime.oracle.attention import Reference, reference
from attnc.runtime.oracle.pairs import mask

__all__ = ["Reference", "mask", "reference"]
