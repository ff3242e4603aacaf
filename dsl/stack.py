"""A checked stack of layers, and the same with values: one bound attention for each layer."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from attnc.dsl import syntax as ast
from attnc.dsl.binding import bind_parameters
from attnc.dsl.check_constants import constant_mistakes
from attnc.dsl.check_segments import segment_inputs
from attnc.dsl.constants import ConstantError, Value, evaluate
from attnc.dsl.diagnostics import DiagnosticsError
from attnc.dsl.mistakes.affine import ConstantOverflow
from attnc.dsl.mistakes.binding import WrongParameterType
from attnc.dsl.mistakes.stacks import LayerWithoutPattern
from attnc.dsl.print_nodes import print_expression
from attnc.dsl.program import Bound, Program
from attnc.dsl.source import Source

LAYERS = "layers"
MAX_LAYERS = 1024


@dataclass(frozen=True, slots=True)
class StackProgram:
    """One checked stack, with the attentions of its file and every mask that it can name."""

    file: ast.File
    stack: ast.Stack
    masks: Mapping[str, ast.MaskDefinition]
    attentions: Mapping[str, Program]
    grid: ast.Grid | None = None
    segments: tuple[ast.Segment, ...] = ()
    routes: Mapping[str, ast.Route] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """The text of the stack's file."""
        return self.file.source

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.stack.name

    def bind(self, /, **parameters: object) -> "BoundStack":
        """The layers for these parameters; layers of the same pattern share one attention.

        Raises `DiagnosticsError` as binding an attention does, and for a layer without pattern.
        """
        values = bind_parameters(self.stack, parameters)
        count = values[LAYERS]
        if not isinstance(count, int) or not 1 <= count <= MAX_LAYERS:
            at = next(p for p in self.stack.parameters if p.name == LAYERS)
            wanted = f"from 1 to {MAX_LAYERS}"
            raise DiagnosticsError([WrongParameterType(LAYERS, wanted, str(count), span=at.span)])
        claims = ast.Attention(self.name, (), self.asserts)
        if mistakes := constant_mistakes(claims, self.masks, values):
            raise DiagnosticsError(mistakes)
        known: dict[ast.SetCall, Bound] = {}
        layers = []
        for i in range(count):
            call = self._call(i, values)
            if call not in known:
                known[call] = self._bound(call)
            layers.append(known[call])
        return BoundStack(self, values, tuple(layers))

    @property
    def asserts(self) -> tuple[ast.AssertStatement, ...]:
        """What is to be proved, in the order written."""
        return tuple(item for item in self.stack.body if isinstance(item, ast.AssertStatement))

    def _call(self, layer: int, values: Mapping[str, Value]) -> ast.SetCall:
        """The pattern of a layer, its arguments computed."""
        (rule,) = (item for item in self.stack.body if isinstance(item, ast.LayerStatement))
        env = {**values, rule.variable: layer}
        for case in rule.cases:
            if case.condition is None or _value(case.condition, env) == ast.Bool(True):
                return replace(
                    case.pattern,
                    arguments=tuple(_value(value, env) for value in case.pattern.arguments),
                    keywords=tuple((n, _value(value, env)) for n, value in case.pattern.keywords),
                )
        raise DiagnosticsError([LayerWithoutPattern(layer, span=rule.span)])

    def _bound(self, call: ast.SetCall) -> Bound:
        """A called attention, or an attention of a called mask."""
        program = self.attentions.get(call.name)
        if program is None:
            body = (ast.MaskStatement(call, span=call.span),)
            attention = ast.Attention(call.name, (), body, span=call.span)
            inputs = segment_inputs(self.segments, attention)
            facts = (self.file, attention, self.masks, inputs, self.grid, self.segments)
            return Program(*facts, self.routes).bind()
        names = (parameter.name for parameter in program.attention.parameters)
        given = dict(zip(names, call.arguments, strict=False)) | dict(call.keywords)
        return program.bind(**{name: evaluate(value, {}) for name, value in given.items()})


@dataclass(frozen=True, slots=True)
class BoundStack:
    """A stack whose parameters have values; `layers` from the first, equal ones are the same."""

    program: StackProgram
    values: Mapping[str, Value]
    layers: tuple[Bound, ...]

    @property
    def name(self) -> str:
        """The stack's name."""
        return self.program.name

    @property
    def distinct(self) -> tuple[Bound, ...]:
        """Each attention of the layers once, in their order."""
        return tuple({id(layer): layer for layer in self.layers}.values())

    @property
    def asserts(self) -> tuple[ast.AssertStatement, ...]:
        """What is to be proved, in the order written."""
        return self.program.asserts

    @property
    def grid(self) -> tuple[tuple[str, str | int], ...]:
        """The axes of the grid that all layers are on, with their extents; none for sequences."""
        return self.layers[0].grid

    @property
    def segments(self) -> tuple[tuple[str, str | int], ...]:
        """The segments beside that grid and their lengths, in the order of their tokens."""
        return self.layers[0].segments

    @property
    def place(self) -> None:
        """None: layers are of all tokens."""


def _value(expr: ast.Expr, values: Mapping[str, Value]) -> ast.Expr:
    """The value of a constant expression, as a literal."""
    try:
        found = evaluate(expr, values)
    except ConstantError as error:
        text = print_expression(error.expr)
        mistake = ConstantOverflow(text, str(error), "", span=error.expr.span)
        raise DiagnosticsError([mistake]) from None
    match found:
        case bool():
            return ast.Bool(found, span=expr.span)
        case int():
            return ast.Int(found, span=expr.span)
        case float():
            return ast.Float(found, span=expr.span)
        case _:
            raise AssertionError(f"no constant: {expr!r}")
