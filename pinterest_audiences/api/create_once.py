"""Creates something exactly once, also when the response to the create is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinterest_audiences.errors import NoResponseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pinterest_audiences.api.client import PinterestAPI
    from pinterest_audiences.api.operations import Operation
    from pinterest_audiences.api.senders import Answer


def create_once(  # noqa: PLR0913  (the last one has a name)
    api: PinterestAPI,
    operation: Operation,
    ids: Mapping[str, str],
    body: Mapping[str, Any],
    find_created: Callable[[], Mapping[str, Any] | None],
    *,
    sent: Answer | None = None,
) -> Mapping[str, Any]:
    """Create something, and return it as Pinterest answers it.

    When the response is lost, Pinterest may have created it all the same, and would create a
    second one of the same name. So look for it before each further try.

    Args:
        api: Pinterest.
        operation: The create.
        ids: Values for its path.
        body: Its JSON object.
        find_created: Returns what an earlier try created, if it did.
        sent: The first try, if it is on its way.

    Raises:
        PinterestError: If Pinterest refused, or no response came until the tries ended.
    """
    response_was_lost = False

    @api.with_retries(lambda error: not _may_have_created(error))
    def look_and_send() -> Mapping[str, Any]:
        nonlocal response_was_lost, sent
        if response_was_lost and (created := find_created()):
            return created
        first, sent = sent, None
        try:
            return api.request(operation, ids, body=body, sent=first).data
        except NoResponseError:
            response_was_lost = True
            raise

    return look_and_send()


def _may_have_created(error: Exception) -> bool:
    return isinstance(error, NoResponseError) and not error.request_not_sent
