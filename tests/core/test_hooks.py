"""A program around a plugin can keep renewed tokens itself, and learns of waits."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pinterest_audiences.api.client import PinterestAPI
from pinterest_audiences.api.hooks import Hooks
from pinterest_audiences.api.operations import LIST_AD_ACCOUNTS
from tap_pinterest_audiences.tap import TapPinterestAudiences
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pinterest_audiences.api.token_store import StoredToken
    from pinterest_emulator.testing import Emulator


class Memory:
    """A token store without a file."""

    def __init__(self) -> None:
        self.kept: StoredToken | None = None

    @contextlib.contextmanager
    def locked(self, max_wait: float = 0) -> Iterator[None]:
        del max_wait
        yield

    def read(self) -> StoredToken | None:
        return self.kept

    def write(self, token: StoredToken) -> None:
        self.kept = token


def app(emulator: Emulator, token_path: Path) -> dict[str, str]:
    return {
        "client_id": "demo-app",
        "client_secret": "demo-secret",
        "refresh_token": "pinr.demo",
        "token_path": str(token_path),
        "api_url": emulator.url,
    }


def test_renewed_tokens_go_to_the_store_of_the_hooks(
    emulator: Emulator, account: str, tmp_path: Path
) -> None:
    store = Memory()
    config = app(emulator, tmp_path / "token.json")
    for _ in range(2):
        hooks = Hooks(token_store=store)
        assert TapPinterestAudiences(config=config, hooks=hooks).session.ad_account_ids == [account]
        target = TargetPinterestAudiences(config=config, hooks=hooks)
        assert [*target.context.api.pages(LIST_AD_ACCOUNTS)]
    assert store.kept
    assert len(emulator.requests("oauth/token")) == 1
    assert not (tmp_path / "token.json").exists()


def test_each_wait_for_a_rate_limit_is_reported_before_it(
    emulator: Emulator, account: str, naps: list[float]
) -> None:
    reported: list[tuple[float, int]] = []
    hooks = Hooks(on_rate_limit=lambda seconds: reported.append((seconds, len(naps))))
    api = PinterestAPI({"access_token": "pina_demo", "api_url": emulator.url}, hooks)
    emulator.fault(operation="ad_accounts/list", kind="status", status=500)
    emulator.fault(operation="ad_accounts/list", kind="rate_limit", reset=7)
    (page,) = api.pages(LIST_AD_ACCOUNTS)
    assert [item["id"] for item in page.items] == [account]
    # The 500 is waited for as well, but it is no rate limit.
    assert [seconds for seconds, _ in reported] == [7]
    assert all(before < len(naps) for _, before in reported)
    assert len(naps) == 2
