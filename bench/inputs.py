"""The inputs of targets: members and audiences as Singer messages and as BATCH files."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet

from bench.server.data import desired

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

NAME = "Customers"
MEMBERS = {"audience_name": {"type": ["null", "string"]}, "email": {"type": ["null", "string"]}}
AUDIENCES = {
    "ad_account_id": {"type": ["null", "string"]},
    "name": {"type": ["null", "string"]},
    "audience_type": {"type": ["null", "string"]},
    "description": {"type": ["null", "string"]},
    "rule": {"type": ["null", "object"], "additionalProperties": True},
}
PER_FILE = 250_000


def emails(count: int, first: int = 0) -> Iterator[str]:
    """Generate email addresses in realistic spelling."""
    for number in range(first, first + count):
        yield f"Person.{number}+news@shop{number % 97}.example"


def digest_of_members(count: int) -> str:
    """Return the server's digest of the hashes of so many members."""
    hashes = sorted(hashlib.sha256(each.lower().encode()).hexdigest() for each in emails(count))
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def audiences(accounts: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """Return the records of so many audiences of each ad account, as the server makes them."""
    number = 0
    for account_id, count in accounts.items():
        for _ in range(count):
            yield {"ad_account_id": account_id, **desired(number)}
            number += 1


def members(count: int, first: int = 0, removed: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
    """Return the records of members, and of others to be removed."""
    for address in emails(count, first):
        yield {"audience_name": NAME, "email": address}
    for address in removed:
        yield {"audience_name": NAME, "email": address, "operation": "REMOVE"}


def write_text(path: Path, count: int) -> Path:
    """Write email addresses, one a line."""
    path.write_text("\n".join(emails(count)) + "\n")
    return path


def write_records(
    path: Path, stream: str, schema: Mapping[str, Any], records: Iterable[Mapping[str, Any]]
) -> Path:
    """Write Singer messages."""
    with path.open("w") as file:
        file.write(_schema(stream, schema))
        for record in records:
            message = {"type": "RECORD", "stream": stream, "record": record}
            file.write(json.dumps(message, separators=(",", ":")) + "\n")
        file.write(json.dumps({"type": "STATE", "value": {"done": True}}) + "\n")
    return path


def write_batches(folder: Path, count: int, form: str) -> Path:
    """Write members as BATCH files of ``form``, parquet or jsonl, and the messages that name them.

    Args:
        folder: Where to write them.
        count: How many members.
        form: The format.
    """
    files = []
    for first in range(0, count, PER_FILE):
        part = [*emails(min(PER_FILE, count - first), first)]
        path = folder / f"{form}-{count}-{first}"
        if form == "parquet":
            table = pa.table({"audience_name": [NAME] * len(part), "email": part})
            pa.parquet.write_table(table, path)
        else:
            with gzip.open(path, "wt", compresslevel=1) as file:
                file.writelines(
                    json.dumps({"audience_name": NAME, "email": address}) + "\n" for address in part
                )
        files.append(path.as_uri())
    encoding = {"format": form, **({"compression": "gzip"} if form == "jsonl" else {})}
    batch = {
        "type": "BATCH",
        "stream": "audience_members",
        "encoding": encoding,
        "manifest": files,
    }
    path = folder / f"{form}-{count}.singer"
    path.write_text(_schema("audience_members", MEMBERS) + json.dumps(batch) + "\n")
    return path


def _schema(stream: str, properties: Mapping[str, Any]) -> str:
    message = {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"properties": properties},
        "key_properties": ["email" if "email" in properties else "name"],
    }
    return json.dumps(message) + "\n"
