"""`python -m attnc` is the command `attnc`."""

from attnc.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
