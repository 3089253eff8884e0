"""The destination: which settings of the target Airbyte shows, and the program."""

from __future__ import annotations

from airbyte_pinterest_audiences.destination import Destination
from airbyte_pinterest_audiences.pinterest_settings import (
    CHANGES,
    NO_FILES,
    SPEC,
    TITLE,
    credentials,
)
from airbyte_pinterest_audiences.spec import Choice, Form, Option
from target_pinterest_audiences.target import TargetPinterestAudiences

_LEDGER = Choice(
    "ledger",
    "Ledger",
    "What keeps who was sent to which customer list, as hashes. Without it everybody is sent in "
    "each sync, and no stream of members can be overwritten.",
    "ledger_type",
    (
        Option("none", "None", implied={"ledger_url": ""}),
        Option("postgresql", "PostgreSQL", ("ledger_url",)),
    ),
)

FORM = Form(
    TargetPinterestAudiences,
    TITLE,
    (credentials(TargetPinterestAudiences), _LEDGER),
    {*NO_FILES, "max_rejected", "rejected_path", "report_path"},
    {
        **CHANGES,
        "ledger_url": {
            "pattern": r"^postgres(ql(\+psycopg)?)?://",
            "description": "URL of the database: postgresql://user:password@host/database.",
        },
        "member_mode": {
            "description": (
                "add adds members, and removes those that a record says to remove; mirror also "
                "lets streams of members be overwritten: members that a complete read lacks are "
                "removed. It needs a ledger."
            )
        },
        "dry_run": {
            "description": (
                "Report what would be done, in the log, and write nothing; no state is passed on."
            )
        },
    },
)


def main(args: list[str] | None = None) -> None:
    """Run the destination with ``args``, or with this process's command line."""
    Destination(FORM, SPEC).run(args)
