"""The printer of Triton source."""
