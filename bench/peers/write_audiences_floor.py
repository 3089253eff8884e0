"""The least that a target can do with audiences: read what is there, create what is missing."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
import requests


class Line(msgspec.Struct):
    """A Singer message."""

    type: str
    record: dict[str, Any] | None = None


class Page(msgspec.Struct):
    """A page of a list."""

    items: list[dict[str, Any]]
    bookmark: str | None


def existing(session: requests.Session, url: str) -> dict[str, dict[str, Any]]:
    """Return all audiences of an ad account by their name."""
    decode = msgspec.json.Decoder(Page).decode
    found: dict[str, dict[str, Any]] = {}
    params: dict[str, str | int] = {"page_size": 250, "order": "ASCENDING"}
    while True:
        page = decode(session.get(url, params=params, timeout=60).content)
        found.update((item["name"], item) for item in page.items)
        if page.bookmark is None:
            return found
        params["bookmark"] = page.bookmark


def main(root: str) -> None:
    """Create the audiences that are missing; those that differ would be updated."""
    known: dict[str, dict[str, dict[str, Any]]] = {}
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer pina_bench"
        for line in map(msgspec.json.Decoder(Line).decode, sys.stdin.buffer):
            if line.record is None:
                continue
            account_id = line.record.pop("ad_account_id")
            url = f"{root}/ad_accounts/{account_id}/audiences"
            if account_id not in known:
                known[account_id] = existing(session, url)
            there = known[account_id].get(line.record["name"])
            if there is None:
                session.post(url, json=line.record, timeout=60).raise_for_status()
            elif any(there.get(key) != value for key, value in line.record.items()):
                sys.exit(f"{line.record['name']} differs")


if __name__ == "__main__":
    main(sys.argv[1])
