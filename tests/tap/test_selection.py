"""The tap's selection, stream maps, and ids in settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from programs import selecting

if TYPE_CHECKING:
    from programs import Programs

    from pinterest_emulator.testing import Emulator


def tap(programs: Programs, *options: str, **settings: Any) -> Any:
    """Run the tap without a catalog."""
    config = programs.file("tap.json", {**programs.settings, **settings})
    return programs.run("tap-pinterest-audiences", "--config", str(config), *options)


@pytest.mark.parametrize("key", ["*", "audience*"])
def test_stream_map_of_many_streams_applies_to_selected_streams(
    emulator: Emulator, programs: Programs, key: str
) -> None:
    (account,) = emulator.seed(ad_accounts=1, audiences=2)
    run = tap(programs, stream_maps={key: {"source": "'pinterest'"}}, ad_account_ids=[account])
    assert run.code == 0, run.err
    assert [record["source"] for record in run.records("audiences")] == ["pinterest"] * 2
    schemas = {message["stream"] for message in run.messages if message["type"] == "SCHEMA"}
    assert "audiences" in schemas
    assert "audience_shared_accounts" not in schemas


@pytest.mark.parametrize("known", [True, False])
def test_a_selection_that_matches_nothing_is_an_error(
    emulator: Emulator, programs: Programs, *, known: bool
) -> None:
    emulator.seed(ad_accounts=1, audiences=1)
    catalog = selecting([] if known else ["audiences"])
    if not known:
        catalog["streams"] = [
            {**entry, "tap_stream_id": "audience"}
            for entry in catalog["streams"]
            if entry["tap_stream_id"] == "audiences"
        ]
    run = tap(programs, "--catalog", str(programs.file("catalog.json", catalog)))
    assert run.code == 1
    (complaint,) = run.complaints
    assert complaint.startswith("Catalog: no stream is selected; select some of ad_accounts, ")
    assert ("Catalog: there is no stream audience, so it is not read" in run.err) is not known
    assert not emulator.requests()


def test_ids_without_quotes_are_accepted(emulator: Emulator, programs: Programs) -> None:
    first, second, _ = emulator.seed(ad_accounts=3, audiences=3)
    run = tap(programs, ad_account_ids=[int(first), second, first], business_ids=[12345])
    audiences = run.records("audiences")
    assert [audience["ad_account_id"] for audience in audiences] == [first, second]
    assert "business 12345, stream business_audiences" in run.err
    from_environment = programs.run(
        "tap-pinterest-audiences",
        "--config=ENV",
        TAP_PINTEREST_AUDIENCES_ACCESS_TOKEN="pina_demo",
        TAP_PINTEREST_AUDIENCES_API_URL=emulator.url,
        TAP_PINTEREST_AUDIENCES_AD_ACCOUNT_IDS=f"[{first}]",
    )
    assert from_environment.records("audiences") == audiences[:1]


@pytest.mark.parametrize("account", [-1, 1.5, True, "12a"])
def test_invalid_id_is_refused(programs: Programs, account: object) -> None:
    run = tap(programs, ad_account_ids=[account])
    assert run.code == 1
    assert run.complaints[0].startswith("Settings: ")
