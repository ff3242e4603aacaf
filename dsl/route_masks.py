"""Routes as masks: what they chose is a set like any other, `k div 64 in picked[h, q]`."""

from collections.abc import Mapping

from attnc.dsl import syntax as ast
from attnc.dsl.route import set_of


def route_masks(routes: Mapping[str, ast.Route]) -> dict[str, ast.MaskDefinition]:
    """The masks that routes stand for.

    `picked` is what it holds: the analysis knows no more of it than that tensors decide.
    `picked.within` and `picked.keep` are those of its clauses; `picked.none` and `picked.all` what
    it holds where nothing, and where everything is chosen.
    """
    found: dict[str, ast.MaskDefinition] = {}
    for name, route in routes.items():
        everything = ast.Comprehension(ast.Bool(True))
        kept = set_of(route, "keep")
        nothing = kept.body if kept is not None else ast.Complement(everything)
        chosen = ast.Comprehension(_chosen(route))
        held = chosen if kept is None else ast.SetBinary("|", chosen, kept.body)
        for own, body in ((name, held), (f"{name}.none", nothing), (f"{name}.all", everything)):
            found[own] = ast.MaskDefinition(own, route.parameters, body, span=route.span)
        for part in ("within", "keep"):
            if (given := set_of(route, part)) is not None:
                own = f"{name}.{part}"
                found[own] = ast.MaskDefinition(own, route.parameters, given.body, span=route.span)
    return found


def _chosen(route: ast.Route) -> ast.Expr:
    """A condition on tensors: whether the key is in what was chosen for the query."""
    return ast.Member(ast.Name("k"), route.name, (ast.Name("q"),))
