"""The control endpoints under `/_emulator`. They belong to the emulator, not to Pinterest.

They need no token, have no rate limit and are not in the request log. An invalid request gets
the response 400 `{"error": "..."}`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pinterest_emulator.checks.values import is_digits
from pinterest_emulator.data import bulk, members, views
from pinterest_emulator.data.models import as_of, list_as_of
from pinterest_emulator.data.sharing import AD_ACCOUNT, BUSINESS_ACCOUNT
from pinterest_emulator.http.faults import FaultError, parse

if TYPE_CHECKING:
    from starlette.requests import Request

    from pinterest_emulator.http.state import EmulatorState


class Control:
    """Shows and changes one emulator from outside."""

    def __init__(self, state: EmulatorState) -> None:
        """Controls that emulator."""
        self._state = state

    def routes(self) -> list[Route]:
        """The routes, relative to `/_emulator`."""
        return [
            Route("/requests", self.requests, methods=["GET", "DELETE"]),
            Route("/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/clock", self.clock, methods=["POST"]),
            Route("/state", self.state, methods=["GET"]),
            Route("/seed", self.seed, methods=["POST"]),
            Route("/members", self.members, methods=["GET"]),
        ]

    async def requests(self, request: Request) -> Response:
        """GET: the log, oldest first. DELETE: forgets it."""
        if request.method == "DELETE":
            self._state.log.clear()
        return JSONResponse({"requests": self._state.log.as_dicts()})

    async def faults(self, request: Request) -> Response:
        """GET: the staged faults. POST: stages one or a list of them. DELETE: forgets all."""
        faults = self._state.faults
        if request.method == "DELETE":
            faults.clear()
        elif request.method == "POST":
            value = await _json(request)
            try:
                faults.add(
                    [parse(item) for item in (value if isinstance(value, list) else [value])]
                )
            except FaultError as error:
                return _refused(str(error))
        return JSONResponse({"faults": faults.as_dicts()})

    async def clock(self, request: Request) -> Response:
        """Moves the clock forward by `advance` seconds and returns `now` in Unix seconds."""
        body = await _json(request)
        seconds = body.get("advance") if isinstance(body, dict) else None
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or seconds < 0:
            return _refused('the body must be {"advance": seconds}, with seconds from 0')
        self._state.clock.advance(seconds)
        return JSONResponse({"now": self._state.clock.now()})

    async def state(self, _request: Request) -> Response:
        """All data, including data that the user may not see and removed audiences.

        Audiences, customer lists, received and removed audiences are grouped by ad account,
        recipients by audience, and audiences that businesses received by business.
        """
        store, settings, now = self._state.store, self._state.settings, self._state.clock.now()
        self._state.settle(now)
        accounts = list(store.ad_accounts)
        removed: dict[str, list[dict[str, Any]]] = {str(account.id): [] for account in accounts}
        for audience in store.removed:
            removed[str(audience.ad_account_id)].append(views.listed_audience(audience, settings))
        shared_accounts: dict[str, list[dict[str, Any]]] = {}
        for share in store.shares:
            view = views.shared_account(store.recipient(share), share)
            shared_accounts.setdefault(str(share.audience_id), []).append(view)

        def received(account_type: str, account_id: int) -> list[dict[str, Any]]:
            return [
                views.received_audience(store.shared_audience(share, now), share, settings)
                for share in store.shares.received(account_type, account_id)
            ]

        return JSONResponse(
            {
                "ad_accounts": [views.ad_account(item) for item in accounts if item.visible],
                "foreign_ad_accounts": [
                    views.ad_account(item) for item in accounts if not item.visible
                ],
                "audiences": {
                    str(account.id): [
                        views.listed_audience(as_of(audience, now), settings)
                        for audience in store.audiences(account.id)
                    ]
                    for account in accounts
                },
                "removed": removed,
                "customer_lists": {
                    str(account.id): [
                        views.listed_customer_list(list_as_of(customer_list, now))
                        for customer_list in store.customer_lists(account.id)
                    ]
                    for account in accounts
                },
                "received": {
                    str(account.id): received(AD_ACCOUNT, account.id) for account in accounts
                },
                "shared_accounts": shared_accounts,
                "businesses": {
                    str(business.id): received(BUSINESS_ACCOUNT, business.id)
                    for business in store.businesses
                },
            }
        )

    async def seed(self, request: Request) -> Response:
        """Adds generated ad accounts with their content; returns the ids of the accounts."""
        body = await _json(request)
        allowed = {"ad_accounts", "audiences", "customer_lists", "updated_timestamp"}
        if not isinstance(body, dict) or not body.keys() <= allowed:
            return _refused(f"the body must be an object of {', '.join(sorted(allowed))}")
        counts = [
            body.get("ad_accounts", 1),
            body.get("audiences", 0),
            body.get("customer_lists", 0),
        ]
        stamp = body.get("updated_timestamp", bulk.UPDATED_TIMESTAMP)
        if not all(type(value) is int and value >= 0 for value in [*counts, stamp]):
            return _refused(f"{', '.join(sorted(allowed))} are whole numbers from 0")
        if any(counts[1:]) and not counts[0]:
            return _refused("audiences and customer lists need at least one ad account")
        accounts = bulk.fill(self._state.store, *counts, updated_timestamp=stamp)
        return JSONResponse({"ad_accounts": [str(account) for account in accounts]})

    async def members(self, request: Request) -> Response:
        """The members of the customer list `customer_list_id` that the emulator received.

        E-mail addresses, MAIDs and IDFAs are shown as hashes, a plain address as its SHA-256,
        other records as they were sent.
        """
        self._state.settle(self._state.clock.now())
        text = request.query_params.get("customer_list_id")
        if not is_digits(text):
            return _refused("customer_list_id must be the id of a customer list")
        store, list_id = self._state.store, int(text or "")
        customer_list = store.any_customer_list(list_id)
        if customer_list is None:
            return _refused(f"there is no customer list {list_id}")
        found = sorted(
            members.shown(key, customer_list.list_type) for key in store.members.get(list_id, ())
        )
        return JSONResponse({"count": len(found), "members": found})


async def _json(request: Request) -> Any:  # noqa: ANN401  (any JSON value)
    """The body, or None if it is not JSON: no endpoint accepts null."""
    try:
        return json.loads(await request.body())
    except ValueError:
        return None


def _refused(problem: str) -> Response:
    return JSONResponse({"error": problem}, status_code=400)
