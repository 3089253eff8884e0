"""``--test``: can everything be read that a run would read? One small request for each thing."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pinterest_audiences.errors import RequestFailedError
from tap_pinterest_audiences.base_streams import PartitionedStream

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk import Stream

    from tap_pinterest_audiences.session import Session

_SANDBOX = "api-sandbox.pinterest.com"


def connection_test(session: Session, streams: Iterable[Stream]) -> int:
    """Log what the token sees, and note on ``session`` what it cannot read of ``streams``.

    Pinterest's sandbox has every audience endpoint switched off (OpenAPI description 5.23).

    Returns:
        How many lists can be read.
    """
    if urlsplit(session.api.url).hostname == _SANDBOX:
        session.logger.warning(
            "%s has all endpoints for audiences switched off: rehearse on pinterest-emulator",
            _SANDBOX,
        )
    for account in session.ad_accounts:
        session.logger.info(
            "The token sees ad account %s (%s), as %s",
            account.get("id"),
            account.get("name"),
            ", ".join(account.get("permissions") or ["nobody in particular"]),
        )
    return sum(_try(session, each) for each in streams if isinstance(each, PartitionedStream))


def _try(session: Session, stream: PartitionedStream) -> int:
    readable = 0
    partitions = [partition[stream.partition_key] for partition in stream.partitions]
    for partition in partitions:
        try:
            list_request = stream.probe_request(partition)
            if list_request:
                paged = {"page_size": 1} if "page_size" in stream.params() else {}
                next(
                    stream.pages(
                        dataclasses.replace(list_request, params={**list_request.params, **paged})
                    )
                )
        except RequestFailedError as error:
            session.record_read_failure(stream.unread(partition, error))
        else:
            readable += 1
    session.logger.info("Stream %s: %d of %d can be read", stream.name, readable, len(partitions))
    return readable
