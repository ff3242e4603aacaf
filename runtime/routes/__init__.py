"""Routes at a call: units scored for those who choose, the best ones as index lists."""
