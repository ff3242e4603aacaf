"""Numbers drawn by counting, from a published implementation of the hash."""

import struct

import mmh3


def draw(n, seed, *places):
    """A number below n: MurmurHash3 (x86, 32 bits) of the places as little-endian words."""
    key = struct.pack(f"<{len(places)}i", *places)
    return mmh3.hash(key, int(seed) & 0xFFFFFFFF, signed=False) % max(n, 1)
