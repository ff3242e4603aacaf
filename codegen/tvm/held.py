"""Values that TVM's simplifier does not look behind.

For a name that `T.let` binds it puts in the value, at each place: where names build on names, as
the steps of a hash or of a polynomial do, that doubles again and again, and a kernel takes minutes
to compile. What is loaded from a variable stays as it is; LLVM makes registers of all such.
"""

from attnc.codegen.emitter import Emitter
from attnc.codegen.expressions import Value

LOCAL = "scope='local', annotations={'disable_lower_builtin': True}"


def held(out: Emitter, value: Value, stem: str = "d") -> Value:
    """The value by the name of a variable."""
    if value.lanes == 1:
        binding = f"{{0}}: T.{value.dtype} = {{1}}"
        return Value(out.share(stem, value.text, binding), value.dtype)
    room = f"T.alloc_buffer((1,), '{value.dtype}x{value.lanes}', {LOCAL})"
    escaped = room.replace("{", "{{").replace("}", "}}")
    name = out.share(stem, value.text, f"{{0}} = {escaped}\n{{0}}[0] = {{1}}")
    return Value(f"{name}[0]", value.dtype, value.lanes)
