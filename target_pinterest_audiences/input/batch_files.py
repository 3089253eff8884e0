"""Reads the records of the files that a BATCH message names, many at a time."""

from __future__ import annotations

import gzip
import zlib
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, NoReturn, cast

import msgspec
from singer_sdk.singerlib.json import deserialize_json
from upath import UPath

from pinterest_audiences.errors import redact
from target_pinterest_audiences.input.column_names import OPERATION_COLUMNS, Columns
from target_pinterest_audiences.input.consent import consent_columns
from target_pinterest_audiences.input.reader import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    import pyarrow as pa

_BLOCK_BYTES = 1024 * 1024
_NO_RECORDS = (
    *(OSError, EOFError, zlib.error, ImportError, NotImplementedError, RecursionError),
    *(TypeError, ValueError),
)
"""What reading a file can end in: it is not there, cut short, of another format, not JSON."""

_ON_REMOVAL = Columns(*OPERATION_COLUMNS)
_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def read_files(
    message: Mapping[str, Any], config: Mapping[str, Any], most: int
) -> Iterator[list[dict[str, Any]]]:
    """Yield the records of a BATCH message, one file after the other.

    Args:
        message: The BATCH message: files of jsonl, perhaps packed by gzip, or of parquet.
        config: The target's settings, whose ``batch_config`` may say where the files are.
        most: Yield so many records at a time.

    Raises:
        InputError: If a file cannot be read as records.
    """
    for file in _files(message, config):
        with file as opened:
            yield from _read_file(opened, message["encoding"], most)


def read_tables(
    message: Mapping[str, Any], config: Mapping[str, Any], most: int
) -> Iterator[pa.RecordBatch]:
    """Yield the records of a BATCH message of parquet as ``read_files`` does, but as columns.

    Args:
        message: The BATCH message.
        config: The target's settings.
        most: Yield so many records at a time.

    Raises:
        InputError: If a file cannot be read as records.
    """
    for file in _files(message, config):
        with file as opened:
            yield from _parquet(opened, most)


def as_records(rows: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return rows of ``read_tables`` as records.

    Raises:
        InputError: If a value is none that a record can have, such as a date in the year 20000.
    """
    try:
        records: list[dict[str, Any]] = rows.to_pylist()
    except (ValueError, OverflowError, TypeError, ImportError) as error:
        msg = (
            "A value in a parquet file of a BATCH message cannot be read "
            f"({type(error).__name__}); nothing after it was read"
        )
        raise InputError(msg) from None
    return records


def _files(
    message: Mapping[str, Any], config: Mapping[str, Any]
) -> Iterator[AbstractContextManager[IO[bytes]]]:
    storage = config.get("batch_config", {}).get("storage")
    for address in message["manifest"]:
        _refuse_partition(str(address))
        yield _opened(str(address), message["stream"], storage)


def _refuse_partition(address: str) -> None:
    """Make sure that no folder's name says of whole files what only a column is read for.

    Raises:
        InputError: If one does, such as ``opted_out=true``.
    """
    names = [part.partition("=")[0] for part in address.split("/")[:-1] if "=" in part]
    found = [*consent_columns(names), *filter(_ON_REMOVAL.name, names)]
    if found:
        msg = (
            f"A file of a BATCH message is in a folder {redact(found[0])}=…, which may say who is "
            "to be uploaded, and is not read: send the column in the file; nothing after it was "
            "read"
        )
        raise InputError(msg)


@contextmanager
def _opened(address: str, stream: str, storage: Mapping[str, Any] | None) -> Iterator[IO[bytes]]:
    try:
        path = UPath(address)
        if storage:
            path = UPath(storage["root"], **storage.get("params", {})) / path.name
        with path.open("rb") as file:
            yield file
    except _NO_RECORDS as error:
        shown = redact(address.partition("?")[0])
        msg = (
            f"The file {shown} of a BATCH message of stream {stream!r} cannot be read "
            f"({type(error).__name__}); nothing after it was read"
        )
        raise InputError(msg) from None


def _read_file(
    file: IO[bytes], encoding: Mapping[str, Any], most: int
) -> Iterator[list[dict[str, Any]]]:
    match encoding:
        case {"format": "parquet"}:
            yield from _read_parquet(file, most)
        case {"format": "jsonl", "compression": "gzip"}:
            with gzip.open(file) as lines:
                yield from _read_lines(cast("IO[bytes]", lines), most)
        case {"format": "jsonl"} if encoding.get("compression") in {None, "none"}:
            yield from _read_lines(file, most)
        case _:
            raise NotImplementedError


def _read_lines(file: IO[bytes], most: int) -> Iterator[list[dict[str, Any]]]:
    records: list[dict[str, Any]] = []
    rest = b""
    while block := file.read(_BLOCK_BYTES):
        whole, _, rest = (rest + block).rpartition(b"\n")
        records += _decode(whole)
        while len(records) >= most:
            yield records[:most]
            records = records[most:]
    records += _decode(rest)
    if records:
        yield records


def _decode(lines: bytes) -> list[dict[str, Any]]:
    try:
        return _decoder.decode_lines(lines)
    except msgspec.MsgspecError:  # stricter than what writes Singer messages often is
        records = [deserialize_json(line) for line in lines.splitlines() if line.strip()]
    if not all(isinstance(record, dict) for record in records):
        _refuse()
    return records


def _refuse() -> NoReturn:
    raise TypeError


def _read_parquet(file: IO[bytes], most: int) -> Iterator[list[dict[str, Any]]]:
    for batch in _parquet(file, most):
        columns = batch.to_pydict()
        yield [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _parquet(file: IO[bytes], most: int) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet  # noqa: PLC0415  (an extra: pip install 'pinterest-audiences[parquet]')

    found = pyarrow.parquet.ParquetFile(file)
    names = found.schema_arrow.names
    if twice := next((name for name in names if names.count(name) > 1), None):
        msg = (
            f"A parquet file of a BATCH message has two columns {redact(twice)}, and it is not "
            "plain which counts: leave one out; nothing after it was read"
        )
        raise InputError(msg)
    yield from found.iter_batches(most)
