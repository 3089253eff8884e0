"""Members for customer lists: their records, and the members in the emulator."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from programs import Run, record, schema

from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pinterest_emulator.testing import Emulator

STREAM = "audience_members"
SCHEMA = schema(STREAM)
NAME = "Customers"
READS = ("GET",)


def email(number: int) -> str:
    """An address in realistic spelling: in any case, with spaces around it."""
    return f" Person.{number}+news@Shop{number % 7}.example" + " " * (number % 2)


def digest(text: str) -> str:
    return hashlib.sha256(text.strip().lower().encode()).hexdigest()


def digests(numbers: Iterable[int]) -> set[str]:
    return {digest(email(number)) for number in numbers}


def person(number: int | None = None, **fields: Any) -> dict[str, Any]:
    """A record that adds a member to the list of the audience NAME, unless fields change it."""
    said: dict[str, Any] = {"audience_name": NAME, **fields}
    if number is not None:
        said["email"] = email(number)
    return record(STREAM, **{key: value for key, value in said.items() if value is not None})


def people(numbers: Iterable[int], **fields: Any) -> list[dict[str, Any]]:
    return [person(number, **fields) for number in numbers]


def versioned(messages: Iterable[dict[str, Any]], version: int) -> list[dict[str, Any]]:
    return [{**message, "version": version} for message in messages]


def activate(version: int) -> dict[str, Any]:
    return {"type": "ACTIVATE_VERSION", "stream": STREAM, "version": version}


def whole_version(numbers: Iterable[int], version: int, **fields: Any) -> list[dict[str, Any]]:
    """A table as a tap sends it: all its records, then ACTIVATE_VERSION."""
    return [SCHEMA, *versioned(people(numbers, **fields), version), activate(version)]


def lists(emulator: Emulator, account: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = emulator.state()["customer_lists"][account]
    return found


def audiences(emulator: Emulator, account: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = emulator.state()["audiences"][account]
    return found


def members(emulator: Emulator, account: str, name: str = NAME) -> set[str]:
    """The members of the only list with a name."""
    (found,) = [item for item in lists(emulator, account) if item["name"] == name]
    return emulator.members(found["id"])


def writes(emulator: Emulator) -> list[tuple[str, Any]]:
    """Operation and body of the write requests in the emulator's log."""
    return [
        (entry["operation"], entry["body"])
        for entry in emulator.requests()
        if entry["method"] not in READS
    ]


def changes(emulator: Emulator) -> list[tuple[str, int]]:
    """ADD or REMOVE and the number of members, of the requests that changed a list."""
    said = []
    for operation, body in writes(emulator):
        if operation in {"customer_lists/create", "customer_lists/update"}:
            said.append((body.get("operation_type", "ADD"), body["records"]))
    return said


def call(emulator: Emulator, method: str, path: str, body: object = None) -> dict[str, Any]:
    answer = requests.request(
        method,
        f"{emulator.url}/{path}",
        json=body,
        headers={"Authorization": "Bearer pina_demo"},
        timeout=10,
    )
    answer.raise_for_status()
    return dict(answer.json())


def new_list(emulator: Emulator, account: str, name: str, *addresses: str, **fields: str) -> str:
    """A list that another program created."""
    records = ",".join(addresses or ("somebody@else.example",))
    body = {"name": name, "records": records, **fields}
    return str(call(emulator, "POST", f"ad_accounts/{account}/customer_lists", body)["id"])


def new_audience(emulator: Emulator, account: str, name: str, kind: str, **rule: object) -> str:
    body = {"name": name, "audience_type": kind, "rule": rule}
    return str(call(emulator, "POST", f"ad_accounts/{account}/audiences", body)["id"])


@dataclass
class _Input:
    config: dict[str, Any]
    parse_env: bool = False


def run_here(settings: Mapping[str, Any], messages: Iterable[object]) -> Run:
    """Run the target in this process, in which a test may have patched something."""
    lines = io.StringIO("".join(json.dumps(message) + "\n" for message in messages))
    code = 0
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            TargetPinterestAudiences.invoke(config=_Input(dict(settings)), file_input=lines)
        except SystemExit as error:
            code = int(str(error.code))
    return Run(code, out.getvalue(), "")
