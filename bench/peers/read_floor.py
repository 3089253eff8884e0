"""The least that a tap can do: requests for the pages, msgspec for the Singer lines."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import requests


class Page(msgspec.Struct):
    """A page of a list."""

    items: list[dict[str, Any]]
    bookmark: str | None


def main(url: str) -> None:
    """Print all audiences of all ad accounts."""
    encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Page).decode
    out = sys.stdout.buffer
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer pina_bench"

        def items(path: str) -> Any:  # noqa: ANN401 (a generator of JSON)
            params: dict[str, str | int] = {"page_size": 250, "order": "ASCENDING"}
            while True:
                page = decode(session.get(url + path, params=params, timeout=60).content)
                yield from page.items
                if page.bookmark is None:
                    return
                params["bookmark"] = page.bookmark

        for account in items("/ad_accounts"):
            for audience in items(f"/ad_accounts/{account['id']}/audiences"):
                message = {"type": "RECORD", "stream": "audiences", "record": audience}
                out.write(encode(message) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
