"""The demo's shops and their data: invented, realistic and always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinterest_emulator import guesses
from pinterest_emulator.data.models import INITIALIZING, READY, TOO_SMALL, AdAccount, Audience
from pinterest_emulator.demo_data import insights as demo_insights
from pinterest_emulator.demo_data import lists as demo_lists
from pinterest_emulator.demo_data import sharing as demo_sharing

if TYPE_CHECKING:
    from pinterest_emulator.data.store import Store

EPOCH = 1_735_689_600
"""2025-01-01T00:00:00Z, in Unix seconds; everything happened in the months after it."""

_HOUR = 3600
_TAG = "2612511566001"
_OWNER = ("wickwillow", "1099300700000000001")
_CLIENT = ("marrowstreet", "1099300700000000003")
_STRANGER = ("kettlecopper", "1099300700000000004")
_BUSINESS_IDS = {_OWNER: demo_sharing.OWN_BUSINESS_ID, _STRANGER: demo_sharing.OTHER_BUSINESS_ID}

# name, owner, country, currency, permissions, time zone, numbers of audiences and customer lists
_ACCOUNTS: tuple[
    tuple[str, tuple[str, str], str, str, tuple[str, ...], str | None, int, int], ...
] = (
    ("Wickwillow Candles", _OWNER, "US", "USD", ("OWNER",), "America/Los_Angeles", 640, 32),
    ("Juniperlane Outdoors", _OWNER, "GB", "GBP", ("OWNER",), None, 24, 4),
    ("Pebblepine Toys", _OWNER, "DE", "EUR", ("OWNER",), "Europe/Berlin", 0, 0),
    ("Marrowstreet Kitchen", _CLIENT, "CA", "CAD", ("ADMIN", "AUDIENCE_MANAGER"), None, 7, 2),
    ("Kettlecopper Books", _STRANGER, "US", "USD", (), None, 3, 1),
)
_TYPES = ("VISITOR", "ENGAGEMENT", "VISITOR", "CUSTOMER_LIST", "ACTALIKE", "VISITOR", "ENGAGEMENT")
_PERSONA_EVERY = 53
_EVENTS = ("pagevisit", "addtocart", "checkout", "search", "viewcategory", "signup", "lead")
_SEASONS = ("Spring", "Summer", "Autumn", "Winter")
_COUNTRIES = ("US", "CA", "GB")
_THEMES = {
    "VISITOR": ("Visitors", "Basket left behind", "Buyers", "Searched", "Read the guide"),
    "ENGAGEMENT": ("Saved a Pin", "Clicked a Pin", "Commented"),
    "CUSTOMER_LIST": ("Newsletter", "Loyalty members", "Lapsed customers"),
    "ACTALIKE": ("Like our buyers", "Like our members"),
    "PERSONA": ("Home decorators", "Gift planners"),
}


def fill(store: Store) -> None:
    """Adds the demo's five ad accounts, one of them somebody else's, and all that is in them."""
    for number, row in enumerate(_ACCOUNTS):
        name, owner, country, currency, permissions, zone, audiences, customer_lists = row
        created = EPOCH + number * _HOUR
        account = AdAccount(
            id=store.next_ad_account_id(),
            name=name,
            owner_username=owner[0],
            owner_id=owner[1],
            country=country,
            currency=currency,
            permissions=permissions,
            created_time=created,
            updated_time=created + number,
            time_zone=zone,
            business_id=_BUSINESS_IDS.get(owner),
        )
        store.add_ad_account(account)
        list_ids = demo_lists.fill(store, account.id, customer_lists, EPOCH)
        for index in range(audiences):
            store.put_audience(_audience(store.next_audience_id(), account.id, index, list_ids))
        if audiences:
            store.insights[account.id] = demo_insights.by_type(number, audiences)
    demo_sharing.fill(store, EPOCH)


def _audience(audience_id: int, ad_account_id: int, index: int, list_ids: list[int]) -> Audience:
    persona = index % _PERSONA_EVERY == _PERSONA_EVERY - 1
    kind = "PERSONA" if persona else _TYPES[index % len(_TYPES)]
    status, size = _outcome(audience_id, index)
    created = EPOCH + index * 3 * _HOUR + index % 60
    return Audience(
        id=audience_id,
        ad_account_id=ad_account_id,
        name=_name(kind, index),
        audience_type=kind,
        description=None if index % 6 == 0 else f"{kind.replace('_', ' ').title()}, made by hand",
        rule=guesses.answered_rule(_rule(kind, audience_id, index, list_ids)),
        size=size,
        status=status,
        created_timestamp=created,
        updated_timestamp=created + (index % 40) * 24 * _HOUR,
        created_by_company_name=None if index % 11 == 0 else guesses.COMPANY_NAME,
    )


def _name(kind: str, index: int) -> str:
    """A name; every fourth one repeats the name before it, because real names do repeat."""
    if index % 4 == 3:  # noqa: PLR2004  (the last of four)
        return _name(_TYPES[(index - 1) % len(_TYPES)], index - 1)
    theme = _THEMES[kind][index % len(_THEMES[kind])]
    return f"{theme} - {_SEASONS[index // 10 % len(_SEASONS)]} {2024 + index // 320} #{index + 1}"


def _outcome(audience_id: int, index: int) -> tuple[str, int | None]:
    """Status and size. One in nine stays in processing forever."""
    if index % 9 == 4:  # noqa: PLR2004  (one in nine)
        return INITIALIZING, None if index % 2 else 0
    size = guesses.processed_size(audience_id)
    return (READY if size >= guesses.SMALLEST_READY_SIZE else TOO_SMALL), size


def _rule(kind: str, audience_id: int, index: int, list_ids: list[int]) -> dict[str, Any]:
    retention = (7, 30, 90, 180, 540)[index % 5]
    if kind == "VISITOR":
        rule: dict[str, Any] = {"visitor_source_id": _TAG, "retention_days": retention}
        if index % 3 == 0:
            rule["event"] = _EVENTS[index % len(_EVENTS)]
        if index % 12 == 0:
            rule["url"] = [f"https://shop.example/collections/{index}"]
        return rule
    if kind == "ENGAGEMENT":
        if index % 2:
            return {"engager_type": 1}
        return {"engagement_domain": ["shop.example"], "retention_days": retention}
    if kind == "CUSTOMER_LIST":
        # One in seven has this type, so that the lists alternate.
        return {"customer_list_id": str(list_ids[index // len(_TYPES) % len(list_ids)])}
    if kind == "ACTALIKE":
        return {
            "seed_id": [str(audience_id - 1)],
            "country": _COUNTRIES[index % len(_COUNTRIES)],
            "percentage": 1 + index % 10,
        }
    return {}
