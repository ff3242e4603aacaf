"""Files, definitions and statements in the canonical form, with their comments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from attnc.dsl import syntax as ast
from attnc.dsl.comments import Comments, Place, end, start
from attnc.dsl.print_nodes import print_assertion, print_expression, print_links, print_set
from attnc.dsl.source import Span

WIDTH = 100
INDENT = "    "
_LAST: Place = (2**31, 0)

Item = (
    ast.Use | ast.Definition | ast.Statement | ast.LayerStatement | ast.RouteClause | ast.RouteSet
    | ast.BranchKeys
)  # fmt: skip
Blocks = ast.Attention | ast.Stack | ast.Route | ast.Branch


def format_file(file: ast.File) -> str:
    """The text of a file."""
    formatter = _Formatter(Comments(file.source))
    formatter.version(file)
    formatter.block((*file.uses, *file.definitions), "", _LAST)
    return "".join(f"{line}\n" for line in formatter.lines)


@dataclass(slots=True)
class _Formatter:
    comments: Comments
    lines: list[str] = field(default_factory=list)

    def version(self, file: ast.File) -> None:
        """`attn 1`, where it is written."""
        if file.version is None:
            return
        at = (file.span.line, file.span.column)
        for comment in self.comments.before(at):
            self._line(comment.text, comment.place[0])
        rest = (*file.uses, *file.definitions)
        limit = start(rest[0].span) if rest else _LAST
        beside = self.comments.beside(file.span.line, limit)
        self._line(f"attn {file.version}{beside}", file.span.line)

    def block(self, items: Sequence[Item], indent: str, limit: Place) -> None:
        """Items in order, each behind its comments; `limit` is where the block ends."""
        first = len(self.lines)
        for i, item in enumerate(items):
            following = start(items[i + 1].span) if i + 1 < len(items) else limit
            before = items[i - 1] if i else None
            self._item(item, before, indent, following, first)
        for comment in self.comments.before(limit):
            self._line(indent + comment.text, comment.place[0], first)

    def _item(
        self, item: Item, before: Item | None, indent: str, following: Place, first: int
    ) -> None:
        apart = _apart(before, item) and bool(self.lines)
        for comment in self.comments.before(start(item.span)):
            self._line(indent + comment.text, comment.place[0], first, apart)
            apart = False
        beside_another = before is not None and before.span.end_line == item.span.line
        apart = apart or (not beside_another and self._gap(item.span.line, first))
        match item:
            case ast.Attention() | ast.Stack() | ast.Route() | ast.Branch():
                self._braced(item, apart, following, indent)
                return
            case ast.NotBuilt():
                texts = self._verbatim(item.span)
                self.comments.before(end(item.span))
            case _:
                texts = _broken(item)
        for comment in self.comments.before(end(item.span)):
            self._line(indent + comment.text, None, first, apart)
            apart = False
        beside = self.comments.beside(item.span.end_line, following)
        self._line(indent + texts[0], None, first, apart)
        self.lines += [
            text if isinstance(item, ast.NotBuilt) else indent + text for text in texts[1:]
        ]
        self.lines[-1] += beside

    def _braced(self, item: Blocks, apart: bool, following: Place, indent: str) -> None:
        inside = start(item.body[0].span) if item.body else end(item.span)
        beside = self.comments.beside(item.span.line, inside)
        given = "" if isinstance(item, ast.Branch) else _parameters(item.parameters)
        word = type(item).__name__.lower()
        self._line(f"{indent}{word} {item.name}{given} {{{beside}", None, 0, apart)
        self.block(item.body, indent + INDENT, end(item.span))
        self.lines.append(indent + "}" + self.comments.beside(item.span.end_line, following))

    def _line(self, text: str, line: int | None, first: int = 0, apart: bool = False) -> None:
        """Adds a line, and a blank one above it where the source has one or `apart` asks for it."""
        if apart or (line is not None and self._gap(line, first)):
            self.lines.append("")
        self.lines.append(text)

    def _gap(self, line: int, first: int) -> bool:
        return len(self.lines) > first and self.comments.gap(line)

    def _verbatim(self, span: Span) -> list[str]:
        """The lines of a span as written: what is not built has no canonical form."""
        lines = list(span.source.lines[span.line - 1 : span.end_line])
        lines[-1] = lines[-1][: span.end_column - 1]
        lines[0] = lines[0][span.column - 1 :]
        return [line.rstrip() for line in lines]


def _apart(before: Item | None, item: Item) -> bool:
    """Whether a blank line always stands between two items."""
    if isinstance(item, ast.Use) or before is None:
        return False
    blocks = ast.Attention | ast.Stack | ast.Route
    return isinstance(before, ast.Use | blocks) or isinstance(item, blocks)


def _broken(item: Item) -> list[str]:
    """An item as one line, or as several where it is too long for one."""
    text = _text(item)
    match item:
        case (
            ast.MaskDefinition(body=body) | ast.MaskStatement(body=body) | ast.RouteSet(body=body)
        ) if len(text) > WIDTH - 4 and text.endswith(print_set(body)):
            head = text.removesuffix(print_set(body))
            return _wrapped(head, body)
        case ast.LayerStatement(variable, cases) if len(text) > WIDTH - 4:
            *first, last = _cases(cases)
            return [f"layer {variable}:", *(f"{INDENT}{case};" for case in first), INDENT + last]
        case _:
            return [text]


def _wrapped(head: str, body: ast.SetExpr) -> list[str]:
    match body:
        case ast.SetBinary():
            links = print_links(body)
            fits = len(head) + len(links[0]) <= WIDTH - 4
            opening = [head + links[0]] if fits else [head.rstrip(), INDENT + links[0]]
            return [*opening, *(INDENT + link for link in links[1:])]
        case ast.Comprehension(condition):
            return [head + "{", INDENT + print_expression(condition), "}"]
        case _:
            return [head + print_set(body)]


def _text(item: Item) -> str:
    match item:
        case ast.Use(path, quoted):
            return f'use "{path}"' if quoted else f"use {path}"
        case ast.MaskDefinition(name, parameters, body):
            return f"mask {name}{_parameters(parameters)} = {print_set(body)}"
        case ast.Input(name, dtype, axes, grad):
            shape = f"[{', '.join(axes)}]" if axes else ""
            return f"input {name}: {dtype}{shape}{' grad' if grad else ''}"
        case ast.MaskStatement(body):
            return f"mask {print_set(body)}"
        case ast.ScoreStatement(value):
            return f"score {print_expression(value)}"
        case ast.NormalizeStatement(kind, sink):
            given = f"(sink = {print_expression(sink)})" if sink is not None else ""
            return f"normalize {kind}{given}"
        case ast.AssertStatement():
            return f"assert {print_assertion(item)}"
        case ast.CrossStatement():
            return "cross"
        case ast.Grid() | ast.Segment():
            return _tokens(item)
        case ast.LayerStatement(variable, cases):
            return f"layer {variable}: {'; '.join(_cases(cases))}"
        case ast.Attention() | ast.Stack() | ast.Route() | ast.Branch() | ast.NotBuilt():
            raise AssertionError("printed in lines of their own")
        case _:
            return _part(item)


def _tokens(item: ast.Grid | ast.Segment) -> str:
    match item:
        case ast.Grid(axes):
            texts = (f"{axis.name}: {print_expression(axis.extent)}" for axis in axes)
            return f"grid {', '.join(texts)}"
        case ast.Segment(name, length, side):
            return f"segment {name}: {print_expression(length)} {side}"


def _part(
    item: ast.RouteClause | ast.RouteSet | ast.BranchKeys | ast.Merge | ast.OutputStatement,
) -> str:
    match item:
        case ast.OutputStatement(value):
            return f"output {print_expression(value)}"
        case ast.Merge(kind, gate):
            return f"merge {kind}({gate})" if gate else f"merge {kind}"
        case ast.BranchKeys(form, arguments, keywords):
            return f"keys {print_set(ast.SetCall(form, arguments, keywords))}"
        case ast.RouteSet(kind, body):
            text = print_set(body)
            taken = kind == "within" and re.match(r"any\b", text)  # a mask of that name
            return f"{kind} ({text})" if taken else f"{kind} {text}"
        case ast.RouteClause(kind, form, arguments, keywords):
            return f"{kind} {print_set(ast.SetCall(form, arguments, keywords))}"
        case _:
            assert_never(item)


def _cases(cases: tuple[ast.LayerCase, ...]) -> list[str]:
    return [_case(case, alone=len(cases) == 1) for case in cases]


def _case(case: ast.LayerCase, alone: bool) -> str:
    pattern = print_set(case.pattern)
    if case.condition is None:
        return pattern if alone else f"{pattern} otherwise"
    return f"{pattern} when {print_expression(case.condition)}"


def _parameters(parameters: tuple[ast.Parameter, ...]) -> str:
    return f"({', '.join(map(_parameter, parameters))})" if parameters else ""


def _parameter(parameter: ast.Parameter) -> str:
    kind = f": {parameter.type}" if parameter.type else ""
    value = f" = {print_expression(parameter.default)}" if parameter.default is not None else ""
    return f"{parameter.name}{kind}{value}"
