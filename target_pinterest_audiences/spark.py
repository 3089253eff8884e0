"""Members of customer lists from Spark: ``sync_members``."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from target_pinterest_audiences.bulk.customer_files import CustomersError
from target_pinterest_audiences.bulk.customers import identifier_column
from target_pinterest_audiences.bulk.inner_columns import inner_columns_of_spark
from target_pinterest_audiences.bulk.plan_spark import SparkPlanMaker
from target_pinterest_audiences.bulk.sync import Request, sync, sync_context
from target_pinterest_audiences.target import TargetPinterestAudiences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import DataFrame

    from target_pinterest_audiences.bulk.plan import Mode


def sync_members(  # noqa: PLR0913  (all but the data frame are named by the caller)
    df: DataFrame,
    *,
    audience_name: str,
    config: Mapping[str, Any],
    ledger: str,
    mode: Mode = "append",
    dry_run: bool = False,
    requests_in_flight: int = 4,
    memory_limit: str = "1GB",
    temp_directory: str | None = None,
    take_over: bool = False,
) -> None:
    """Bring the customer list of an audience up to date with a data frame.

    Spark compares the data frame with the ledger, and this process alone sends what has to change.
    It does what ``pinterest-audiences members sync`` does, with the same report.

    In ``foreachBatch`` only the mode ``append`` is possible.

    Args:
        df: The people who are to be in the list, with one column ``email``, ``maid``, ``idfa``,
            ``lr_id``, ``dlx_id`` or ``hashed_pinner_id``. It must return the same rows whenever
            Spark reads it.
        audience_name: The audience's name.
        config: Settings of the target, such as ``refresh_token`` and ``ad_account_id``.
        ledger: The folder of the ledger, ``s3://…``, ``gs://…`` or ``abfss://…``, or a path. Spark
            reads it by the same name.
        mode: ``mirror`` also removes people who are in the ledger and not in the data frame.
        dry_run: Report what would be done, and write nothing.
        requests_in_flight: How many requests are under way at a time.
        memory_limit: Memory of this process to sort what is sent in, about.
        temp_directory: Where to put what does not fit into memory; only hashes are put there.
        take_over: Take a ledger in an object store from a process that has ended for certain.

    Raises:
        PinterestError: If not all could be done.
    """
    if df.isStreaming:
        msg = "customers: this is a stream: call sync_members in foreachBatch"
        raise CustomersError(msg)
    if mode == "mirror" and _is_in_foreach_batch():
        msg = "customers: a batch of a stream is a part of the table only: use mode append"
        raise CustomersError(msg)

    def maker(mode: Mode) -> SparkPlanMaker:
        inner = inner_columns_of_spark(df.schema.jsonValue())
        return SparkPlanMaker(df, *identifier_column(df.columns, inner, mode))

    request = Request(
        customers=maker,
        audience_name=audience_name,
        ledger=ledger,
        mode=mode,
        requests_in_flight=requests_in_flight,
        memory_limit=memory_limit,
        work=temp_directory,
        take_over=take_over,
        dry_run=dry_run,
    )
    target = TargetPinterestAudiences(config=dict(config))
    target.report_unread_variables()
    sync(sync_context(target.config, target.logger, target.hooks, request), request)


def _is_in_foreach_batch() -> bool:
    """Return whether Spark called the caller with a batch of a stream; the batch does not say so.

    Spark runs such a function in this process, or over Spark Connect in a program of its own.
    """
    frame = inspect.currentframe()
    while frame:
        code = frame.f_code
        if code.co_qualname == "ForeachBatchFunction.call":
            return True
        if Path(code.co_filename).stem == "foreach_batch_worker":
            return True
        frame = frame.f_back
    return False
