"""The settings that only the target has."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from pinterest_audiences.config import ID
from pinterest_audiences.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE_LEDGERS = ("file://", "s3://", "gs://", "abfss://")

TARGET_SETTINGS: tuple[th.Property[Any], ...] = (
    th.Property(
        "ad_account_id",
        ID,
        title="Ad account ID",
        description="Ad account of the records that name none themselves.",
    ),
    th.Property(
        "override_ad_account",
        th.BooleanType,
        default=False,
        title="Override the ad account",
        description=(
            "Write every record to ad_account_id. What belongs to another ad account is copied: "
            "found by its name, with ids of this ad account in its rule."
        ),
    ),
    th.Property(
        "id_map",
        th.ObjectType(additional_properties=ID),
        default={},
        title="Map of ids",
        description=(
            "For copies: this ad account's id of a tag, customer list, ad, campaign or seed, by "
            "the other ad account's."
        ),
    ),
    th.Property(
        "member_mode",
        th.StringType(allowed_values=["add", "mirror"]),
        default="add",
        title="Member mode",
        description=(
            "add adds members, and removes those that a record says to remove; mirror also removes "
            "members that a new version of the table lacks, once ACTIVATE_VERSION says that the "
            "version is complete."
        ),
    ),
    th.Property(
        "max_removal_ratio",
        th.NumberType(minimum=0, maximum=1),
        default=0.2,
        title="Largest removal",
        description=(
            "The part of a list's members that a mirror may remove at once, 0 to 1, by records and "
            "for being absent together; one person may always go, unless it is 0. More than that "
            "removes nobody and fails the run."
        ),
    ),
    th.Property(
        "member_batch_size",
        th.IntegerType(minimum=1),
        default=10_000,
        title="Member batch size",
        description=(
            "Most members in one request. A request that Pinterest refuses for its size is halved."
        ),
    ),
    th.Property(
        "member_batch_bytes",
        th.IntegerType(minimum=1000),
        default=1_000_000,
        title="Member batch bytes",
        description="Most bytes of identifiers in one request.",
    ),
    th.Property(
        "member_transport",
        th.StringType(allowed_values=["records", "upload"]),
        default="records",
        title="Member transport",
        description=(
            "How members go to a list that is there: in requests, or in files, a closed beta of "
            "Pinterest's."
        ),
    ),
    th.Property(
        "ledger_url",
        th.StringType,
        secret=True,
        title="Ledger URL",
        description=(
            "SQLAlchemy URL of the database that keeps who was sent to which list, as hashes: "
            "sqlite:///… or postgresql+psycopg://…; by default a SQLite file of mode 0600 in the "
            "user's state folder. For tens of millions of members, the folder of a ledger of files "
            "instead, as that of members sync: file:///…, s3://…, gs://… or abfss://…. Empty keeps "
            "nothing and sends everybody each time."
        ),
    ),
    th.Property(
        "write_mode",
        th.StringType(allowed_values=["upsert", "create", "update"]),
        default="upsert",
        title="Write mode",
        description=(
            "upsert creates what is missing and updates what differs; create changes nothing "
            "that exists; update creates nothing. It holds for audiences, customer lists and "
            "sharing."
        ),
    ),
    th.Property(
        "on_ambiguous",
        th.StringType(allowed_values=["reject", "newest"]),
        default="reject",
        title="On ambiguous names",
        description=(
            "A name that several audiences or customer lists have is rejected, or taken for the "
            "newest of them. A record that removes an audience or ends its sharing is always "
            "rejected."
        ),
    ),
    th.Property(
        "concurrency",
        th.IntegerType(minimum=1, maximum=32),
        default=8,
        title="Concurrency",
        description=(
            "Writes of audiences, or batches of members, that are on their way at a time, all "
            "through the one rate limit; never two for one audience or name, and never an addition "
            "and a removal of one customer list. The outcome is the same whatever it is. The "
            "target halves the number after a 429 that no quota explains."
        ),
    ),
    th.Property(
        "dry_run",
        th.BooleanType,
        default=False,
        title="Dry run",
        description=(
            "Report what would be done, in the log and in report_path, and write nothing; no state "
            "is passed on."
        ),
    ),
    th.Property(
        "report_path",
        th.StringType,
        title="Report path",
        description=(
            "File for a report of the run as JSON, as docs/report.schema.json describes. If it "
            "ends in .html or .md, it is a page or Markdown, and the JSON is beside it: plan.html "
            "and plan.json."
        ),
    ),
    th.Property(
        "rejected_path",
        th.StringType,
        title="Rejected path",
        description=(
            "File of Singer messages that keeps the records that were rejected or deferred until "
            "they are applied: pipe it into the target to try them again."
        ),
    ),
    th.Property(
        "max_rejected",
        th.IntegerType(minimum=0),
        default=0,
        title="Most rejected records",
        description=(
            "How many records may be rejected, and kept in rejected_path, before the run counts "
            "as failed."
        ),
    ),
)


def file_ledger(config: Mapping[str, Any]) -> str | None:
    """Return the URL of the ledger of files that holds the members; None if a database does.

    Raises:
        SettingsError: If another setting does not go with it, or if what it needs is missing.
    """
    url = config.get("ledger_url")
    if not url or not url.lower().startswith(_FILE_LEDGERS):
        return None
    for setting, value in (("member_transport", "upload"), ("write_mode", "create")):
        if config[setting] == value:
            msg = (
                f"Settings: {setting} {value} does not work with a ledger_url of files: choose "
                "another one, or a database as ledger_url"
            )
            raise SettingsError(msg)
    for module in ("duckdb", "pyarrow"):
        if find_spec(module) is None:
            msg = (
                f"Settings: ledger_url is a ledger of files, and {module} is missing: pip install "
                "'pinterest-audiences[bulk]'"
            )
            raise SettingsError(msg)
    return str(url)
