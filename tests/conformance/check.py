"""Compares every request and response of the emulator with Pinterest's own description.

Usage: ``python tests/conformance/check.py description.json [--spec 5.23]``. Exits with 1 if it
finds a difference that ``known.py`` does not list.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

import requests
from calls import Exchange, call_everything
from described import Description
from known import KNOWN
from openapi_core import Config, OpenAPI
from openapi_core.contrib.requests import RequestsOpenAPIRequest, RequestsOpenAPIResponse

from pinterest_emulator.endpoints import operations
from pinterest_emulator.settings import SPECS, Settings, Spec
from pinterest_emulator.testing import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAMILY = {
    "audience_insights",
    "audience_sharing",
    "audiences",
    "customer_list_uploads",
    "customer_lists",
}
"""Tags of the operations that the emulator supports."""


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """A difference between the emulator and the description.

    Attributes:
        operation: Pinterest's name of it.
        where: ``request``, or ``answer`` and its status.
        what: The difference.
    """

    operation: str
    where: str
    what: str


def main() -> int:
    """Compare, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("description", type=Path, help="OpenAPI description as JSON")
    parser.add_argument("--spec", choices=SPECS, default="5.23", help="version to emulate")
    chosen = parser.parse_args()
    # The validator does not support OAuth 2; the emulator itself checks the token.
    warnings.filterwarnings("ignore", message="Unsupported scheme type")
    document = json.loads(chosen.description.read_text(encoding="utf-8"))
    spec = cast("Spec", chosen.spec)
    settings = Settings(spec=spec)
    with Emulator(access="unlimited", spec=spec, processing_seconds=0) as emulator:
        exchanges = call_everything(
            emulator, custom=settings.has_custom_audiences, uploads=settings.has_uploads
        )
        document["servers"] = [{"url": emulator.url}]
        found = sorted(set(_differences(document, settings, exchanges)))
    return _report(found, exchanges)


def _report(found: list[Difference], exchanges: list[Exchange]) -> int:
    called = {exchange.operation for exchange in exchanges}
    print(f"{len(exchanges)} requests and answers of {len(called)} operations compared")
    left = found
    for known in KNOWN:
        covered = [difference for difference in left if known.covers(*astuple(difference))]
        left = [difference for difference in left if difference not in covered]
        print(f"known  {known.what} ({known.operation}, {known.where}): met {len(covered)} times")
    for difference in left:
        print(f"NEW    {': '.join(astuple(difference))}")
    print(f"{len(found)} differences, {len(left)} of them not known")
    return 1 if left else 0


def _differences(
    document: dict[str, Any], settings: Settings, exchanges: list[Exchange]
) -> Iterator[Difference]:
    description = Description(document)
    described = description.operations()
    emulated = {operation.name for operation in operations(settings)}
    for name in emulated - {exchange.operation for exchange in exchanges}:
        yield Difference(name, "operation", "is not called by this check")
    for name in emulated - described.keys():
        yield Difference(name, "operation", "is not described")
    for name, operation in described.items():
        if name not in emulated and not _FAMILY.isdisjoint(operation.get("tags", ())):
            yield Difference(name, "operation", "is not emulated")
    # A missing key counts as a difference, even if it is optional.
    api = OpenAPI.from_dict(document, config=Config(response_properties_default_policy="required"))
    for exchange in exchanges:
        if exchange.operation in described:
            yield from _compare(api, description, exchange)


def _compare(api: OpenAPI, description: Description, exchange: Exchange) -> Iterator[Difference]:
    answer = exchange.answer
    request = RequestsOpenAPIRequest(_again(answer.request))
    if exchange.well_formed:
        for problem in _problems(api.iter_request_errors(request)):
            yield Difference(exchange.operation, "request", problem)
    where = f"answer {answer.status_code}"
    for problem in _problems(api.iter_response_errors(request, RequestsOpenAPIResponse(answer))):
        yield Difference(exchange.operation, where, problem)
    schema = description.answer_schema(exchange.operation, answer.status_code)
    if schema is not None and answer.content:
        for key in description.unknown_keys(answer.json(), schema):
            yield Difference(exchange.operation, where, f"{key} is not described")


def _again(sent: requests.PreparedRequest) -> requests.Request:
    """Return a request in the unprepared form that the validator needs."""
    url, _, query = str(sent.url).partition("?")
    return requests.Request(
        sent.method,
        url,
        headers=dict(sent.headers),
        data=sent.body,
        params=dict(parse_qsl(query, keep_blank_values=True)),
    )


def _problems(errors: Iterator[Exception]) -> Iterator[str]:
    """Describe an error, in the same words for all items of a list."""
    for error in errors:
        causes = getattr(error.__cause__, "schema_errors", None)
        if causes is None:
            yield f"{type(error).__name__}: {error}"
        for cause in causes or ():
            place = "".join("[]" if type(step) is int else f".{step}" for step in cause.path)
            what = cause.message.replace(repr(cause.instance), "a value")
            yield f"{place.lstrip('.') or 'body'}: {what}"


if __name__ == "__main__":
    sys.exit(main())
