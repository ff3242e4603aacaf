"""Compile here, run there: an artifact needs no compiler where it is loaded.

`python -m examples.artifact` does both through the command line and the loader.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import torch

import attnc
from attnc.cli import main as attnc_command


def main() -> None:
    """`attnc compile line/mistral -o FOLDER -p w=256 --head-dim 64`, then `attnc.load(FOLDER)`."""
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "mistral")
        attnc_command(["compile", "line/mistral", "-o", path, "-p", "w=256", "--head-dim", "64"])
        op = attnc.load(path)
        q, k, v = torch.randn(3, 1, 4, 1000, 64)
        print(op, "gives", tuple(op(q, k, v).shape))
        print("for one more token", tuple(op(q[:, :, -1:], k, v).shape))


if __name__ == "__main__":
    main()
