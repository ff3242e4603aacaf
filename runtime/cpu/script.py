"""TVMScript text read into a module of TVM, expression by expression.

TVM's own reader evaluates every node of an expression's tree by itself, each compiled anew, which
is most of the time of a cold compile. Here Python evaluates an expression of the text whole: its
operators on TVM's expressions build what the reader would, and what is inside an expression is
not turned into the reader's nodes.
"""

import ast
import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import import_module
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from attnc.runtime.cpu.scalars import scalars_in_registers


def read(tvm: ModuleType, text: str) -> Any:
    """The `IRModule` of a TVMScript text of ours; for one thread at a time."""
    parser = tvm.script.parser.core.parser
    # The decorator of a function looks through the callers' sources for names that it may use.
    entry = import_module("tvm.tirx.script.parser.entry")
    lines = text.encode().splitlines()

    def evaluate(_: Any, node: Any, values: dict[str, Any]) -> Any:
        return _evaluate(lines, node, values)

    with (
        scalars_in_registers(tvm.tirx.script.builder),
        patch.object(parser, "eval_expr", evaluate),
        patch.object(parser.Parser, "with_source_span", _without_span),
        patch.object(tvm.script.parser.core.doc, "parse", _parsed),
        patch.object(entry, "inspect", SimpleNamespace(stack=tuple)),
    ):
        module = tvm.script.from_source(text, check_well_formed=False)
    tvm.s_tir.analysis.verify_well_formed(module)
    return module


def _parsed(text: str) -> Any:
    """The tree of a text in the nodes of TVM's reader."""
    nodes = vars(import_module("tvm.script.parser.core.doc_core"))

    def turned(part: Any) -> Any:
        if isinstance(part, list):
            return [turned(x) for x in part]
        if not isinstance(part, ast.AST):
            return part
        kind = nodes[type(part).__name__]
        node = kind.__new__(kind)
        closed = isinstance(part, ast.BinOp | ast.UnaryOp | ast.Compare)  # its place is enough
        for name in part._attributes if closed else kind._FIELDS:
            setattr(node, name, turned(getattr(part, name, None)))
        return node

    return turned(ast.parse(text))


def _evaluate(lines: list[bytes], node: Any, values: dict[str, Any]) -> Any:
    """The value of an expression, a node of TVM's reader, among these names."""
    kind = type(node).__name__
    if kind == "Name":
        return values[node.id] if node.id in values else getattr(builtins, node.id)
    assert node.lineno == node.end_lineno, "the printer writes an expression on one line"
    text = lines[node.lineno - 1][node.col_offset : node.end_col_offset]
    own, code = _compiled(text)
    assert own == kind, f"not an expression of the text: {text!r}"
    value = eval(code, values)
    return value.asobject() if hasattr(value, "asobject") else value  # a comparison of equality


@lru_cache(maxsize=1 << 13)
def _compiled(text: bytes) -> tuple[str, CodeType]:
    """The kind of an expression, of which kernels share many, and its code."""
    tree = ast.parse(text, mode="eval")
    assert not any(map(_decides, ast.walk(tree))), f"Python decides in the expression {text!r}"
    return type(tree.body).__name__, compile(tree, "<TVMScript>", "eval")


def _decides(node: ast.AST) -> bool:
    """Whether Python asks operands of this node for their truth, which an equality of TVM has."""
    chained = isinstance(node, ast.Compare) and len(node.ops) > 1
    return chained or isinstance(node, ast.BoolOp | ast.IfExp | ast.Not)


@contextmanager
def _without_span(_: Any, node: Any) -> Iterator[None]:
    """Nothing: the places of a text that no one wrote by hand are of no use in debuggers."""
    yield
