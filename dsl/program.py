"""A checked spec, and the same with values for its parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from attnc.dsl import syntax as ast
from attnc.dsl.binding import bind_parameters
from attnc.dsl.branch_forms import own_statements
from attnc.dsl.branch_values import branch_mistakes
from attnc.dsl.check_constants import constant_mistakes
from attnc.dsl.check_grid import extent, extent_mistakes
from attnc.dsl.check_route_values import route_mistakes
from attnc.dsl.constants import Value
from attnc.dsl.diagnostics import DiagnosticsError
from attnc.dsl.place import GRID, Place
from attnc.dsl.route import BoundRoute, bind_routes
from attnc.dsl.source import Source


@dataclass(frozen=True, slots=True)
class Program:
    """One checked attention with every mask that it can name.

    The types of all parameters are filled in.
    """

    file: ast.File
    attention: ast.Attention
    masks: Mapping[str, ast.MaskDefinition]
    inputs: Mapping[str, ast.Input]
    grid: ast.Grid | None = None
    segments: tuple[ast.Segment, ...] = ()
    routes: Mapping[str, ast.Route] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """The text of the attention's file."""
        return self.file.source

    @property
    def name(self) -> str:
        """The attention's name."""
        return self.attention.name

    def bind(self, /, **parameters: object) -> "Bound":
        """The spec for these parameters; defaults fill the rest.

        Raises `DiagnosticsError` for an unknown or missing parameter, one of the wrong type, and
        for constants that have no meaning, such as a zero block size.
        """
        values = bind_parameters(self.attention, parameters)
        mistakes = constant_mistakes(self.attention, self.masks, values)
        mistakes += extent_mistakes(self.grid, self.segments, values)
        mistakes += branch_mistakes(self.attention, values)
        bound = Bound(self, values)
        mistakes = mistakes or route_mistakes(bound.routes, self.routes)
        if mistakes:
            raise DiagnosticsError(mistakes)
        return bound


@dataclass(frozen=True)
class Bound:
    """A checked attention whose parameters have values.

    With a `place`, the part of it between these parts of its tokens: no segment is left there.
    """

    program: Program
    values: Mapping[str, Value]
    place: Place | None = None

    @property
    def name(self) -> str:
        """The attention's name."""
        return self.program.name

    @property
    def identity(self) -> str:
        """A text that two bound specs share if they mean the same; for keys of caches."""
        program = self.program
        definitions = sorted(map(repr, (*program.masks.values(), *program.routes.values())))
        tokens = program.grid, program.segments, self.place
        return repr((program.attention, tokens, definitions, sorted(self.values.items())))

    @property
    def mask(self) -> ast.SetExpr | None:
        """The set of pairs; None where the attention has no mask statement."""
        found = (s.body for s in self._body if isinstance(s, ast.MaskStatement))
        return next(found, None)

    @property
    def score(self) -> ast.Expr | None:
        """The score formula; None where it is the scaled dot product itself."""
        found = (s.value for s in self._body if isinstance(s, ast.ScoreStatement))
        return next(found, None)

    @property
    def normalize(self) -> str:
        """The normaliser's name."""
        found = (s.kind for s in self._body if isinstance(s, ast.NormalizeStatement))
        return next(found, "softmax")

    @property
    def sink(self) -> ast.Expr | None:
        """The logit of the normaliser's extra term; None where there is none, as in a place."""
        if self.place is not None:
            return None
        for statement in self._body:
            if isinstance(statement, ast.NormalizeStatement):
                return ast.Float(0.0) if statement.kind == "softmax1" else statement.sink
        return None

    @property
    def output(self) -> ast.Expr | None:
        """What becomes of the outputs; None where they are left as they are."""
        found = (s.value for s in self._body if isinstance(s, ast.OutputStatement))
        return next(found, None)

    @property
    def merge(self) -> ast.Merge | None:
        """How branches become one result; None where there are none."""
        return next((s for s in self._body if isinstance(s, ast.Merge)), None)

    @property
    def composite(self) -> bool:
        """Whether there is more to compute than one attention: branches, or an `output`."""
        return self.merge is not None or self.output is not None

    @cached_property
    def routes(self) -> tuple[BoundRoute, ...]:
        """The routes that the masks call, each after those that it needs."""
        if not self.program.routes:
            return ()
        statements = own_statements(self.program.attention)
        masks = [s.body for s in statements if isinstance(s, ast.MaskStatement)]
        axes = [axis for axis, _ in self.grid]
        found = (bind_routes(mask, self.program.routes, self.values, axes) for mask in masks)
        return tuple({route.name: route for routes in found for route in routes}.values())

    @property
    def asserts(self) -> tuple[ast.AssertStatement, ...]:
        """What is to be proved, in the order written."""
        return tuple(s for s in self._body if isinstance(s, ast.AssertStatement))

    @property
    def inputs(self) -> Mapping[str, ast.Input]:
        """The run-time tensors and numbers, by name; the lengths of segments are among them."""
        return self.program.inputs if self.place is None else self.place.inputs

    @property
    def grid(self) -> tuple[tuple[str, str | int], ...]:
        """The axes of the grid and their extents: a name that the call gives, or a constant."""
        grid = self.program.grid if self.place is None or self.place.on_grid else None
        return tuple((a.name, extent(a, self.values)) for a in grid.axes) if grid else ()

    @property
    def segments(self) -> tuple[tuple[str, str | int], ...]:
        """The segments and their lengths, in the order of their tokens."""
        found = self.program.segments if self.place is None else ()
        return tuple((s.name, extent(s, self.values)) for s in found)

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the tokens in order, the grid among the segments."""
        before = tuple(s.name for s in self.program.segments if s.side == "before")
        after = tuple(s.name for s in self.program.segments if s.side == "after")
        return (*before, GRID, *after)

    @property
    def listed_heads(self) -> int | None:
        """How many heads the lists among the parameters have an item for; None without a list."""
        lists = (value for value in self.values.values() if isinstance(value, tuple))
        return min(map(len, lists), default=None)

    @property
    def cross(self) -> bool:
        """Whether queries and keys are two sequences, both starting at position 0."""
        return any(isinstance(s, ast.CrossStatement) for s in self._body)

    @property
    def _body(self) -> tuple[ast.Statement, ...]:
        return self.program.attention.body
