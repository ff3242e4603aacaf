"""The attribute for units of positions that a kernel chooses, scored by keys that lie in them."""

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.utils.exceptions import VerifyException

from attnc.compiler.dialects.attributes import Number

HEADS = ("h", "hkv")


@irdl_attr_definition
class UnitsAttr(ParametrizedAttribute):
    """Key j stands for the positions [j * key_stride, j * key_stride + key_size), unit u likewise.

    The int inputs `first` and `end`, of each query, are its first candidate and the one after its
    last. `chooser` is `h` where each head chooses, `hkv` where those of a KV head choose as one.
    """

    name = "tile.units"
    key_size: Number
    key_stride: Number
    size: Number
    stride: Number
    first: StringAttr
    end: StringAttr
    chooser: StringAttr

    def verify(self) -> None:
        """Sizes are positive, and the chooser is known."""
        sizes = (self.key_size, self.key_stride, self.size, self.stride)
        if min(size.value.data for size in sizes) < 1 or self.chooser.data not in HEADS:
            raise VerifyException(f"units have positive sizes, and are chosen by one of {HEADS}")

    @property
    def most(self) -> int:
        """How many units a key can lie in."""
        reach = int(self.key_size.value.data + self.size.value.data)
        return (reach - 2) // int(self.stride.value.data) + 1
