"""A tap as the SDK's cookiecutter makes it for a REST API, with two streams and nothing tuned."""

from __future__ import annotations

import typing as t
from importlib import metadata

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator

if t.TYPE_CHECKING:
    from singer_sdk.helpers.types import Context


class TemplateStream(RESTStream[str]):
    """A list of Pinterest's."""

    records_jsonpath = "$.items[*]"
    next_page_token_jsonpath = "$.bookmark"  # noqa: S105 (a path)

    @property
    def url_base(self) -> str:
        """Return the API URL root."""
        return str(self.config["api_url"])

    @property
    def authenticator(self) -> BearerTokenAuthenticator:
        """Return a new authenticator object."""
        return BearerTokenAuthenticator(token=self.config["access_token"])

    def get_url_params(
        self,
        context: Context | None,  # noqa: ARG002
        next_page_token: str | None,
    ) -> dict[str, t.Any]:
        """Return the query of a page."""
        params: dict[str, t.Any] = {"page_size": 250, "order": "ASCENDING"}
        if next_page_token:
            params["bookmark"] = next_page_token
        return params


class AdAccountsStream(TemplateStream):
    """The ad accounts, each of which is the parent of a list of audiences."""

    name = "ad_accounts"
    path = "/ad_accounts"
    primary_keys = ("id",)
    schema = th.PropertiesList(
        th.Property("id", th.StringType), th.Property("name", th.StringType)
    ).to_dict()

    def get_child_context(self, record: dict[str, t.Any], context: Context | None) -> Context:  # noqa: ARG002
        """Return the context of the account's audiences."""
        return {"ad_account_id": record["id"]}


class AudiencesStream(TemplateStream):
    """The audiences of an ad account."""

    name = "audiences"
    path = "/ad_accounts/{ad_account_id}/audiences"
    parent_stream_type = AdAccountsStream
    primary_keys = ("id",)
    schema = th.PropertiesList(
        th.Property("id", th.StringType),
        th.Property("ad_account_id", th.StringType),
        th.Property("type", th.StringType),
        th.Property("name", th.StringType),
        th.Property("audience_type", th.StringType),
        th.Property("description", th.StringType),
        th.Property("status", th.StringType),
        th.Property("size", th.IntegerType),
        th.Property("rule", th.ObjectType(additional_properties=True)),
        th.Property("created_timestamp", th.IntegerType),
        th.Property("updated_timestamp", th.IntegerType),
        th.Property("created_by_company_name", th.StringType),
        th.Property("is_nca", th.BooleanType),
        th.Property("is_ctv_enabled", th.BooleanType),
    ).to_dict()


class TapTemplate(Tap):
    """The tap."""

    name = "tap-template"
    package_name = "singer-sdk"
    plugin_version = metadata.version("singer-sdk")
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("access_token", th.StringType, required=True, secret=True),
    ).to_dict()

    def discover_streams(self) -> list[TemplateStream]:
        """Return the streams."""
        return [AdAccountsStream(self), AudiencesStream(self)]


if __name__ == "__main__":
    TapTemplate.cli()
