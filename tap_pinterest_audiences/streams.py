"""The streams, one small class each.

Fields and their meaning: Pinterest's OpenAPI description 5.23. ``is_nca``, ``is_ctv_enabled`` and
``time_zone`` are not in it but were seen live in 2026-07. Descriptions are our own words.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from typing_extensions import override

from pinterest_audiences.api.operations import (
    GET_AUDIENCE_INSIGHTS,
    LIST_AD_ACCOUNTS,
    LIST_AUDIENCES,
    LIST_BUSINESS_AUDIENCES,
    LIST_CUSTOMER_LISTS,
    LIST_INSIGHT_DEFINITIONS,
    LIST_SHARED_ACCOUNTS,
)
from pinterest_audiences.api.responses import Page, id_of
from tap_pinterest_audiences.base_streams import (
    IncrementalStream,
    ListRequest,
    PartitionedStream,
    PinterestStream,
)
from tap_pinterest_audiences.schemas import (
    ACCOUNT_TYPES,
    AUDIENCE_FIELDS,
    INSIGHT_FIELDS,
    INSIGHT_TYPES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from singer_sdk import metrics
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
    def record_pages(self, context: Context | None) -> Iterator[list[Record]]:
        """Emit the accounts that the tap has read to know its partitions."""
        yield self.fields.complete(self.session.ad_accounts)
        if not self.session.unread:
            self.activate_version()


class AudiencesStream(IncrementalStream):
    """The audiences that each ad account owns."""

    name = "audiences"
    operation = LIST_AUDIENCES
    primary_keys = ("id",)
    replication_key = "updated_timestamp"
    schema = th.PropertiesList(*AUDIENCE_FIELDS, additional_properties=True).to_dict()


class ReceivedAudiencesStream(IncrementalStream):
    """The audiences that others shared with each ad account."""

    name = "received_audiences"
    operation = LIST_AUDIENCES
    primary_keys = ("recipient_ad_account_id", "id")
    replication_key = "updated_timestamp"
    partition_key = "recipient_ad_account_id"
    compare_by_digest = True
    schema = th.PropertiesList(
        th.Property(
            "recipient_ad_account_id",
            th.StringType,
            required=True,
            description="The ad account that the audience was shared with.",
        ),
        *AUDIENCE_FIELDS,
        additional_properties=True,
    ).to_dict()

    @override
    def params(self) -> dict[str, Any]:
        """Return the query of every page; these lists are ordered by the time of sharing."""
        return {**super().params(), "ownership_type": "RECEIVED"}


class CustomerListsStream(IncrementalStream):
    """The customer lists of each ad account. Pinterest never says who is on them."""

    name = "customer_lists"
    operation = LIST_CUSTOMER_LISTS
    primary_keys = ("id",)
    replication_key = "updated_time"
    schema = th.PropertiesList(
        th.Property("id", th.StringType, required=True, description="Customer list ID."),
        th.Property("ad_account_id", th.StringType, description="Ad account ID."),
        th.Property("name", th.StringType, description="Customer list name."),
        th.Property("type", th.StringType, description='Always "customerlist".'),
        th.Property(
            "status",
            th.StringType,
            description="PROCESSING, READY, UPLOADING, or TOO_SMALL (fewer than 100 people).",
        ),
        th.Property("created_time", th.IntegerType, description="Creation, in Unix seconds."),
        th.Property("updated_time", th.IntegerType, description="Last update, in Unix seconds."),
        th.Property(
            "num_batches",
            th.IntegerType,
            description="How often records were added or removed; the creation counts.",
        ),
        th.Property(
            "num_uploaded_user_records",
            th.IntegerType,
            description="Records that were added, those that were there already included.",
        ),
        th.Property(
            "num_removed_user_records",
            th.IntegerType,
            description="Records that were removed, those that were not there included.",
        ),
        th.Property(
            "exceptions",
            # Without `properties`, even empty ones: flattening would drop the field.
            th.CustomType({"type": ["object", "null"], "additionalProperties": True}),
            description="What went wrong with the list; empty if nothing did.",
        ),
        th.Property(
            "is_nca",
            th.BooleanType,
            description="Whether it serves new customer acquisition (expanded matching).",
        ),
        additional_properties=True,
    ).to_dict()


class AudienceSharedAccountsStream(PartitionedStream):
    """Accounts that each audience is shared with: two requests an audience, so off by default."""

    name = "audience_shared_accounts"
    operation = LIST_SHARED_ACCOUNTS
    primary_keys = ("audience_id", "account_type", "account_id")
    selected_by_default = False
    schema = th.PropertiesList(
        th.Property("audience_id", th.StringType, required=True, description="Audience ID."),
        th.Property(
            "account_type",
            th.StringType,
            required=True,
            description="AD_ACCOUNT or BUSINESS_ACCOUNT.",
        ),
        th.Property(
            "account_id",
            th.StringType,
            required=True,
            description="The ad account or business that the audience is shared with.",
        ),
        th.Property("ad_account_id", th.StringType, description="The audience's ad account."),
        th.Property("account_name", th.StringType, description="Name of the account."),
        th.Property(
            "shared_on_timestamp",
            th.IntegerType,
            description="When the audience was shared, in Unix seconds.",
        ),
        additional_properties=True,
    ).to_dict()

    @override
    def probe_request(self, partition: str) -> ListRequest | None:
        """Return the shares of one audience of the account."""
        account = {"ad_account_id": partition}
        page = next(self.session.api.pages(LIST_AUDIENCES, account, {"page_size": 1}))
        for audience in page.items:
            audience_id = id_of(audience, LIST_AUDIENCES)
            return ListRequest(
                account, {"audience_id": audience_id, "account_type": ACCOUNT_TYPES[0]}
            )
        return None

    @override
    def pages_of(
        self, partition: str, counter: metrics.Counter
    ) -> Iterator[tuple[ListRequest, Page]]:
        """Read the account's audiences, then the accounts that each one is shared with."""
        account = {"ad_account_id": partition}
        list_requests = [
            ListRequest(
                account,
                {"audience_id": audience_id, "account_type": account_type},
                {"audience_id": audience_id},
            )
            for page in self.session.api.pages(LIST_AUDIENCES, account, self.params())
            for audience_id in [id_of(audience, LIST_AUDIENCES) for audience in page.items]
            for account_type in ACCOUNT_TYPES
        ]
        with self.read_ahead(list_requests) as reader:
            for number, list_request in enumerate(list_requests):
                for page in reader.take(number):
                    counter.increment()
                    yield list_request, page


