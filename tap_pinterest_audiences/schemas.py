"""Fields that several streams have, those that the tap adds, and values of Pinterest's queries.

Source: Pinterest's OpenAPI description 5.23. ``is_nca`` and ``is_ctv_enabled`` are not in it but
were seen live in 2026-07. Descriptions are our own words.
"""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

_ANY = {
    "anyOf": [
        {"type": "string"},
        {"type": ["array", "object", "number", "boolean", "null"]},
    ]
}
_SCALAR = {"type": ["string", "integer", "boolean", "null"]}
_RULE_FIELDS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("ad_account_id", _ANY, "Ad account ID."),
    ("country", _ANY, "ACTALIKE: country code."),
    ("percentage", _SCALAR, "ACTALIKE: 1 to 10, as number or text."),
    ("seed_id", _ANY, "ACTALIKE: audience IDs, as a list or text."),
    ("customer_list_id", _ANY, "CUSTOMER_LIST: customer list ID."),
    ("visitor_source_id", _ANY, "VISITOR: tag IDs, as a list or text."),
    ("retention_days", _SCALAR, "Days that a person stays in the audience."),
    ("event", _ANY, "VISITOR: event of the tag."),
    ("event_data", _ANY, "VISITOR: conditions on the event's data."),
    ("event_source", _ANY, "VISITOR: such as web or mobile, by operator."),
    ("ingestion_source", _ANY, "VISITOR: such as tag or file_upload, by operator."),
    ("url", _ANY, "Text, a list, or an object of operators."),
    ("prefill", _SCALAR, "VISITOR: whether earlier visitors are in it."),
    ("engagement_domain", _ANY, "ENGAGEMENT: domains."),
    ("engagement_type", _ANY, "ENGAGEMENT: such as click or save."),
    ("engager_type", _SCALAR, "ENGAGEMENT: 1 or 2."),
    ("pin_id", _ANY, "ENGAGEMENT: pin IDs."),
    ("ad_id", _ANY, "ENGAGEMENT: ad IDs."),
    ("campaign_id", _ANY, "ENGAGEMENT: campaign IDs."),
    ("objective_type", _ANY, "ENGAGEMENT: objectives of campaigns."),
)
_RULE = th.CustomType(
    {
        "type": ["object", "null"],
        "properties": {
            name: {**kind, "description": description} for name, kind, description in _RULE_FIELDS
        },
        "additionalProperties": True,
    }
)
"""A rule stays an open object. Its known fields are for flattening, which drops all others.

Pinterest changes the types of these fields, so ``_ANY`` allows every type in a rule that stays an
object. Flattening makes a column of text of it, with lists and objects as JSON; the SDK and
PipelineWise's loaders both do so only if ``anyOf`` is the first key and begins with text. A number
does not fit into that column. So a field that can be a number is a ``_SCALAR``, which flattening
leaves as it is; the price is that it can be no list.
"""

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
        _RULE,
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

DELETED_AT = "_sdc_deleted_at"
OTHER_FIELDS = "other_fields"

DELETED_AT_SCHEMA: dict[str, Any] = th.Property(
    DELETED_AT, th.DateTimeType, description="When it was found to be gone."
).to_dict()[DELETED_AT]
OTHER_FIELDS_SCHEMA: dict[str, Any] = {
    # No "properties": with an empty one, flattening would drop the column.
    "type": ["object", "null"],
    "additionalProperties": True,
    "description": "Fields that Pinterest sends and that this table has no column for.",
}
