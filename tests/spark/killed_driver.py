"""Plans until a test kills it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from spark_runs import session

from target_pinterest_audiences.spark import sync_members

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa


def main() -> None:
    """Sync a table whose rows never end."""
    table, marker, ledger, account, url = sys.argv[1:]

    def stuck(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield batch
            Path(marker).touch()
            time.sleep(600)

    rows = session("local[2]").read.parquet(table).mapInArrow(stuck, "Email string")
    config = {"access_token": os.environ["TOKEN"], "api_url": url, "ad_account_id": account}
    sync_members(rows, audience_name=os.environ["NAME"], config=config, ledger=ledger)


if __name__ == "__main__":
    main()
