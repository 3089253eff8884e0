"""What the parts of a run share: the sinks get this, and not the target."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from pinterest_audiences.api.client import PinterestAPI
from pinterest_audiences.api.hooks import NO_HOOKS, Hooks
from pinterest_audiences.errors import SettingsError
from pinterest_audiences.files import user_path
from target_pinterest_audiences.audiences.account_copy import AccountCopy
from target_pinterest_audiences.audiences.claims import Claims
from target_pinterest_audiences.audiences.existing import Inventories
from target_pinterest_audiences.audiences.writer import DryRunWriter, PinterestWriter, Writer
from target_pinterest_audiences.config import file_ledger
from target_pinterest_audiences.input.stream_maps import mapped_columns
from target_pinterest_audiences.members import mirror
from target_pinterest_audiences.members.customer_lists import CustomerLists
from target_pinterest_audiences.run.account_locks import AccountLocks
from target_pinterest_audiences.run.dead_letters import DeadLetters
from target_pinterest_audiences.run.in_flight import InFlight
from target_pinterest_audiences.run.record_tracker import RecordTracker
from target_pinterest_audiences.run.report import Report
from target_pinterest_audiences.run.report_files import report_path_of
from target_pinterest_audiences.write_access import WriteAccess

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping

    from pinterest_audiences.errors import PinterestError
    from target_pinterest_audiences.changes import Owner


class RunContext:
    """One run of the target: its connection, what it knows, and what became of its records.

    Attributes:
        config: The target's settings, with their defaults.
        logger: Where the run reports.
        initialized_at: When the run began, in Unix milliseconds; the SDK's ``Sink`` asks for it.
        release_state: Passes on a STATE that was held back, if nothing is left to do before it.
        api: Pinterest.
        access: The ad accounts to which this run may not write.
        writer: Writes audiences and shares them, or plans to.
        report: Counts what became of each record.
        report_path: File for the report, if the settings name one.
        dead_letters: Keeps what was not applied; None if nothing is to be kept.
        in_flight: The writes on their way, and what has to come after them.
        tracker: Accounts for each record.
        account_locks: The ad accounts that only this run may write to.
        inventory: Returns what an ad account has.
        known_inventory: Returns the same, or None if it was not read.
        file_ledger: The URL of the ledger of files that holds the members; None if a database does.
        customer_lists: The customer lists that records name.
        account_copy: What audiences of another ad account became.
        claims: What earlier records ask for.
        created_ids: The audiences that this run created.
        shared_with_cache: The accounts with which an audience is shared, by owner, audience and
            account type.
        problems: Why the run ends as failed, although it went on.
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        logger: logging.Logger,
        *,
        release_state: Callable[[], None] = lambda: None,
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        """Prepare a run; nothing is asked of Pinterest yet.

        Args:
            config: The target's settings, with their defaults.
            logger: Where to report.
            release_state: Passes on a STATE that was held back.
            hooks: What to replace in the connection.

        Raises:
            SettingsError: If a setting is missing or cannot be right.
        """
        self.config = config
        self.logger = logger
        self.initialized_at = int(time.time() * 1000)
        self.release_state = release_state
        self.api = PinterestAPI(config, hooks)
        _check(config, self.api)
        dry_run: bool = config["dry_run"]
        self.access = WriteAccess()
        self.writer: Writer = DryRunWriter() if dry_run else PinterestWriter(self.api, self.access)
        self.report = Report(logger, dry_run=dry_run)
        self.report_path = report_path_of(config)
        kept = config.get("rejected_path")
        rejected_path = user_path("rejected_path", kept) if kept else None
        dead_letters = DeadLetters(rejected_path, reads_only=dry_run) if rejected_path else None
        self.dead_letters = None if dry_run else dead_letters
        self.in_flight = InFlight(self.api, 1 if dry_run else config["concurrency"])
        self.tracker = RecordTracker(
            self.report,
            self.dead_letters,
            self.in_flight,
            mapped_columns(config.get("stream_maps")),
        )
        self.file_ledger = file_ledger(config)
        # The lists themselves know no such ledger: the sink of members compares with it.
        of_lists = {"ledger_url": "", "member_mode": "add"} if self.file_ledger else {}
        lists_config = {**config, **of_lists}
        self.account_locks = AccountLocks(
            self.api, lists_config.get("ledger_url"), self.interrupted
        )
        self._inventories = Inventories(self.api, None if dry_run else self.account_locks.acquire)
        self.inventory = self._inventories.of
        self.known_inventory = self._inventories.known
        self.customer_lists = CustomerLists(
            lists_config,
            self.api,
            self.writer,
            self.inventory,
            self.access,
            queue=self.in_flight,
            note_undone=self._note_undone,
        )
        self.account_copy = AccountCopy()
        self.claims = Claims()
        self.created_ids: set[str] = set()
        self.shared_with_cache: dict[tuple[Owner, str, str], set[str]] = {}
        self.problems: list[PinterestError] = []
        self._partial_schemas: dict[str, str | None] = {}
        self._last_state: Mapping[str, Any] = {}

    def fail(self, error: PinterestError) -> None:
        """Let the run go on, but end as failed, and pass on no state from here."""
        self.logger.error("%s", error)
        self.tracker.has_unhandled = True
        self.problems.append(error)

    def note_failed_lists(self) -> None:
        """Let no state pass the members of a list that failed."""
        if any(each.failed for each in self.customer_lists.lists.values()):
            self.tracker.note_unhandled()

    def _note_undone(self) -> None:
        self.tracker.has_unhandled = True

    def note_schema(self, message: Mapping[str, Any]) -> None:
        """Note a SCHEMA message that may say that its stream holds a part of its table only."""
        self._partial_schemas[message["stream"]] = mirror.partial_schema(message)

    def note_state(self, state: Mapping[str, Any]) -> None:
        """Note the value of a STATE message, which may say the same of any stream."""
        self._last_state = state

    def partial(self, stream: str) -> str | None:
        """Return what says that a stream holds a part of its table only, if anything does."""
        return self._partial_schemas.get(stream) or mirror.partial_state(self._last_state, stream)

    @contextlib.contextmanager
    def interrupted(self) -> Iterator[None]:
        """Surround a time in which other runs may write to the ad accounts of this run.

        Nothing that was read before it counts after it.
        """
        self.customer_lists.flush()
        yield
        self._inventories.forget()
        self.created_ids.clear()
        self.shared_with_cache.clear()
        self.customer_lists.look_up()
        self.note_failed_lists()


def _check(config: Mapping[str, Any], api: PinterestAPI) -> None:
    """Make sure that a run with these settings may write.

    Raises:
        SettingsError: If it may not, or if settings contradict each other.
    """
    if not api.can_write:
        msg = (
            "Settings: client_id and client_secret alone (client credentials) can only read: "
            "set refresh_token as well, or access_token, or run pinterest-audiences login"
        )
        raise SettingsError(msg)
    if config["override_ad_account"] and not config.get("ad_account_id"):
        msg = "Settings: override_ad_account needs ad_account_id, the ad account to write to"
        raise SettingsError(msg)
