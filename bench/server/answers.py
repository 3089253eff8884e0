"""Which body answers which request.

A path begins with the size of the world and the latency, as in ``/20/10000/50/v5/ad_accounts``:
20 ad accounts that share 10,000 audiences, and 50 ms before each answer. Every other ad account
exists, too, and is empty, so a run that writes can have one of its own.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import resource
from typing import Any
from urllib.parse import parse_qsl

from msgspec import json

from bench.server import data

_NOTHING = b'{"items":[],"bookmark":null}'
_DEFAULT_PAGE_SIZE = 25
TOKEN = {
    "response_type": "authorization_code",
    "access_token": "pina_bench",
    "token_type": "bearer",
    "expires_in": 2_592_000,
    "scope": "ads:read ads:write",
    "refresh_token": "pinr.bench",
    "refresh_token_expires_in": 5_184_000,
    "refresh_token_expires_at": 1_900_000_000,
}


class UnknownRequestError(Exception):
    """A write that no contestant should send."""


class Answers:
    """All worlds of one server."""

    def __init__(self) -> None:
        """Begin without any world; each is made when it is asked for."""
        self._worlds: dict[tuple[int, int], dict[str, data.Account]] = {}
        self._written: dict[str, data.Account] = {}
        self._numbers = itertools.count(10_000_000)
        self._requests = self._writes = 0

    def answer(self, method: str, target: str, body: bytes) -> tuple[bytes, int]:
        """Return the body of an answer, and for how many milliseconds to hold it back.

        Raises:
            UnknownRequestError: If no contestant should send this.
        """
        path, _, query = target.partition("?")
        parts = path.strip("/").split("/")
        if parts[0] == "bench":
            return self._bench(parts[1:]), 0
        self._requests += 1
        accounts, rows, latency = map(int, parts[:3])
        world = self._world((accounts, rows))
        if method == "GET":
            return self._read(world, parts[4:], query), latency
        self._writes += 1
        return self._write(world, parts[4:], body), latency

    def _bench(self, parts: list[str]) -> bytes:
        if parts == ["usage"]:
            used = resource.getrusage(resource.RUSAGE_SELF)
            return json.encode(
                {
                    "requests": self._requests,
                    "writes": self._writes,
                    "cpu_seconds": used.ru_utime + used.ru_stime,
                }
            )
        account = self._written.setdefault(parts[1], data.Account(parts[1]))
        added, removed, names = account.added, account.removed, account.names
        account.added, account.removed, account.names = [], [], []
        return json.encode(
            {
                "created": len(names),
                "names": len(set(names)),
                "added": len(added),
                "removed": len(removed),
                "digest": hashlib.sha256("\n".join(sorted(added)).encode()).hexdigest(),
            }
        )

    def _read(self, world: dict[str, data.Account], parts: list[str], query: str) -> bytes:
        match parts:
            case ["ad_accounts"]:
                return _page([data.account_view(each) for each in world], query)
            case ["ad_accounts", account_id, "audiences"] if "RECEIVED" not in query:
                return _page(self._account(world, account_id).audiences, query)
            case ["ad_accounts", account_id, "customer_lists"]:
                return _page(self._account(world, account_id).lists, query)
            case _:
                return _NOTHING

    def _write(self, world: dict[str, data.Account], parts: list[str], body: bytes) -> bytes:
        match parts:
            case ["oauth", "token"]:
                return json.encode(TOKEN)
            case ["ad_accounts", account_id, "audiences"]:
                return self._create_audience(self._account(world, account_id), json.decode(body))
            case ["ad_accounts", account_id, "customer_lists"]:
                return self._create_list(self._account(world, account_id), json.decode(body))
            case ["ad_accounts", account_id, "customer_lists", _]:
                return _change_members(self._account(world, account_id), json.decode(body))
            case _:
                raise UnknownRequestError("/".join(parts))

    def _world(self, size: tuple[int, int]) -> dict[str, data.Account]:
        if size not in self._worlds:
            self._worlds[size] = data.filled_accounts(*size)
        return self._worlds[size]

    def _account(self, world: dict[str, data.Account], account_id: str) -> data.Account:
        found = world.get(account_id)
        if found is None:
            found = self._written.setdefault(account_id, data.Account(account_id))
        return found

    def _create_audience(self, account: data.Account, wanted: dict[str, Any]) -> bytes:
        account.names.append(wanted["name"])
        account.audiences.append(data.audience(next(self._numbers), account.id, wanted))
        return account.audiences[-1]

    def _create_list(self, account: data.Account, wanted: dict[str, Any]) -> bytes:
        made = data.customer_list(next(self._numbers), account.id, wanted["name"])
        account.lists.append(made)
        account.added += wanted["records"].split(",")
        return made


def _change_members(account: data.Account, wanted: dict[str, Any]) -> bytes:
    changed = account.added if wanted["operation_type"] == "ADD" else account.removed
    changed += wanted["records"].split(",")
    return account.lists[-1]


def _page(items: list[bytes], query: str) -> bytes:
    start, size = _place(query)
    end = start + size
    bookmark = b'"p%d"' % end if end < len(items) else b"null"
    return b'{"items":[%b],"bookmark":%b}' % (b",".join(items[start:end]), bookmark)


@functools.lru_cache(maxsize=100_000)
def _place(query: str) -> tuple[int, int]:
    fields = dict(parse_qsl(query))
    size = int(fields.get("page_size", _DEFAULT_PAGE_SIZE))
    return int(fields.get("bookmark", "p0").removeprefix("p")), size
