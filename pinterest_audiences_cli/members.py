"""Members of customer lists, by the tens of millions: `pinterest-audiences members`."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Literal

import click

from pinterest_audiences.errors import PinterestError, one_line_errors
from pinterest_audiences.files import state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_pinterest_audiences.target import TargetPinterestAudiences

logger = logging.getLogger(__name__)

_EXTRA = frozenset({"duckdb", "pyarrow"})
_MOST_IN_FLIGHT = 8

_ledger_option = click.option(
    "--ledger",
    metavar="URL",
    default=lambda: str(state_folder() / "bulk-ledger"),
    help="Folder of the ledger: a path, s3://…, gs://… or abfss://…; by default one in the user's "
    "state folder.",
)
_config_option = click.option(
    "--config",
    "config_paths",
    multiple=True,
    metavar="FILE",
    help="The target's settings as JSON, or ENV for environment variables; may be repeated.",
)
_list_option = click.option(
    "--customer-list-id", required=True, metavar="ID", help="Pinterest's id of the list."
)
_memory_option = click.option(
    "--memory-limit", default="4GB", show_default=True, help="Memory to plan in, about."
)
_work_option = click.option(
    "--temp-directory",
    "work",
    type=click.Path(exists=True, file_okay=False),
    help="Where to put what does not fit into memory; only hashes are put there.",
)


class MissingExtraError(PinterestError):
    """What a command needs is not installed."""


def _run(command: Callable[[], None]) -> None:
    """Run a command that needs the extra, and end as ``errors`` says."""
    with one_line_errors(logger):
        try:
            command()
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in _EXTRA:
                raise
            msg = f"{error.name} is missing: pip install 'pinterest-audiences[bulk]'"
            raise MissingExtraError(msg) from None


@click.group()
def members() -> None:
    """Members of customer lists, by the tens of millions."""


@members.command("sync")
@click.option(
    "--customers",
    required=True,
    multiple=True,
    metavar="URL",
    help="Parquet files of the people who are to be in the list: a path or a pattern, here or in "
    "an object store, such as s3://bucket/people/*.parquet; may be repeated.",
)
@click.option("--audience", required=True, metavar="NAME", help="The audience's name.")
@click.option(
    "--mode",
    type=click.Choice(["append", "mirror"]),
    default="append",
    show_default=True,
    help="mirror also removes people who are in the ledger and not among the customers.",
)
@click.option("--dry-run", is_flag=True, help="Report what would be done, and write nothing.")
@click.option(
    "--requests-in-flight",
    type=click.IntRange(1, _MOST_IN_FLIGHT),
    default=4,
    show_default=True,
    help="How many requests are under way at a time.",
)
@click.option(
    "--take-over",
    is_flag=True,
    help="Take a ledger in an object store from a process that has ended for certain.",
)
@_ledger_option
@_config_option
@_memory_option
@_work_option
def sync_command(**options: Any) -> None:  # noqa: ANN401
    """Bring the customer list of an audience up to date: plan, send, settle."""

    def command() -> None:
        from target_pinterest_audiences.bulk.customers import customers_at  # noqa: PLC0415
        from target_pinterest_audiences.bulk.plan_duckdb import DuckDBPlanMaker  # noqa: PLC0415
        from target_pinterest_audiences.bulk.sync import Request, sync, sync_context  # noqa: PLC0415

        request = Request(
            customers=lambda mode: DuckDBPlanMaker(customers_at(options["customers"], mode)),
            audience_name=options["audience"],
            ledger=options["ledger"],
            mode=options["mode"],
            requests_in_flight=options["requests_in_flight"],
            memory_limit=options["memory_limit"],
            work=options["work"],
            take_over=options["take_over"],
            dry_run=options["dry_run"],
        )
        target = _target(options)
        sync(sync_context(target.config, target.logger, target.hooks, request), request)

    _run(command)


def _target(options: Mapping[str, Any]) -> TargetPinterestAudiences:
    """Return the target with the settings that the options name."""
    from target_pinterest_audiences.target import TargetPinterestAudiences  # noqa: PLC0415

    context, option = click.get_current_context(), click.Option(["--config"])
    given = TargetPinterestAudiences.cb_config(context, option, options["config_paths"])
    return TargetPinterestAudiences.configured(given)


@members.group()
def ledger() -> None:
    """The ledger of files, which says who was sent to which list."""


@ledger.command("import")
@_list_option
@_ledger_option
@_config_option
def import_command(**options: Any) -> None:  # noqa: ANN401
    """Move a list here from the target's own ledger, which the setting ledger_url names."""
    _run(lambda: _move(options, "in"))


@ledger.command("export")
@_list_option
@_ledger_option
@_config_option
def export_command(**options: Any) -> None:  # noqa: ANN401
    """Move a list from here to the target's own ledger, which the setting ledger_url names."""
    _run(lambda: _move(options, "out"))


def _move(options: Mapping[str, Any], where: Literal["in", "out"]) -> None:
    from target_pinterest_audiences.bulk.maintain import move_list  # noqa: PLC0415
    from target_pinterest_audiences.run.context import RunContext  # noqa: PLC0415

    target = _target(options)
    settings = {**target.config, "rejected_path": None}
    run = RunContext(settings, target.logger, hooks=target.hooks)
    members_moved = move_list(run, options["ledger"], options["customer_list_id"], where)
    click.echo(f"{members_moved} members moved {where}")


@ledger.command("compact")
@_ledger_option
def compact_command(**options: Any) -> None:  # noqa: ANN401
    """Fold all runs into a new base, as members sync does when it is worth it."""

    def command() -> None:
        from target_pinterest_audiences.bulk.maintain import compact_all  # noqa: PLC0415

        compact_all(options["ledger"])

    _run(command)


@ledger.command("forget")
@click.option(
    "--list-type",
    default="EMAIL",
    show_default=True,
    type=click.Choice(["EMAIL", "MAID", "IDFA", "LR_ID", "DLX_ID", "HASHED_PINNER_ID"]),
    help="What the identifiers are.",
)
@_ledger_option
def forget_command(**options: Any) -> None:  # noqa: ANN401
    """Delete people from the whole ledger; their identifiers come in, one a line."""

    def command() -> None:
        from target_pinterest_audiences.bulk.maintain import (  # noqa: PLC0415
            compact_all,
            keys_to_forget,
        )

        identifiers = [line for line in sys.stdin.read().splitlines() if line.strip()]
        keys = keys_to_forget(identifiers, options["list_type"])
        found = compact_all(options["ledger"], keys)
        click.echo(f"{found} entries of {len(keys)} people forgotten")
        if found:
            logger.warning(
                "Nothing was changed at Pinterest: people who had not been taken out of a list "
                "before are still in it, and no mirror removes them any more"
            )

    _run(command)
