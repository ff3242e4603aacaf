"""Sets of integer points: the only module that imports islpy.

An `IntegerSet` is a set over named dimensions and named parameters. Every query runs under a
limit on isl's operations and ends in `AnalysisTooComplex` where isl gives up, whichever way it
says so (an exception, or None). isl contexts are not thread-safe: one context, one lock.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import islpy as isl

from attnc.dsl.errors import AnalysisTooComplex

OPERATIONS = 1_000_000
PIECE_LIMIT = 400

_CONTEXT = isl.DEFAULT_CONTEXT
_LOCK = threading.RLock()
_DEPTH = [0]
_DIM = isl.dim_type

Comparison = Literal["<", "<=", ">", ">=", "==", "!="]
_COMPARE: Mapping[str, str] = {
    "<": "lt_set",
    "<=": "le_set",
    ">": "gt_set",
    ">=": "ge_set",
    "==": "eq_set",
    "!=": "ne_set",
}


@dataclass(frozen=True, slots=True)
class guard:  # noqa: N801  (used as a function)
    """Run what is inside under one limit; a guard inside a guard shares the outer one's."""

    operations: int = OPERATIONS

    def __enter__(self) -> None:
        _LOCK.acquire()
        if _DEPTH[0] == 0:
            _CONTEXT.reset_operations()
            _CONTEXT.set_max_operations(self.operations)
        _DEPTH[0] += 1

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        _DEPTH[0] -= 1
        if _DEPTH[0] == 0:
            _CONTEXT.set_max_operations(0)
            _CONTEXT.reset_operations()
        _LOCK.release()
        if isinstance(error, isl.Error):
            raise AnalysisTooComplex(f"isl gave up ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    text = str(error)
    return "too many operations" if "operations" in text else text.partition(" in /")[0]


def checked(result: Any) -> Any:
    """The result of an isl call; None, which isl returns after an overflow, is an error."""
    if result is None:
        raise AnalysisTooComplex("isl gave up")
    return result


def _value(number: int) -> Any:
    return isl.Val.read_from_str(_CONTEXT, str(number))


@dataclass(frozen=True, slots=True)
class Piece:
    """One convex piece: rows `constant, dims.., divs..` that are = 0 and >= 0.

    The divs are integers: `divisions[i]` is the denominator and the row that div i is the floor
    of, or None where any integer will do.
    """

    equalities: tuple[tuple[int, ...], ...]
    inequalities: tuple[tuple[int, ...], ...]
    divisions: tuple[tuple[int, tuple[int, ...]] | None, ...]


@dataclass(frozen=True, slots=True, eq=False)
class IntegerSet:
    """A set of integer points over named dimensions, with symbolic parameters."""

    raw: Any

    # ------------------------------------------------------------ shape

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of the dimensions, in order."""
        return tuple(self.raw.get_dim_name(_DIM.set, i) for i in range(self.raw.dim(_DIM.set)))

    @property
    def params(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(self.raw.get_dim_name(_DIM.param, i) for i in range(self.raw.dim(_DIM.param)))

    @property
    def text(self) -> str:
        """The set in isl's notation; `parse` reads it back."""
        return str(self.raw)

    def map_text(self, inputs: int) -> str:
        """The set as a map's text, its first `inputs` dimensions being the map's input."""
        with guard():
            mapped = checked(isl.Map.from_range(self.raw))
            return str(checked(mapped.move_dims(_DIM.in_, 0, _DIM.out, 0, inputs)))

    # ------------------------------------------------------------ algebra

    def _with(self, raw: Any) -> "IntegerSet":
        result = checked(raw)
        if result.n_basic_set() > PIECE_LIMIT:
            raise AnalysisTooComplex(f"it falls into more than {PIECE_LIMIT} pieces")
        for i, name in enumerate(self.dims):
            if result.get_dim_name(_DIM.set, i) != name:
                result = result.set_dim_name(_DIM.set, i, name)
        return IntegerSet(result)

    def __and__(self, other: "IntegerSet") -> "IntegerSet":
        """The common points; a set without dimensions restricts the parameters."""
        with guard():
            if other.raw.is_params() and not self.raw.is_params():
                return self._with(self.raw.intersect_params(other.raw))
            return self._with(self.raw.intersect(other.raw))

    def __or__(self, other: "IntegerSet") -> "IntegerSet":
        with guard():
            return self._with(self.raw.union(other.raw))

    def __sub__(self, other: "IntegerSet") -> "IntegerSet":
        with guard():
            return self._with(self.raw.subtract(other.raw))

    def coalesce(self) -> "IntegerSet":
        """The same set in fewer pieces, if isl sees how."""
        with guard():
            return self._with(self.raw.coalesce())

    def gist(self, context: "IntegerSet") -> "IntegerSet":
        """A simpler set that agrees with this one inside the (parameter) context."""
        with guard():
            return self._with(self.raw.gist_params(context.raw.params()).coalesce())

    def project(self, *names: str) -> "IntegerSet":
        """The set without these dimensions: points that have some value for them."""
        with guard():
            raw = self.raw
            for name in names:
                raw = checked(raw.project_out(_DIM.set, raw.find_dim_by_name(_DIM.set, name), 1))
            return IntegerSet(raw)

    def project_params(self, *names: str) -> "IntegerSet":
        """The set without these parameters: points that belong to it for some value of them."""
        with guard():
            raw = self.raw
            for name in names:
                position = raw.find_dim_by_name(_DIM.param, name)
                if position >= 0:
                    raw = checked(raw.project_out(_DIM.param, position, 1))
            return self._with(raw)

    def apply(self, mapping: str, *dims: str) -> "IntegerSet":
        """The image under a map given as text; `dims` name the result's dimensions."""
        with guard():
            raw = checked(self.raw.apply(isl.Map(mapping, _CONTEXT)).coalesce())
            for i, name in enumerate(dims):
                raw = raw.set_dim_name(_DIM.set, i, name)
            return IntegerSet(raw)

    def fix(self, **values: int) -> "IntegerSet":
        """The set at these values of parameters or dimensions, which disappear."""
        with guard():
            raw = self.raw
            for name, value in values.items():
                for kind in (_DIM.param, _DIM.set):
                    position = raw.find_dim_by_name(kind, name)
                    if position >= 0:
                        raw = checked(raw.fix_val(kind, position, _value(value)))
                        raw = checked(raw.project_out(kind, position, 1))
            return IntegerSet(raw)

    def as_dims(self, *names: str) -> "IntegerSet":
        """Parameters turned into leading dimensions, in the order given."""
        with guard():
            raw = self.raw
            for target, name in enumerate(names):
                position = raw.find_dim_by_name(_DIM.param, name)
                if position < 0:
                    raw = checked(raw.insert_dims(_DIM.set, target, 1))
                    raw = raw.set_dim_name(_DIM.set, target, name)
                else:
                    raw = checked(raw.move_dims(_DIM.set, target, _DIM.param, position, 1))
            return IntegerSet(raw)

    def as_params(self, *names: str) -> "IntegerSet":
        """Dimensions turned into parameters."""
        with guard():
            raw = self.raw
            for name in names:
                position = raw.find_dim_by_name(_DIM.set, name)
                end = raw.dim(_DIM.param)
                raw = checked(raw.move_dims(_DIM.param, end, _DIM.set, position, 1))
            return IntegerSet(raw)

    # ------------------------------------------------------------ questions

    def is_empty(self) -> bool:
        """Whether no point is in it, for any parameters."""
        with guard():
            return bool(checked(self.raw.is_empty()))

    def is_subset(self, other: "IntegerSet") -> bool:
        """Whether every point is in the other set, for all parameters."""
        with guard():
            return bool(checked(self.raw.is_subset(other.raw)))

    def is_equal(self, other: "IntegerSet") -> bool:
        """Whether both hold the same points, for all parameters."""
        with guard():
            return bool(checked(self.raw.is_equal(other.raw)))

    def first_point(self) -> dict[str, int] | None:
        """The lexicographically least point, or None; no parameters may be left."""
        with guard():
            if checked(self.raw.is_empty()):
                return None
            point = checked(checked(self.raw.lexmin()).sample_point())
            values = [point.get_coordinate_val(_DIM.set, i) for i in range(len(self.dims))]
            return {name: value.to_python() for name, value in zip(self.dims, values, strict=True)}

    def count(self) -> int:
        """The number of points, isl's way (it scans all dimensions but the last)."""
        with guard():
            return int(checked(self.raw.count_val()).to_python())

    def least(self, name: str) -> int | None:
        """The least value of a dimension, None if unbounded below (the set is not empty)."""
        return self._extreme("dim_min_val", name)

    def greatest(self, name: str) -> int | None:
        """The greatest value of a dimension, None if unbounded above (the set is not empty)."""
        return self._extreme("dim_max_val", name)

    def _extreme(self, query: str, name: str) -> int | None:
        with guard():
            value = checked(getattr(self.raw, query)(self.raw.find_dim_by_name(_DIM.set, name)))
            return int(value.to_python()) if value.is_int() else None

    # ------------------------------------------------------------ pieces

    def parts(self) -> "list[IntegerSet]":
        """Disjoint convex parts whose union is the set."""
        with guard():
            disjoint = checked(self.raw.compute_divs().make_disjoint().coalesce())
            if not _disjoint(disjoint.get_basic_sets()):
                disjoint = checked(disjoint.make_disjoint())
            return [self._with(part.to_set()) for part in disjoint.get_basic_sets()]

    def pieces(self) -> list[Piece]:
        """The disjoint convex parts as rows of integers; no parameters may be left."""
        with guard():
            return [_piece(basic) for part in self.parts() for basic in part.raw.get_basic_sets()]


def _disjoint(parts: Sequence[Any]) -> bool:
    return all(bool(checked(a.is_disjoint(b))) for i, a in enumerate(parts) for b in parts[i + 1 :])


def _piece(basic: Any) -> Piece:
    order = (_DIM.cst, _DIM.set, _DIM.div, _DIM.param)
    return Piece(
        _rows(basic.equalities_matrix(*order)),
        _rows(basic.inequalities_matrix(*order)),
        tuple(_division(basic, i) for i in range(basic.dim(_DIM.div))),
    )


def _rows(matrix: Any) -> tuple[tuple[int, ...], ...]:
    columns = range(matrix.cols())
    return tuple(
        tuple(int(matrix.get_element_val(row, c).to_python()) for c in columns)
        for row in range(matrix.rows())
    )


def _division(basic: Any, index: int) -> tuple[int, tuple[int, ...]] | None:
    div = basic.get_div(index)
    denominator = div.get_denominator_val()
    if not denominator.is_int() or denominator.to_python() <= 0:
        return None

    def numerator(kind: Any, i: int) -> int:
        return int((div.get_coefficient_val(kind, i) * denominator).to_python())

    constant = int((div.get_constant_val() * denominator).to_python())
    dims = [numerator(_DIM.in_, i) for i in range(basic.dim(_DIM.set))]
    divs = [numerator(_DIM.div, i) for i in range(basic.dim(_DIM.div))]
    return int(denominator.to_python()), (constant, *dims, *divs)


# ---------------------------------------------------------------- building sets


def parse(text: str) -> IntegerSet:
    """A set from isl's notation."""
    with guard():
        return IntegerSet(checked(isl.Set(text, _CONTEXT)))


def context(params: Sequence[str], facts: Sequence[str]) -> IntegerSet:
    """A set without dimensions: the facts, in isl's notation, about the parameters."""
    return parse(f"[{', '.join(params)}] -> {{ : {' and '.join(facts) or 'true'} }}")


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """A piecewise affine function of a space's dimensions and parameters."""

    raw: Any

    def __add__(self, other: "Affine") -> "Affine":
        return Affine(checked(self.raw.add(other.raw)))

    def __sub__(self, other: "Affine") -> "Affine":
        return Affine(checked(self.raw.sub(other.raw)))

    def __neg__(self) -> "Affine":
        return Affine(checked(self.raw.neg()))

    def scale(self, factor: int) -> "Affine":
        """The function times a constant."""
        return Affine(checked(self.raw.scale_val(_value(factor))))

    def div(self, divisor: int) -> "Affine":
        """The floor of the function divided by a constant other than 0."""
        if divisor < 0:
            return (-self).div(-divisor)
        return Affine(checked(self.raw.scale_down_val(_value(divisor)).floor()))

    def mod(self, divisor: int) -> "Affine":
        """The remainder of `div`, of the divisor's sign."""
        return self - self.div(divisor).scale(divisor)

    def minimum(self, other: "Affine") -> "Affine":
        """The smaller of two functions."""
        return Affine(checked(self.raw.min(other.raw).coalesce()))

    def maximum(self, other: "Affine") -> "Affine":
        """The larger of two functions."""
        return Affine(checked(self.raw.max(other.raw).coalesce()))

    def compare(self, op: str, other: "Affine") -> IntegerSet:
        """The points at which `self op other` holds."""
        return IntegerSet(checked(getattr(self.raw, _COMPARE[op])(other.raw)))


@dataclass(frozen=True, slots=True)
class Space:
    """Named dimensions and parameters, and the functions and sets over them."""

    dims: tuple[str, ...]
    params: tuple[str, ...]

    def parse(self, condition: str) -> IntegerSet:
        """The points that satisfy a condition in isl's notation."""
        return parse(f"[{', '.join(self.params)}] -> {{ [{', '.join(self.dims)}] : {condition} }}")

    def everything(self) -> IntegerSet:
        """All points."""
        return self.parse("true")

    def nothing(self) -> IntegerSet:
        """No points."""
        return self.parse("false")

    def constant(self, value: int) -> Affine:
        """A constant function."""
        domain = self.everything().raw
        return Affine(checked(isl.PwAff.val_on_domain(domain, _value(value))))

    def variable(self, name: str) -> Affine:
        """The function that reads one dimension or parameter."""
        space = isl.LocalSpace.from_space(self.everything().raw.get_space())
        if name in self.dims:
            kind, position = _DIM.set, self.dims.index(name)
        else:
            kind, position = _DIM.param, self.params.index(name)
        return Affine(checked(isl.PwAff.var_on_domain(space, kind, position)))

    def table(self, items: Sequence[int], index: Affine) -> Affine:
        """The function that reads a constant list; undefined where the index is outside it."""
        result = None
        for value in sorted(set(items)):
            places = [i for i, item in enumerate(items) if item == value]
            domain = self.nothing()
            for place in places:
                domain = domain | index.compare("==", self.constant(place))
            part = isl.PwAff.val_on_domain(domain.raw, _value(value))
            result = part if result is None else checked(result.union_add(part))
        return Affine(checked(result))

    def union(self, sets: Sequence[IntegerSet]) -> IntegerSet:
        """The union of any number of sets, as a balanced tree."""
        if not sets:
            return self.nothing()
        level = list(sets)
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            odd = level[-1:] if len(level) % 2 else []
            level = [(a | b).coalesce() for a, b in pairs] + odd
        return level[0]


# ---------------------------------------------------------------- loops


Code = tuple[Any, ...]  # a tree of tuples, see `generate`
Term = int | str | tuple[Any, ...]

_OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "div": "div",
    "fdiv_q": "div",
    "pdiv_q": "div",
    "pdiv_r": "mod",
    "zdiv_r": "mod",
    "minus": "neg",
    "and_then": "and",
    "or_else": "or",
    "and_": "and",
    "or_": "or",
}


