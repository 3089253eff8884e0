"""Members of a customer list as a file, in parts, to where Pinterest says.

This is a closed beta of Pinterest's, since its OpenAPI description 5.22: make an upload, put each
part to the address that it names, run it, and ask until it is done. The description does not say
what the file holds. Here it holds one identifier a line; change ``file_of`` if Pinterest says
otherwise.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import requests

from pinterest_audiences.api.operations import CREATE_UPLOAD, GET_UPLOAD, RUN_UPLOAD
from pinterest_audiences.api.transport import Transport
from pinterest_audiences.api.urls import checked_url
from pinterest_audiences.errors import (
    InvalidResponseError,
    NoResponseError,
    PinterestError,
    RequestFailedError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pinterest_audiences.api.client import PinterestAPI

REQUESTS_TO_WRITE = 2
"""To ``ads_write``: one that makes the upload and one that runs it."""

PART_BYTES = 8 * 1024 * 1024
MOST_PARTS = 10
"""Of one upload (Pinterest OpenAPI 5.23)."""

_PUT = "customer_list_uploads, a part"
_ADDRESS = "Pinterest's address for an upload"
_TIMEOUT_SECONDS = 300
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_UNDER_WAY = ("NOT_STARTED", "RUNNING", "PAUSED")


class UploadError(PinterestError):
    """Pinterest did not take an uploaded file."""


def upload(
    api: PinterestAPI,
    ad_account_id: str,
    customer_list_id: str,
    members: Sequence[str],
    *,
    add: bool,
) -> None:
    """Upload a file of members and wait until Pinterest has worked it off.

    Raises:
        UploadError: If Pinterest failed to, or is not done within the setting ``max_wait``.
        PinterestError: If a request failed.
    """
    parts = file_of(members)
    ids = {"ad_account_id": ad_account_id, "customer_list_id": customer_list_id}
    operation = "ADD" if add else "REMOVE"
    made = api.request(
        CREATE_UPLOAD, ids, body={"operation": operation, "total_parts": len(parts)}
    ).data
    try:
        ids["customer_list_upload_id"] = str(made["customer_list_upload"]["id"])
        addresses = {
            part["part_number"]: str(part["presigned_url"])
            for part in made["s3_multipart_upload_data"]["file_parts"]
        }
        targets = [addresses[number] for number in range(1, len(parts) + 1)]
    except (KeyError, TypeError):
        msg = f"Pinterest's answer to {CREATE_UPLOAD.name} does not say where to put the parts"
        raise InvalidResponseError(msg) from None
    for url, content in zip(targets, parts, strict=True):
        put(api, url, content)
    _wait(api, ids, _run(api, ids))


def file_of(members: Sequence[str]) -> list[bytes]:
    """Return the file's parts.

    Raises:
        UploadError: If there are more than Pinterest takes.
    """
    content = "".join(f"{member}\n" for member in members).encode()
    parts = [content[at : at + PART_BYTES] for at in range(0, len(content), PART_BYTES)]
    if len(parts) > MOST_PARTS:
        msg = f"a file of {len(content)} bytes is too large: lower member_batch_bytes"
        raise UploadError(msg)
    return parts


def put(api: PinterestAPI, url: str, content: bytes) -> None:
    """Put one part to its address, which is not Pinterest's and must not see its token.

    Raises:
        NoResponseError: If it was not taken after several tries.
        RequestFailedError: If it was refused.
    """
    checked_url(url, _ADDRESS)
    request = requests.Request("PUT", url, data=content, auth=lambda request: request).prepare()

    @api.with_retries(lambda _: False)
    def send() -> None:
        with Transport() as transport:
            response = transport.exchange(request, _PUT, _ADDRESS, _TIMEOUT_SECONDS)
        if response.status_code >= requests.codes.internal_server_error:
            raise NoResponseError(_PUT, f"HTTP {response.status_code}")
        if response.status_code >= requests.codes.multiple_choices:
            raise RequestFailedError(_PUT, response.status_code)

    send()


def _run(api: PinterestAPI, ids: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        return api.request(RUN_UPLOAD, ids).data
    except RequestFailedError:
        # An earlier try whose answer was lost may have run it, and it runs only once.
        state = api.request(GET_UPLOAD, ids).data
        if state.get("state") == "NOT_STARTED":
            raise
        return state


def _wait(api: PinterestAPI, ids: Mapping[str, str], state: Mapping[str, Any]) -> None:
    waited, wait = 0.0, _FIRST_WAIT_SECONDS
    while state.get("state") in _UNDER_WAY and waited + wait <= api.max_wait:
        time.sleep(wait)
        waited, wait = waited + wait, min(wait * 2, _LONGEST_WAIT_SECONDS)
        state = api.request(GET_UPLOAD, ids).data
    if state.get("state") != "SUCCEEDED":
        msg = (
            f"the upload {ids['customer_list_upload_id']} to customer list "
            f"{ids['customer_list_id']} is {state.get('state')} after {waited:.0f} s: run again "
            "later, or let the run wait longer with the setting max_wait"
        )
        raise UploadError(msg)
