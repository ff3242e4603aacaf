"""The type of the values of a kernel, and the operands and targets that have one."""

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import ParametrizedAttribute, SSAValue, TypeAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.utils.exceptions import VerifyException

AXES = frozenset("qkdv")
WEIGHT = "exp(s - lse)"  # of a pair, from its score and what the forward pass left
OPERANDS = {"q": "qd", "k": "kd", "v": "kv", "do": "qv", "lse": "q", "delta": "q"}
TARGETS = {"out": "qv", "dq": "qd", "dk": "kd", "dv": "kv", "picks": "q"}


@irdl_attr_definition
class BlockType(ParametrizedAttribute, TypeAttribute):
    """A block of values; each letter is an axis: `q` rows, `k` keys, `d` or `v` columns."""

    name = "tile.block"
    axes: StringAttr

    def verify(self) -> None:
        """Refuse axes that no block has, or a repeated one."""
        if not set(self.axes.data) <= AXES or len(set(self.axes.data)) != len(self.axes.data):
            raise VerifyException(
                f"a block has distinct axes out of q k d v, not {self.axes.data!r}"
            )


def block(axes: str) -> BlockType:
    """The type of a block with these axes."""
    return BlockType(StringAttr(axes))


def verify_named(kind: str, name: str, known: dict[str, str], axes: frozenset[str]) -> None:
    """Refuse an operand or a target that does not exist, or that has other axes."""
    if name not in known:
        raise VerifyException(f"{kind} is one of {tuple(known)}, not {name!r}")
    if axes != frozenset(known[name]):
        raise VerifyException(f"{kind} {name!r} has the axes {known[name]!r}, not {sorted(axes)}")


def axes_of(value: SSAValue) -> frozenset[str]:
    """The axes of a value, in no order: where a target puts which is its own choice."""
    assert isinstance(value.type, BlockType)
    return frozenset(value.type.axes.data)


def contracted(left: SSAValue, right: SSAValue) -> frozenset[str]:
    """The axes of a product of two blocks, which contracts the one axis that they share."""
    if len(axes_of(left) & axes_of(right)) != 1:
        raise VerifyException("the blocks of a product share exactly one axis")
    return axes_of(left) ^ axes_of(right)
