"""The reasoning: sets of tiles, proofs and plans, from a checked syntax tree to the tile dialect."""
