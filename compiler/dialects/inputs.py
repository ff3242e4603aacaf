"""The attribute for a run-time input, shared by both dialects."""

from xdsl.dialects.builtin import StringAttr
from xdsl.ir import ParametrizedAttribute
from xdsl.irdl import irdl_attr_definition
from xdsl.utils.exceptions import VerifyException

AXES = ("b", "h", "hkv", "chooser", "unit", "token", "q", "k", "d")


@irdl_attr_definition
class InputAttr(ParametrizedAttribute):
    """A run-time tensor: its name, `int`, `float` or `set`, and its axes separated by spaces."""

    name = "attn.input"
    label: StringAttr
    dtype: StringAttr
    axes: StringAttr

    def verify(self) -> None:
        """Known dtype, known axes, in the order of the language."""
        if self.dtype.data not in ("int", "float", "set"):
            raise VerifyException(f"an input is int, float or set, not {self.dtype.data!r}")
        places = [AXES.index(axis) if axis in AXES else -1 for axis in self.axis_names]
        if -1 in places or places != sorted(set(places)):
            raise VerifyException(f"the axes {self.axes.data!r} are not out of {AXES}, in order")

    @property
    def axis_names(self) -> tuple[str, ...]:
        """The axes as a tuple; empty for a run-time number."""
        return tuple(self.axes.data.split())
