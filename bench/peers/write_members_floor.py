"""The least that a target can do with members: msgspec, hashlib, and requests of 10,000 hashes."""

from __future__ import annotations

import hashlib
import sys

import msgspec

from bench.peers.member_requests import BATCH, ListWriter


class Record(msgspec.Struct):
    """A member."""

    email: str


class Line(msgspec.Struct):
    """A Singer message."""

    type: str
    record: Record | None = None


def main(url: str, account_id: str) -> None:
    """Make one customer list of all members."""
    writer, hashes = ListWriter(url, account_id), list[str]()
    for line in map(msgspec.json.Decoder(Line).decode, sys.stdin.buffer):
        if line.record:
            address = line.record.email.strip().lower()
            hashes.append(hashlib.sha256(address.encode()).hexdigest())
            if len(hashes) == BATCH:
                writer.add(hashes)
                hashes.clear()
    if hashes:
        writer.add(hashes)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
