"""A target as the SDK's cookiecutter makes it: a batch sink for members, a record sink else."""

from __future__ import annotations

import hashlib
import typing as t
from importlib import metadata

import requests
from singer_sdk import Target
from singer_sdk import typing as th
from singer_sdk.sinks import BatchSink, RecordSink, Sink

from bench.peers.member_requests import BATCH, ListWriter


class MembersSink(BatchSink):
    """Hashes members and adds them to one customer list."""

    max_size = BATCH

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:  # noqa: ANN401
        """Begin without a list."""
        super().__init__(*args, **kwargs)
        self._writer = ListWriter(self.config["api_url"], self.config["ad_account_id"])

    def process_batch(self, context: dict[str, t.Any]) -> None:
        """Send a batch."""
        self._writer.add(
            [
                hashlib.sha256(record["email"].strip().lower().encode()).hexdigest()
                for record in context["records"]
            ]
        )


class AudiencesSink(RecordSink):
    """Creates an audience of each record."""

    def __init__(self, *args: t.Any, **kwargs: t.Any) -> None:  # noqa: ANN401
        """Open a session."""
        super().__init__(*args, **kwargs)
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {self.config['access_token']}"

    def process_record(self, record: dict[str, t.Any], context: dict[str, t.Any]) -> None:  # noqa: ARG002
        """Create one."""
        account_id = record.pop("ad_account_id")
        url = f"{self.config['api_url']}/ad_accounts/{account_id}/audiences"
        self._session.post(url, json=record, timeout=60).raise_for_status()


class TargetTemplate(Target):
    """The target."""

    name = "target-template"
    package_name = "singer-sdk"
    plugin_version = metadata.version("singer-sdk")
    config_jsonschema = th.PropertiesList(
        th.Property("api_url", th.StringType, required=True),
        th.Property("access_token", th.StringType, required=True, secret=True),
        th.Property("ad_account_id", th.StringType, required=True),
    ).to_dict()

    def get_sink_class(self, stream_name: str) -> type[Sink]:
        """Return the sink of a stream."""
        return AudiencesSink if stream_name == "audiences" else MembersSink


if __name__ == "__main__":
    TargetTemplate.cli()