def generate(points: IntegerSet, known: IntegerSet) -> Code:
    """The code that visits each point of a one-dimensional set once, given the known facts.

    `("for", variable, low, comparison, bound, step, body)`, `("if", condition, then, else)`,
    `("block", ...)`, `("visit", tile)`; expressions are ints, names or `(operator, operands..)`.
    """
    with guard():
        schedule = checked(isl.Map.identity(points.raw.get_space().map_from_set()))
        schedule = checked(schedule.intersect_domain(points.raw))
        build = isl.AstBuild.from_context(known.raw.params())
        names = isl.IdList.alloc(_CONTEXT, 1).add(isl.Id.read_from_str(_CONTEXT, points.dims[0]))
        build = build.set_iterators(names)
        node = build.node_from_schedule_map(isl.UnionMap.from_map(schedule))
        return _code(checked(node))


def membership(points: IntegerSet, known: IntegerSet) -> Term:
    """The condition for a point to be in the set, as an expression over dimensions and parameters."""
    with guard():
        inside = points.as_params(*points.dims).raw.params()
        build = isl.AstBuild.from_context(known.raw.params())
        return _term(checked(build.expr_from_set(checked(inside.compute_divs()))))


def _code(node: Any) -> Code:
    match node.get_type():
        case isl.ast_node_type.block:
            children = node.block_get_children()
            return ("block", *(_code(children.get_at(i)) for i in range(children.n_ast_node())))
        case isl.ast_node_type.if_:  # type: ignore[attr-defined]
            other = _code(node.if_get_else_node()) if node.if_has_else_node() else ("block",)
            return ("if", _term(node.if_get_cond()), _code(node.if_get_then_node()), other)
        case isl.ast_node_type.user:
            return ("visit", _term(node.user_get_expr().op_get_arg(1)))
        case isl.ast_node_type.for_:  # type: ignore[attr-defined]
            return _for(node)
        case other:
            raise AnalysisTooComplex(f"isl wrote code of an unknown kind ({other})")


def _for(node: Any) -> Code:
    variable, low = _term(node.for_get_iterator()), _term(node.for_get_init())
    body = _code(node.for_get_body())
    if node.for_is_degenerate():
        return ("for", variable, low, "<=", low, 1, body)
    condition = node.for_get_cond()
    comparison = {"le": "<=", "lt": "<"}[condition.get_op_type().name]
    bound = _term(condition.get_op_arg(1))
    return ("for", variable, low, comparison, bound, _term(node.for_get_inc()), body)


def _term(expr: Any) -> Term:
    match expr.get_type():
        case isl.ast_expr_type.int:
            return int(expr.get_val().to_python())
        case isl.ast_expr_type.id:
            return str(expr.get_id().get_name())
        case _:
            count = range(expr.get_op_n_arg())
            kind = expr.get_op_type().name
            return (_OPERATORS.get(kind, kind), *(_term(expr.get_op_arg(i)) for i in count))
