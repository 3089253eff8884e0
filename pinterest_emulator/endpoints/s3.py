"""The pre-signed URLs to which the parts of an upload are PUT: Amazon's S3, not Pinterest.

Its errors are XML. A client with a URL needs no token, and must not send one.
"""

from __future__ import annotations

import hmac
from hashlib import md5
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from typing_extensions import override

from pinterest_emulator.checks.values import is_digits
from pinterest_emulator.data.uploads import NOT_STARTED
from pinterest_emulator.errors import ApiError
from pinterest_emulator.http.operations import Operation, Result

if TYPE_CHECKING:
    from pinterest_emulator.data.uploads import Upload
    from pinterest_emulator.http.operations import Call

BASE_PATH = "/_uploads"


class S3Error(ApiError):
    """An error response of S3 (Amazon S3 API, "Error Responses")."""

    content_type = "application/xml"

    def __init__(self, status: int, name: str, message: str) -> None:
        """Creates the error with that name, such as `NoSuchUpload`."""
        super().__init__(status, 0, message)
        self.name = name

    @override
    def content(self) -> bytes:
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(self.name)}</Code>"
            f"<Message>{escape(self.message)}</Message></Error>"
        ).encode()


def part_path(upload: Upload, number: int) -> str:
    """The path and query of a part's URL; it allows that one part only."""
    return f"{BASE_PATH}/{upload.id}/{number}?signature={_signature(upload, number)}"


def _signature(upload: Upload, number: int) -> str:
    return hmac.digest(upload.secret.encode(), f"{upload.id}/{number}".encode(), "sha256").hex()


def _number(text: str) -> int:
    """A number in a path; -1, which matches nothing, for an invalid number."""
    return int(text) if is_digits(text) else -1


def _put_part(call: Call) -> Result:
    if call.request.authorization:
        raise S3Error(400, "InvalidArgument", "Only one auth mechanism allowed")
    number = _number(call.parameters["part_number"])
    upload = call.state.uploads.get(_number(call.parameters["upload_id"]))
    if upload is None:
        raise S3Error(404, "NoSuchUpload", "The specified upload does not exist.")
    given = call.request.query.get("signature", "")
    if not hmac.compare_digest(given.encode(), _signature(upload, number).encode()):
        raise S3Error(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        )
    if upload.state != NOT_STARTED:
        raise S3Error(404, "NoSuchUpload", "The upload may have been completed.")
    content = call.request.body
    call.state.uploads.put_part(upload.id, number, content)
    etag = md5(content, usedforsecurity=False).hexdigest()
    return Result(None, headers={"etag": f'"{etag}"'})


OPERATIONS = (
    Operation(
        name="s3/put_part",
        method="PUT",
        path="/{upload_id}/{part_number}",
        category=None,
        handler=_put_part,
    ),
)
