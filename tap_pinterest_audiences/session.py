"""What the streams of a run share: they get this, and not the tap."""

from __future__ import annotations

import functools
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pinterest_audiences.api.client import PinterestAPI
from pinterest_audiences.api.hooks import NO_HOOKS, Hooks
from pinterest_audiences.api.operations import LIST_AD_ACCOUNTS
from pinterest_audiences.api.responses import id_of
from pinterest_audiences.errors import PinterestError, redact
from tap_pinterest_audiences.catalog_and_state import partitions_read
from tap_pinterest_audiences.pacing import is_state_due

if TYPE_CHECKING:
    import datetime as dt
    import logging
    from collections.abc import Callable, Mapping, Sequence


class PartialReadError(PinterestError):
    """Some of what was asked for could not be read; the rest was."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read.

    Attributes:
        stream: Its stream.
        place: What to call it when talking to the user.
        reason: Why it could not be read, and what to do.
    """

    stream: str
    place: str
    reason: str

    def __str__(self) -> str:
        """Return one line for the user."""
        return f"{self.place}: {self.reason}"


class Session:
    """One run of the tap: its connection, what it is to read, and what could not be read.

    Attributes:
        config: The tap's settings, with their defaults.
        logger: Where the run reports.
        unread: What could not be read so far.
        records: How many records were read to be emitted, by stream.
        records_since_state: Records that went out since the last STATE message.
    """

    def __init__(  # noqa: PLR0913  (what a run consists of)
        self,
        config: Mapping[str, Any],
        logger: logging.Logger,
        *,
        state: Mapping[str, Any],
        write_state: Callable[[], None],
        selected_streams: Callable[[], Sequence[str]],
        hooks: Hooks = NO_HOOKS,
    ) -> None:
        """Prepare a run; nothing is asked of Pinterest yet.

        Args:
            config: The tap's settings, with their defaults.
            logger: Where to report.
            state: The tap's state, which the streams change.
            write_state: Writes that state, if it changed since the last time.
            selected_streams: Returns the streams that are read, in order.
            hooks: What to replace in the connection.
        """
        self.config = config
        self.logger = logger
        self.unread: list[Unread] = []
        self.records: Counter[str] = Counter()
        self.records_since_state = 0
        self._begun = time.monotonic()
        self._state = state
        self._write_state = write_state
        self._selected_streams = selected_streams
        self._hooks = hooks
        self._state_time = time.monotonic()
        self._clocks_agree = True

    @functools.cached_property
    def api(self) -> PinterestAPI:
        """The one connection with Pinterest that all streams share."""
        return PinterestAPI(self.config, self._hooks)

    def log_summary(self) -> None:
        """Log one line with what the run did."""
        streams = "".join(f", {count} of {name}" for name, count in self.records.items() if count)
        self.logger.info(
            "Done: %d records%s; %d requests, %.0f s waited, %.1f s in all",
            self.records.total(),
            streams,
            self.api.requests.total(),
            self.api.seconds_waited,
            time.monotonic() - self._begun,
        )

    @functools.cached_property
    def ad_accounts(self) -> list[dict[str, Any]]:
        """The ad accounts to read, read once and shared by all streams.

        Raises:
            PinterestError: If the token sees no ad account at all.
        """
        params = {"page_size": self.config["page_size"]}
        visible = {
            id_of(account, LIST_AD_ACCOUNTS): account
            for page in self.api.pages(LIST_AD_ACCOUNTS, None, params)
            for account in page.items
        }
        wanted = self.ids_of("ad_account_ids")
        if not wanted:
            if not visible:
                msg = (
                    "The token sees no ad account: give its user a role on one, or check that "
                    "the app was authorised by the right user"
                )
                raise PinterestError(msg)
            return list(visible.values())
        missing = sorted(set(wanted) - set(visible))
        if missing:
            reason = (
                f"the token does not see ad account {', '.join(missing)}; check ad_account_ids, or "
                "give the token's user a role there"
            )
            self.record_read_failure(Unread("ad_accounts", "stream ad_accounts", reason))
        return [account for account_id, account in visible.items() if account_id in wanted]

    @functools.cached_property
    def ad_account_ids(self) -> list[str]:
        """The ad accounts to read, without a request if the settings name them."""
        wanted = self.ids_of("ad_account_ids")
        return wanted or [account["id"] for account in self.ad_accounts]

    def ids_of(self, setting: str) -> list[str]:
        """Return the ids of a setting, each once."""
        return list(dict.fromkeys(self.config.get(setting, ())))

    @functools.cached_property
    def lost_ad_account_ids(self) -> list[str]:
        """The ad accounts that an earlier run read and that the token does not see any more.

        The list is empty if the settings name the ad accounts.
        """
        if self.config.get("ad_account_ids"):
            return []
        read = partitions_read(self._state)
        lost = sorted(read - set(self.ad_account_ids))
        for account in lost:
            self.logger.warning(
                "Ad account %s: an earlier run read it, but the token does not see it any more, "
                "and its rows in the warehouse grow old. If it still exists, give the token's user "
                "a role there; if you no longer want it, remove its partitions from the state",
                redact(account),
            )
        return lost

    def record_read_failure(self, what: Unread) -> None:
        """Report something that cannot be read; the others are still read."""
        self.logger.error("Not read: %s", what)
        self.unread.append(what)

    def raise_if_incomplete(self) -> None:
        """Make sure that all was read that was asked for.

        Raises:
            PartialReadError: If something was not; everything else was, and its state moved.
        """
        if self.unread:
            msg = f"The run is not complete, {len(self.unread)} not read: "
            msg += "; ".join(map(str, self.unread))
            raise PartialReadError(msg)

    def compare_clocks(self, server: dt.datetime, own: dt.datetime) -> None:
        """Warn, once a run, if the clocks differ by more than ``lookback`` and a second."""
        seconds = (server - own).total_seconds()
        if self._clocks_agree and abs(seconds) > self.config["lookback"] + 1:
            self._clocks_agree = False
            self.logger.warning(
                "Pinterest's clock is %.0f s %s this machine's, which is more than lookback; "
                "bookmarks follow the clock that is behind. Check this machine's clock",
                abs(seconds),
                "ahead of" if seconds > 0 else "behind",
            )

    def write_state(self) -> None:
        """Write a STATE message, if the state changed since the last one."""
        self._write_state()
        self.records_since_state = 0
        self._state_time = time.monotonic()

    def write_due_state(self) -> None:
        """Write a STATE message if enough went out since the last one; see ``pacing``."""
        seconds = time.monotonic() - self._state_time
        if is_state_due(self._state, self.records_since_state, seconds):
            self.write_state()

    def end_stream(self, name: str) -> None:
        """Write a STATE message after the last stream, whether it is due or not."""
        if name == self._selected_streams()[-1]:
            self.write_state()