class AudienceInsightsStream(PartitionedStream):
    """Interests and demographics of an ad account's audiences, in each of the three types."""

    name = "audience_insights"
    operation = GET_AUDIENCE_INSIGHTS
    primary_keys = ("ad_account_id", "type", "date")
    schema = th.PropertiesList(
        th.Property("ad_account_id", th.StringType, required=True, description="Ad account ID."),
        th.Property(
            "type", th.StringType, required=True, description=f"One of {', '.join(INSIGHT_TYPES)}."
        ),
        th.Property("date", th.DateType, required=True, description="Day that it was made."),
        th.Property("size", th.IntegerType, description="People in the audience."),
        th.Property(
            "size_is_upper_bound",
            th.BooleanType,
            description="Whether size was rounded up to the next bound.",
        ),
        *INSIGHT_FIELDS,
        additional_properties=True,
    ).to_dict()

    @override
    def list_requests(self, partition: str) -> Sequence[ListRequest]:
        """Return a read for each type."""
        return [
            ListRequest(
                {"ad_account_id": partition}, {"audience_insight_type": kind}, {"type": kind}
            )
            for kind in INSIGHT_TYPES
        ]

    @override
    def params(self) -> dict[str, Any]:
        """Return an empty query: this is no list, and has no pages."""
        return {}

    @override
    def pages(self, list_request: ListRequest) -> Iterator[Page]:
        """Read one object, which has no pages."""
        answer = self.session.api.request(
            self.operation, list_request.ids, params=list_request.params
        )
        yield Page([answer.data], answer.server_time, answer.received)

    @override
    def partition_pages(
        self, partition: str, context: Context | None, counter: metrics.Counter
    ) -> Iterator[list[Record]]:
        """Emit what has a date: an answer without one says that nothing is known yet."""
        for records in super().partition_pages(partition, context, counter):
            yield [record for record in records if record.get("date")]
            for record in records:
                if not record.get("date"):
                    self.logger.info("Ad account %s has no %s yet", partition, record["type"])


class AudienceInsightDefinitionsStream(PartitionedStream):
    """Which audiences of an ad account have insights."""

    name = "audience_insight_definitions"
    operation = LIST_INSIGHT_DEFINITIONS
    primary_keys = ("ad_account_id", "scope", "type")
    schema = th.PropertiesList(
        th.Property("ad_account_id", th.StringType, required=True, description="Ad account ID."),
        th.Property("scope", th.StringType, required=True, description="Scope of the audience."),
        th.Property("type", th.StringType, required=True, description="Type of the audience."),
        th.Property("date", th.DateType, description="Day that it was made."),
        additional_properties=True,
    ).to_dict()

    @override
    def params(self) -> dict[str, Any]:
        """Return an empty query: this list has no pages."""
        return {}


class BusinessAudiencesStream(PartitionedStream):
    """The audiences that are shared with each business of the settings."""

    name = "business_audiences"
    operation = LIST_BUSINESS_AUDIENCES
    primary_keys = ("business_id", "id")
    partition_key = "business_id"
    schema = th.PropertiesList(
        th.Property("business_id", th.StringType, required=True, description="Business ID."),
        *AUDIENCE_FIELDS,
        additional_properties=True,
    ).to_dict()

    @property
    @override
    def partitions(self) -> list[dict[str, str]]:
        """One partition for each business."""
        return [{"business_id": business} for business in self.session.ids_of("business_ids")]

    @override
    def list_requests(self, partition: str) -> Sequence[ListRequest]:
        """Return the business's list."""
        return [ListRequest({"business_id": partition})]

    @override
    def params(self) -> dict[str, Any]:
        """Return the query of every page: new items come last, so none is skipped."""
        return {**super().params(), "order": "ASCENDING"}


STREAMS: tuple[type[PinterestStream], ...] = (
    AdAccountsStream,
    AudiencesStream,
    ReceivedAudiencesStream,
    CustomerListsStream,
    AudienceSharedAccountsStream,
    AudienceInsightsStream,
    AudienceInsightDefinitionsStream,
    BusinessAudiencesStream,
)
