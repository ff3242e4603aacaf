"""Random syntax trees, of every construct, that the grammar can write."""

from hypothesis import strategies as st

from attnc.dsl import syntax as ast
from attnc.dsl.source import Source

NAMES = st.sampled_from(["q", "k", "h", "w", "doc", "keys", "top", "any", "len", "x_1", "maskx"])
NUMBERS = st.floats(0, 1e300, allow_nan=False, allow_infinity=False)
LEAVES = st.one_of(
    st.integers(0, 2**63 - 1).map(ast.Int),
    NUMBERS.map(ast.Float),
    st.booleans().map(ast.Bool),
    NAMES.map(ast.Name),
)


def few(items):
    return st.lists(items, min_size=1, max_size=3).map(tuple)


def _grow(inner):
    operators = st.sampled_from(["+", "-", "*", "/", "div", "mod", "^", "and", "or"])
    comparisons = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    chains = st.integers(1, 3).flatmap(
        lambda n: st.builds(
            ast.Compare,
            st.tuples(*[comparisons] * n),
            st.tuples(*[inner] * (n + 1)),
        )
    )
    return st.one_of(
        st.builds(ast.Unary, st.sampled_from(["-", "not"]), inner),
        st.builds(ast.Binary, operators, inner, inner),
        chains,
        st.builds(ast.Call, NAMES, few(inner)),
        st.builds(ast.Index, NAMES, few(inner)),
        st.builds(ast.Exists, NAMES, inner, inner, inner),
        st.builds(ast.List, few(inner)),
    )


EXPRESSIONS = st.recursive(LEAVES, _grow, max_leaves=12)


def _grow_sets(inner):
    return st.one_of(
        st.builds(ast.SetBinary, st.sampled_from(["|", "&", "-"]), inner, inner),
        st.builds(ast.Complement, inner),
        st.builds(ast.When, inner, EXPRESSIONS),
    )


SETS = st.recursive(
    st.one_of(
        st.builds(ast.Comprehension, EXPRESSIONS),
        st.builds(
            ast.SetCall,
            NAMES,
            st.lists(EXPRESSIONS, max_size=2).map(tuple),
            st.lists(st.tuples(NAMES, EXPRESSIONS), max_size=2).map(tuple),
        ),
    ),
    _grow_sets,
    max_leaves=6,
)
PARAMETERS = st.lists(
    st.builds(
        ast.Parameter,
        NAMES,
        st.sampled_from([None, "int", "float", "bool", "list"]),
        st.one_of(st.none(), EXPRESSIONS),
    ),
    max_size=3,
).map(tuple)
INPUTS = st.builds(
    ast.Input,
    NAMES,
    st.sampled_from(["int", "float"]),
    st.lists(NAMES, max_size=3).map(tuple),
    st.booleans(),
)
STATEMENTS = st.one_of(
    INPUTS,
    st.builds(ast.MaskStatement, SETS),
    st.builds(ast.ScoreStatement, EXPRESSIONS),
    st.builds(ast.NormalizeStatement, NAMES),
    st.builds(ast.AssertStatement, NAMES, st.lists(EXPRESSIONS, max_size=2).map(tuple)),
    st.builds(
        ast.AssertStatement,
        NAMES,
        st.lists(EXPRESSIONS, max_size=1).map(tuple),
        st.sampled_from(["<", ">="]),
        EXPRESSIONS,
    ),
    SETS.map(lambda s: ast.AssertStatement("same_as", other=s)),
    st.just(ast.CrossStatement()),
)
ROUTE_ITEMS = st.one_of(
    st.builds(
        ast.RouteClause,
        st.sampled_from(["keys", "queries", "summary", "choose"]),
        NAMES,
        st.lists(EXPRESSIONS, max_size=2).map(tuple),
        st.lists(st.tuples(NAMES, EXPRESSIONS), max_size=1).map(tuple),
    ),
    st.builds(ast.RouteSet, st.sampled_from(["within", "within any", "keep"]), SETS),
)
DEFINITIONS = st.one_of(
    st.builds(ast.Route, NAMES, PARAMETERS, st.lists(ROUTE_ITEMS, max_size=4).map(tuple)),
    st.builds(ast.MaskDefinition, NAMES, PARAMETERS, SETS),
    st.builds(ast.Attention, NAMES, PARAMETERS, st.lists(STATEMENTS, max_size=4).map(tuple)),
)
USES = st.one_of(
    st.just(ast.Use("std", False)), st.sampled_from(["a.attn", "b#c.attn"]).map(ast.Use)
)
FILES = st.builds(
    ast.File,
    st.just(Source("", "")),
    st.sampled_from([None, 1]),
    st.lists(USES, max_size=2).map(tuple),
    st.lists(DEFINITIONS, max_size=3).map(tuple),
)
