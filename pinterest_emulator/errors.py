"""The errors that the API returns.

A body is `{"code": int, "message": str}` (Pinterest OpenAPI 5.23, `Error`); `code` is not the
HTTP status.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

from pinterest_emulator import guesses

if TYPE_CHECKING:
    from collections.abc import Mapping


class ApiError(Exception):
    """An error response.

    Attributes:
        status: HTTP status.
        code: Pinterest's own error code.
        message: Text for people.
        headers: Additional response headers.
        content_type: Content type of the body.
    """

    content_type = "application/json"

    def __init__(
        self, status: int, code: int, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        """Creates the error; a handler raises it to return it as the response."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def body(self) -> dict[str, object]:
        """The JSON body."""
        return {"code": self.code, "message": self.message}

    def content(self) -> bytes:
        """The bytes of the body."""
        return json.dumps(self.body(), separators=(",", ":")).encode()


def refuse(problem: str) -> NoReturn:
    """Raises 400 code 1 (Pinterest OpenAPI 5.23, catalogs; for audiences a guess).

    Raises:
        ApiError: Always.
    """
    raise ApiError(400, 1, f"Invalid request: {problem}") from None


def refuse_number(parameter: str, value: str) -> NoReturn:
    """Raises 400 code 1 for an invalid number (Pinterest OpenAPI 5.23, catalogs).

    Raises:
        ApiError: Always.
    """
    raise ApiError(400, 1, f"Parameter '{parameter}' was not numeric (was {value})") from None


def authentication_failed() -> ApiError:
    """401 code 2: missing, unknown or expired credentials (Pinterest OpenAPI 5.23)."""
    return ApiError(401, 2, "Authentication failed.")


def insufficient_scope() -> ApiError:
    """401 code 3: the token may not call this operation (third-party; the text is a guess)."""
    return ApiError(401, 3, guesses.INSUFFICIENT_SCOPE_MESSAGE)


def not_permitted() -> ApiError:
    """403 code 29: an ad account or a business of somebody else (Pinterest OpenAPI 5.23)."""
    return ApiError(403, 29, "You are not permitted to access that resource.")


def ad_account_not_found() -> ApiError:
    """404 code 2 (Pinterest OpenAPI 5.23, `Pinterest.Lib.Error`)."""
    return ApiError(404, 2, "AdAccount not found.")


def audience_not_found() -> ApiError:
    """404 (text: Pinterest OpenAPI 5.23; the code is a guess)."""
    return ApiError(404, guesses.AUDIENCE_NOT_FOUND_CODE, "Audience not found.")


def customer_list_not_found() -> ApiError:
    """404 (guess: no response is documented)."""
    return ApiError(404, guesses.CUSTOMER_LIST_NOT_FOUND_CODE, "Customer list not found.")


def shared_accounts_not_found() -> ApiError:
    """404 (text: Pinterest OpenAPI 5.23; the code is a guess)."""
    return ApiError(404, guesses.SHARED_ACCOUNTS_NOT_FOUND_CODE, "Shared accounts not found.")


def business_not_found() -> ApiError:
    """404 (guess: no response is documented)."""
    return ApiError(404, guesses.BUSINESS_NOT_FOUND_CODE, "Business not found.")


def customer_list_upload_not_found() -> ApiError:
    """404 (guess: no response is documented)."""
    return ApiError(404, guesses.UPLOAD_NOT_FOUND_CODE, "Customer list upload not found.")


def invalid_recipient(kind: str) -> ApiError:
    """400 code 400: no such ad account or business to share with (Pinterest OpenAPI 5.23)."""
    return ApiError(400, 400, f"Invalid {kind} id")


def no_such_path() -> ApiError:
    """404 for a path outside the API (guess)."""
    return ApiError(404, guesses.NO_SUCH_PATH_CODE, guesses.NO_SUCH_PATH_MESSAGE)


def method_not_allowed() -> ApiError:
    """405 code 5 (Pinterest OpenAPI 5.23; the text is a guess)."""
    return ApiError(405, 5, guesses.METHOD_NOT_ALLOWED_MESSAGE)


def body_too_large(status: int, size: int, most: int) -> ApiError:
    """413 or 400: a body of more than `most` bytes (guess: no response is documented)."""
    message = guesses.TOO_LARGE_MESSAGE.format(size=size, most=most)
    return ApiError(status, guesses.TOO_LARGE_CODE, message)


def rate_limited(headers: Mapping[str, str] | None = None) -> ApiError:
    """429 code 8 (Pinterest OpenAPI 5.23), marked as Envoy does it (third-party)."""
    return ApiError(
        429,
        8,
        "This request exceeded a rate limit. This can happen if the client exceeds one of the"
        " published rate limits or if multiple write operations are applied to an object within"
        " a short time window.",
        {**(headers or {}), "x-envoy-ratelimited": guesses.ENVOY_RATELIMITED},
    )


def internal_error() -> ApiError:
    """500 code 12 (third-party: an issue of Pinterest's quickstart, confirmed there)."""
    return ApiError(500, 12, "Something went wrong on our end. Sorry about that.")
