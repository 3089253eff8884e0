"""Reads the records of the files that a BATCH message names, many at a time."""

from __future__ import annotations

import gzip
import zlib
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, NoReturn, cast

import msgspec
from singer_sdk.singerlib.json import deserialize_json
from upath import UPath

from pinterest_audiences.errors import redact
from target_pinterest_audiences.input.reader import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BLOCK_BYTES = 1024 * 1024
_NO_RECORDS = (
    *(OSError, EOFError, zlib.error, ImportError, NotImplementedError, RecursionError),
    *(TypeError, ValueError),
)
"""What reading a file can end in: it is not there, cut short, of another format, not JSON."""

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
    storage = config.get("batch_config", {}).get("storage")
    for address in message["manifest"]:
        try:
            yield from _read_file(str(address), message["encoding"], storage, most)
        except _NO_RECORDS as error:
            shown = redact(str(address).partition("?")[0])
            msg = (
                f"The file {shown} of a BATCH message of stream {message['stream']!r} cannot be "
                f"read ({type(error).__name__}); nothing after it was read"
            )
            raise InputError(msg) from None


def _read_file(
    address: str, encoding: Mapping[str, Any], storage: Mapping[str, Any] | None, most: int
) -> Iterator[list[dict[str, Any]]]:
    path = UPath(address)
    if storage:
        path = UPath(storage["root"], **storage.get("params", {})) / path.name
    with path.open("rb") as file:
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
    import pyarrow.parquet  # noqa: PLC0415  (an extra: pip install 'pinterest-audiences[parquet]')

    for batch in pyarrow.parquet.ParquetFile(file).iter_batches(most):
        columns = batch.to_pydict()
        yield [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
