"""The demo's audience insights: every field of Pinterest OpenAPI 5.23, in the order of 5.18."""

from __future__ import annotations

from typing import Any

_DATE = "2025-03-01"
_PEOPLE_OF_ONE_AUDIENCE = 3000
_PEOPLE_ON_PINTEREST = 480_000_000
# category and its subcategories: id, name
_INTERESTS = (
    (
        ("935249274030", "home decor"),
        (("911358230182", "home fragrance"), ("958862518888", "lighting")),
    ),
    (("918530398158", "food and drinks"), (("926933281411", "baking"),)),
    (("908182459161", "travel"), ()),
)
_DEMOGRAPHICS = {
    "ages": (("18-24", "18-24"), ("25-34", "25-34"), ("35-44", "35-44"), ("45-49", "45-49")),
    "genders": (("female", "Female"), ("male", "Male"), ("unspecified", "Unspecified")),
    "devices": (("iphone", "iPhone"), ("android_mobile", "Android"), ("web", "Web")),
    "metros": (("807", "San Francisco-Oakland-San Jose"), ("501", "New York")),
    "countries": (("us", "United States"), ("gb", "United Kingdom"), ("ca", "Canada")),
}


def by_type(number: int, audiences: int) -> dict[str, dict[str, Any]]:
    """The insights of one of the demo's ad accounts, as in responses, by type.

    Args:
        number: Its position in the demo.
        audiences: Its number of audiences.
    """
    total = _PEOPLE_OF_ONE_AUDIENCE * audiences
    sizes = {
        "YOUR_TOTAL_AUDIENCE": total,
        "YOUR_ENGAGED_AUDIENCE": total // 4,
        "PINTEREST_TOTAL_AUDIENCE": _PEOPLE_ON_PINTEREST,
    }
    return {
        insight_type: {
            "categories": [
                {
                    **_interest(category, place + number),
                    "subcategories": [
                        _interest(sub, below + number) for below, sub in enumerate(subs)
                    ],
                }
                for place, (category, subs) in enumerate(_INTERESTS)
            ],
            "demographics": {
                name: [
                    {"key": key, "name": label, "ratio": _ratio(place + number)}
                    for place, (key, label) in enumerate(values)
                ]
                for name, values in _DEMOGRAPHICS.items()
            },
            "type": insight_type,
            "date": _DATE,
            "size": size,
            "size_is_upper_bound": insight_type == "YOUR_ENGAGED_AUDIENCE",
        }
        for insight_type, size in sizes.items()
    }


def _interest(interest: tuple[str, str], place: int) -> dict[str, Any]:
    interest_id, name = interest
    return {
        "key": interest_id,
        "name": name,
        "ratio": _ratio(place),
        "index": round(0.8 + place * 0.15, 2),
        "id": interest_id,
    }


def _ratio(place: int) -> float:
    return round(0.551 / (place + 1), 3)
