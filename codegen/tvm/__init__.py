"""CPU code through TVM."""
