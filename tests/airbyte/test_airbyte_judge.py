"""The judge of the other tests finds the bugs that matter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from connectors import SOURCE, Output, configured, problems

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors import Connectors

Messages = list[dict[str, Any]]


@pytest.fixture
def output(on_demo: Connectors) -> Output:
    """A valid read with several states."""
    on_demo.config["detect_removed"] = True
    catalog = configured(on_demo.discover(), ["audiences", "customer_lists"])
    return on_demo.run(SOURCE, "read", catalog=catalog)


def index(messages: Messages, kind: str, word: str = "") -> int:
    return next(
        number
        for number, each in enumerate(messages)
        if each["type"] == kind and word in json.dumps(each)
    )


def state_before_its_records(messages: Messages) -> None:
    messages.insert(index(messages, "RECORD"), messages.pop(index(messages, "STATE")))


def lost_record(messages: Messages) -> None:
    messages.pop(index(messages, "RECORD"))


def state_twice(messages: Messages) -> None:
    again = json.loads(json.dumps(messages[index(messages, "STATE")]))
    again["state"]["sourceStats"]["recordCount"] = 0.0
    messages.insert(index(messages, "STATE") + 1, again)


def error_with_success(messages: Messages) -> None:
    error = {"message": "broken", "failure_type": "system_error"}
    trace = {"type": "ERROR", "emitted_at": 1.0, "error": error}
    messages.append({"type": "TRACE", "trace": trace})


def incomplete_with_success(messages: Messages) -> None:
    end = messages[index(messages, "TRACE", "COMPLETE")]
    end["trace"]["stream_status"]["status"] = "INCOMPLETE"


def no_end(messages: Messages) -> None:
    messages.pop(index(messages, "TRACE", "COMPLETE"))


def no_start(messages: Messages) -> None:
    messages.pop(index(messages, "TRACE", "STARTED"))


def secret_in_the_log(messages: Messages) -> None:
    messages.append({"type": "LOG", "log": {"level": "INFO", "message": "with pina_demo"}})


def wrong_level(messages: Messages) -> None:
    messages.append({"type": "LOG", "log": {"level": "WARNING", "message": ""}})


def no_body(messages: Messages) -> None:
    messages.append({"type": "RECORD"})


def no_time(messages: Messages) -> None:
    messages[index(messages, "RECORD")]["record"].pop("emitted_at")


@pytest.mark.parametrize(
    "bug",
    [
        state_before_its_records,
        lost_record,
        state_twice,
        error_with_success,
        incomplete_with_success,
        no_end,
        no_start,
        secret_in_the_log,
        wrong_level,
        no_body,
        no_time,
    ],
    ids=lambda bug: bug.__name__,
)
def test_planted_bug_is_found(output: Output, bug: Callable[[Messages], None]) -> None:
    assert problems(output) == []
    messages = output.messages
    bug(messages)
    text = "\n".join(json.dumps(message) for message in messages)
    assert problems(Output(0, text, "")) != []


def test_silent_failure_is_found() -> None:
    assert problems(Output(1, "", "")) == ["exit code 1 without an ERROR"]
