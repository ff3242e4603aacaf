"""What only the oracle asks for."""

from dataclasses import dataclass

from attnc.dsl.failures import Failure


@dataclass(eq=False)
class BatchMissing(Failure):
    """The pattern depends on the batch entry, and no batch size was given."""

    template = "the spec depends on the batch entry: pass `{name}`"
    name: str = "batch"


@dataclass(eq=False)
class LengthMissing(Failure):
    """A mask of no length."""

    template = "`{name}` is missing: pass `seq`, or both `q_len` and `kv_len`"
    name: str


@dataclass(eq=False)
class TensorsMissing(Failure):
    """The pattern is computed from the tensors, and none were given."""

    template = "`{name}` chooses its keys by the data: pass `q` [B, H, Nq, D] and `k`"
    name: str
