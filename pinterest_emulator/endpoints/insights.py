"""Insights into the audiences of an ad account, and their definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pinterest_emulator import guesses
from pinterest_emulator.checks import values as checks
from pinterest_emulator.data import views
from pinterest_emulator.endpoints.ad_accounts import find_ad_account
from pinterest_emulator.http.operations import Result, reads

if TYPE_CHECKING:
    from pinterest_emulator.http.operations import Call

INSIGHT_TYPES = ("YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE")


def _get(call: Call) -> Result:
    account = find_ad_account(call)
    kind = checks.choice(
        call.request.query, "audience_insight_type", INSIGHT_TYPES, guesses.DEFAULT_INSIGHT_TYPE
    )
    known = call.state.store.insights.get(account.id, {})
    return Result(known.get(kind) or guesses.no_insights(kind))


def _list_definitions(call: Call) -> Result:
    account = find_ad_account(call)
    return Result(views.insight_definitions(call.state.store.insights.get(account.id, {})))


OPERATIONS = (
    reads(
        "audience_insights/get",
        "/ad_accounts/{ad_account_id}/audience_insights",
        _get,
        client_credentials=True,
    ),
    reads(
        "audience_insights_scope_and_type/get",
        "/ad_accounts/{ad_account_id}/insights/audiences",
        _list_definitions,
        client_credentials=True,
    ),
)
