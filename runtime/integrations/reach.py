"""Whether a cache that drops old keys drops some that a pattern still wants."""

from functools import lru_cache
from typing import Any

from attnc.compiler.relation import of_bound
from attnc.compiler.sets import Space, guard


def looks_past(operator: Any, window: int, heads: int, kv_heads: int) -> bool:
    """Whether any query, at any length, may see a key that is not among its last `window` ones.

    Nothing is known of an operator that attnc did not compile: False.
    """
    return hasattr(operator, "bound") and _looks_past(operator, window, heads, kv_heads)


@lru_cache(maxsize=256)
def _looks_past(operator: Any, window: int, heads: int, kv_heads: int) -> bool:
    relation = of_bound(operator.bound, heads, kv_heads)
    with guard():
        old = Space(relation.dims, relation.params).parse(f"k <= q - {window}")
        return not (relation.upper & old).is_empty()
