"""The streams, one small class each.

Fields and their meaning: Pinterest's OpenAPI description 5.23. ``is_nca``, ``is_ctv_enabled`` and
``time_zone`` are not in it but were seen live in 2026-07.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import typing as th
from typing_extensions import override

from tap_pinterest_audiences.operations import LIST_AD_ACCOUNTS, LIST_AUDIENCES
from tap_pinterest_audiences.stream import IncrementalStream, PinterestStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record


class AdAccountsStream(PinterestStream):
    """The ad accounts that the token sees, or those of them that the settings name."""

    name = "ad_accounts"
    operation = LIST_AD_ACCOUNTS
    primary_keys = ("id",)
    schema = th.PropertiesList(
        th.Property("id", th.StringType, required=True, description="Ad account ID."),
        th.Property("name", th.StringType, description="Ad account name."),
        th.Property(
            "owner",
            th.ObjectType(
                th.Property("id", th.StringType, description="User ID of the owner."),
                th.Property("username", th.StringType, description="User name of the owner."),
            ),
            description="Owner of the ad account.",
        ),
        th.Property("country", th.StringType, description="Country code (ISO 3166-1 alpha-2)."),
        th.Property("currency", th.StringType, description="Currency code (ISO 4217)."),
        th.Property(
            "permissions",
            th.ArrayType(th.StringType),
            description="Roles that the token's user has on the ad account.",
        ),
        th.Property("created_time", th.IntegerType, description="Creation, in Unix seconds."),
        th.Property("updated_time", th.IntegerType, description="Last update, in Unix seconds."),
        th.Property("time_zone", th.StringType, description="Time zone, on some accounts only."),
        additional_properties=True,
    ).to_dict()

    @override
    def get_records(self, context: Context | None) -> Iterator[Record]:
        """Emit the accounts that the tap has read to know its partitions."""
        yield from (dict(account) for account in self.tap.ad_accounts)


class AudiencesStream(IncrementalStream):
    """The audiences that each ad account owns."""

    name = "audiences"
    operation = LIST_AUDIENCES
    primary_keys = ("id",)
    replication_key = "updated_timestamp"
    schema = th.PropertiesList(
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
        th.Property(
            "updated_timestamp", th.IntegerType, description="Last update, in Unix seconds."
        ),
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
        additional_properties=True,
    ).to_dict()
