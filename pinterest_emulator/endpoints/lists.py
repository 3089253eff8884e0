"""List responses: a page of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pinterest_emulator import guesses
from pinterest_emulator.checks import values as checks
from pinterest_emulator.http import paging
from pinterest_emulator.http.operations import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from pinterest_emulator.data.table import Table
    from pinterest_emulator.http.operations import Call

T = TypeVar("T")


def excludes_nca(call: Call) -> bool:
    """`exclude_nca`: whether a list skips audiences for new customer acquisition.

    Only Pinterest OpenAPI 5.28 has it; other versions ignore it.

    Raises:
        ApiError: 400.
    """
    if not call.state.settings.follows_5_28:
        return False
    query = guesses.truth_values(call.request.query, "exclude_nca")
    return checks.choice(query, "exclude_nca", ("true", "false"), "false") == "true"


def page_of(
    call: Call,
    context: str,
    table: Table[T],
    view: Callable[[T], dict[str, Any]],
    *,
    descending: bool = False,
) -> Result:
    """The page that a request selects.

    Args:
        call: The call, with `page_size` and `bookmark` in its query.
        context: Identifies the list in its bookmarks, together with the order.
        table: All rows.
        view: Converts a row into an item of the response.
        descending: Whether the highest key comes first.

    Raises:
        ApiError: 400.
    """
    query = call.request.query
    size = checks.page_size(query)
    start = paging.decode(query.get("bookmark"), f"{context}|{descending}")
    rows, more = table.page(after=start.after, size=size, descending=descending)
    return Result(
        paging.Page(
            items=[view(row) for _, row in rows],
            keys=[key for key, _ in rows],
            start=start,
            more=more,
            sent_bookmark=query.get("bookmark"),
        )
    )
