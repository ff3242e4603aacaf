"""The reasoning: proofs, sets of tiles and plans, from a checked tree to the tile dialect."""
