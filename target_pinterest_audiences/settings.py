"""The settings that only the target has."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

TARGET_SETTINGS: tuple[th.Property[Any], ...] = (
    th.Property(
        "ad_account_id",
        th.StringType(pattern=r"^\d+$"),
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
        th.ObjectType(additional_properties=th.StringType(pattern=r"^\d+$")),
        default={},
        title="Map of ids",
        description=(
            "For copies: this ad account's id of a tag, customer list, ad, campaign or seed, by "
            "the other ad account's."
        ),
    ),
    th.Property(
        "write_mode",
        th.StringType(allowed_values=["upsert", "create", "update"]),
        default="upsert",
        title="Write mode",
        description=(
            "upsert creates what is missing and updates what differs; create changes nothing "
            "that exists; update creates nothing."
        ),
    ),
    th.Property(
        "on_ambiguous",
        th.StringType(allowed_values=["reject", "newest"]),
        default="reject",
        title="On ambiguous names",
        description=(
            "A name that several audiences or customer lists have is rejected, or taken for the "
            "newest of them."
        ),
    ),
    th.Property(
        "dry_run",
        th.BooleanType,
        default=False,
        title="Dry run",
        description=(
            "Tell what would be done, in the log and in report_path, and write nothing; no state "
            "is passed on."
        ),
    ),
    th.Property(
        "report_path",
        th.StringType,
        title="Report path",
        description="File for a report of the run as JSON, as docs/report.schema.json describes.",
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
