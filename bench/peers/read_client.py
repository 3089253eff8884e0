"""Pinterest's own generated client, to JSON lines. It runs in the client's own environment."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from openapi_generated.pinterest_client import ApiClient, Configuration
from openapi_generated.pinterest_client.api.ad_accounts_api import AdAccountsApi
from openapi_generated.pinterest_client.api.audiences_api import AudiencesApi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def items(list_them: Callable[..., Any], *ids: str) -> Iterator[dict[str, Any]]:
    """Return the items of all pages of a list."""
    query: dict[str, Any] = {"page_size": 250}
    while True:
        page = list_them(*ids, **query)
        yield from page["items"]
        if page.get("bookmark") is None:
            return
        query["bookmark"] = page["bookmark"]


def main(url: str) -> None:
    """Print all audiences of all ad accounts."""
    configuration = Configuration(host=url, access_token="pina_bench")  # noqa: S106 (made up)
    with ApiClient(configuration) as client:
        audiences = AudiencesApi(client).audiences_list
        for account in items(AdAccountsApi(client).ad_accounts_list):
            for audience in items(audiences, account["id"]):
                sys.stdout.write(json.dumps(audience) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
