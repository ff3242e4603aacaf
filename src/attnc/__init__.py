"""attnc: a compiler for attention patterns."""
