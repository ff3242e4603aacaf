"""Ways of using attnc, one runnable file each: `python -m examples.gemma`."""
