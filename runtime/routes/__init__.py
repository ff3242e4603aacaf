"""Routes at a call: units scored for those who choose, the best ones as index lists.

For users: the labels of tokens that clusters are made of.
"""

from attnc.runtime.routes.labels import boxes, buckets, moved, nearest

__all__ = ["boxes", "buckets", "moved", "nearest"]
