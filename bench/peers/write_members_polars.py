"""polars reads Parquet and cleans it up, hashlib hashes: polars has no SHA-256."""

from __future__ import annotations

import hashlib
import sys

import polars as pl

from bench.peers.member_requests import BATCH, ListWriter


def main(url: str, account_id: str, path: str) -> None:
    """Make one customer list of all members."""
    writer = ListWriter(url, account_id)
    clean = pl.col("email").str.strip_chars().str.to_lowercase()
    for part in pl.read_parquet(path).select(clean).iter_slices(BATCH):
        writer.add([hashlib.sha256(address.encode()).hexdigest() for address in part["email"]])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
