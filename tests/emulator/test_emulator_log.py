"""What the request log has, and what it leaves out."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
import requests
from forks import until

from pinterest_emulator.testing import Emulator

SMALL = "549755800002"


def call(emulator: Emulator, method: str, path: str, **sent: Any) -> requests.Response:
    return requests.request(
        method,
        f"{emulator.url}/ad_accounts/{path}",
        headers={"Authorization": "Bearer pina_demo"},
        timeout=10,
        **sent,
    )


@pytest.mark.parametrize("prefix", ["pina_", "pina.", "pinc_", "pinr.", "pinr_", "pinz_"])
def test_log_keeps_no_token_of_any_prefix(prefix: str) -> None:
    secret = "S3cret-Token_1"
    token = prefix + secret
    bodies: list[object] = [
        {"name": token, "rule": {"url": [f"https://shop.example/?t={token}"], token: {"x": token}}},
        [token],
        f"not JSON {token}",
    ]
    with Emulator(access="unlimited") as emulator:
        for body in bodies:
            data = body if isinstance(body, str) else json.dumps(body)
            call(emulator, "POST", f"{SMALL}/audiences", data=data)
        # As text, its escaped line break is before the token.
        long = token + "x" * 20
        call(emulator, "POST", f"{SMALL}/audiences", data=json.dumps(f"\n{long}")[:-1])
        call(emulator, "GET", token)
        call(emulator, "GET", f"{SMALL}/audiences", params={"bookmark": token, token: "1"})
        logged = json.dumps(emulator.requests())

    assert secret not in logged
    assert "shop.example/?t=[token]" in logged


def test_log_keeps_words_that_are_not_tokens() -> None:
    body = {"name": "shopping_list pin_1 pinboard spins.fast"}
    with Emulator(access="unlimited") as emulator:
        call(emulator, "POST", f"{SMALL}/audiences", json=body)

        assert emulator.requests()[-1]["body"] == body


def test_request_is_in_the_log_once_its_body_has_arrived(emulator: Emulator) -> None:
    host, port = emulator.url.removesuffix("/v5").removeprefix("http://").split(":")
    head = b"POST /v5/nothing HTTP/1.1\r\nHost: any\r\nContent-Length: 9\r\n\r\n"
    with socket.create_connection((host, int(port))) as client:
        client.sendall(head + b'{"a"')
        for _ in range(5):
            # Other requests are served, and half of this one has no part in them.
            call(emulator, "GET", "any")
        assert [entry["method"] for entry in emulator.requests()] == ["GET"] * 5
        client.sendall(b": 12}")
        until(lambda: len(emulator.requests()) == 6)
        last = emulator.requests()[-1]
        assert (last["seq"], last["body"], last["in_flight"]) == (6, {"a": 12}, 1)
    with socket.create_connection((host, int(port))) as client:
        client.sendall(head + b'{"a"')
    call(emulator, "GET", "any")
    assert [entry["seq"] for entry in emulator.requests()][5:] == [6, 7]
    assert emulator.requests()[-1]["in_flight"] == 1
