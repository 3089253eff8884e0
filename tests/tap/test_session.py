"""A session needs no tap, so that it can be tested alone."""

from __future__ import annotations

import datetime as dt
import logging
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from tap_pinterest_audiences.base_streams import PinterestStream
from tap_pinterest_audiences.session import PartialReadError, Session, Unread
from tap_pinterest_audiences.tap import TapPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Sequence


def session(
    written: list[str] | None = None, selected: Sequence[str] = (), **config: Any
) -> Session:
    log = [] if written is None else written
    return Session(
        {"access_token": "pina_made_up", "lookback": 60, "page_size": 250, **config},
        logging.getLogger("test"),
        state={},
        write_state=lambda: log.append("STATE"),
        selected_streams=lambda: selected,
    )


def test_session_names_all_that_was_not_read() -> None:
    run = session()
    run.raise_if_incomplete()
    run.record_read_failure(Unread("audiences", "ad account 1", "refused"))
    run.record_read_failure(Unread("audiences", "ad account 2", "refused"))
    with pytest.raises(PartialReadError, match=r"2 not read: ad account 1.*; ad account 2"):
        run.raise_if_incomplete()


def test_session_writes_the_state_after_the_last_selected_stream() -> None:
    written: list[str] = []
    run = session(written, ["ad_accounts", "audiences"])
    run.end_stream("ad_accounts")
    assert not written
    run.end_stream("audiences")
    assert written == ["STATE"]


def test_session_warns_once_of_another_clock() -> None:
    run = session()
    server = dt.datetime(2026, 1, 1, 12, 0, tzinfo=dt.UTC)
    with patch.object(run.logger, "warning") as warning:
        run.compare_clocks(server, server - dt.timedelta(seconds=61))
        assert not warning.called
        run.compare_clocks(server, server - dt.timedelta(seconds=62))
        run.compare_clocks(server, server - dt.timedelta(seconds=90))
    assert warning.call_count == 1


def test_session_takes_ad_accounts_from_the_settings_without_a_request() -> None:
    run = session(ad_account_ids=["2", "1", "2"])
    assert run.ad_account_ids == ["2", "1"]
    assert run.lost_ad_account_ids == []


def test_streams_share_one_session_and_hold_no_tap() -> None:
    tap = TapPinterestAudiences(config={"access_token": "pina_made_up"})
    assert tap.streams
    for stream in tap.streams.values():
        assert isinstance(stream, PinterestStream)
        assert stream.session is tap.session
        assert not hasattr(stream, "tap")
