"""Fields that several streams have, and the values that Pinterest's queries take.

Source: Pinterest's OpenAPI description 5.23. ``is_nca`` and ``is_ctv_enabled`` are not in it but
were seen live in 2026-07. Descriptions are our own words.
"""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

AUDIENCE_FIELDS: tuple[th.Property[Any], ...] = (
    th.Property("id", th.StringType, required=True, description="Audience ID."),
    th.Property("ad_account_id", th.StringType, description="Ad account ID."),
    th.Property("name", th.StringType, description="Audience name; names are not unique."),
    th.Property(
        "audience_type",
        th.StringType,
        description="ACTALIKE, CUSTOMER_LIST, ENGAGEMENT, PERSONA or VISITOR.",
    ),
    th.Property("description", th.StringType, description="Audience description."),
    th.Property(
        "rule",
        th.ObjectType(additional_properties=True),
        description="Who is in the audience; its fields depend on audience_type.",
    ),
    th.Property("size", th.IntegerType, description="People in the audience."),
    th.Property(
        "status",
        th.StringType,
        description="Such as INITIALIZING, READY, or TOO_SMALL (fewer than 100 people).",
    ),
    th.Property("type", th.StringType, description='Always "audience".'),
    th.Property("created_timestamp", th.IntegerType, description="Creation, in Unix seconds."),
    th.Property("updated_timestamp", th.IntegerType, description="Last update, in Unix seconds."),
    th.Property(
        "created_by_company_name",
        th.StringType,
        description="The company that created the audience.",
    ),
    th.Property(
        "is_nca",
        th.BooleanType,
        description="Whether it serves new customer acquisition (expanded matching).",
    ),
    th.Property(
        "is_ctv_enabled",
        th.BooleanType,
        description="Not described by Pinterest; seen in lists.",
    ),
)
INSIGHT_TYPES = ("YOUR_TOTAL_AUDIENCE", "YOUR_ENGAGED_AUDIENCE", "PINTEREST_TOTAL_AUDIENCE")
ACCOUNT_TYPES = ("AD_ACCOUNT", "BUSINESS_ACCOUNT")

_SHARES = th.ArrayType(
    th.ObjectType(
        th.Property("key", th.StringType, description="Unique key."),
        th.Property("name", th.StringType, description="Name to show."),
        th.Property("ratio", th.NumberType, description="Share of the audience."),
    )
)
_INTERESTS = (
    th.Property("key", th.StringType, description="Unique key, the same as the ID."),
    th.Property("id", th.StringType, description="Interest ID."),
    th.Property("name", th.StringType, description="Interest name."),
    th.Property("ratio", th.NumberType, description="Share of the audience."),
    th.Property("index", th.NumberType, description="Affinity."),
)
INSIGHT_FIELDS: tuple[th.Property[Any], ...] = (
    th.Property(
        "categories",
        th.ArrayType(
            th.ObjectType(
                *_INTERESTS,
                th.Property("subcategories", th.ArrayType(th.ObjectType(*_INTERESTS))),
            )
        ),
        description="Interests.",
    ),
    th.Property(
        "demographics",
        th.ObjectType(
            *(
                th.Property(name, _SHARES)
                for name in ("ages", "genders", "devices", "metros", "countries")
            )
        ),
        description="Ages, genders, devices, metropolitan areas and countries.",
    ),
)
