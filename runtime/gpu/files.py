"""The texts and binaries of a chosen kernel, made when they are asked for."""

from attnc.dsl.errors import NotBuiltForTarget
from attnc.runtime.gpu.aot import Compiled, Failed, compiled
from attnc.runtime.gpu.search import Choice

NAMES = {"llvm": "llir"}  # what Triton calls a stage, where it is not our name
COMMENTS = {"sass": "//", "ttir": "//", "ttgir": "//", "ptx": "//"}


def made(choice: Choice, *stages: str) -> dict[str, Compiled]:
    """Every kernel of the file with these stages (see `aot.compiled`), by its name."""
    found = {}
    for name, job in choice.jobs.items():
        answer = compiled(job, *(NAMES.get(stage, stage) for stage in stages))
        if isinstance(answer, Failed):  # the search has compiled the main one; say what is wrong
            raise NotBuiltForTarget(f"`{name}` ({answer.reason})", job.target)
        found[name] = answer
    return found


def stage_text(choice: Choice, stage: str) -> str:
    """One stage of every kernel in the file, each under its name."""
    comment = COMMENTS.get(stage, ";")
    parts = [
        f"{comment} {name}, {choice.chosen.config}\n{one.files[NAMES.get(stage, stage)]}"
        for name, one in made(choice, stage).items()
    ]
    return "\n".join(parts)
