"""What integer sets can hold, and what they cannot."""

from attnc.compiler.fold import children, names, walk
from attnc.dsl import syntax as ast


def opaque(expr: ast.Expr) -> bool:
    """Whether integer sets cannot hold the node: reads of tensors, reals and draws."""
    match expr:
        case ast.Index() | ast.Member() | ast.Float() | ast.Call("draw"):
            return True
        case _:
            return False


def deciders(condition: ast.Expr) -> str:
    """What decides about pairs where integer sets cannot."""
    nodes = list(filter(opaque, walk(condition)))
    drawn = [isinstance(node, ast.Call) for node in nodes]
    both = ["run-time tensors"] * (not all(drawn)) + ["numbers drawn at random"] * any(drawn)
    return " and ".join(both)


def drawn_only(condition: ast.Expr) -> bool:
    """Whether integer sets cannot hold the condition, because of draws and nothing else."""
    nodes = list(filter(opaque, walk(condition)))
    return bool(nodes) and all(isinstance(node, ast.Call) for node in nodes)


def names_of_sets(expr: ast.Expr) -> frozenset[str]:
    """The names that an integer set over the expression has: those of draws are not among them."""
    found: set[str] = set()
    pending = [expr]
    while pending:
        match pending.pop():
            case ast.Name(name):
                found.add(name)
            case ast.Call("draw"):
                pass
            case node:
                pending += children(node)
    return frozenset(found)


def affine_in(expr: ast.Expr, variable: str) -> bool:
    """Whether the variable occurs only where an integer set can hold it as a dimension."""

    def free(part: ast.Expr) -> bool:
        return variable not in names(part)

    for node in walk(expr):
        match node:
            case ast.Binary("*", left, right) if not (free(left) and free(right)):
                if not (isinstance(left, ast.Int) or isinstance(right, ast.Int)):
                    return False
            case ast.Binary("^" | "/") | ast.Call("at") if not free(node):
                return False
            case ast.Binary("div" | "mod", _, right) if not free(right):
                return False
            case _ if opaque(node) and not free(node):
                return False
    return True
