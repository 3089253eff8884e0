"""The API as an ASGI application: reads, logs, injects faults, responds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from pinterest_emulator import errors
from pinterest_emulator.http import protocol
from pinterest_emulator.http.faults import DelayFault
from pinterest_emulator.http.operations import ApiRequest, match
from pinterest_emulator.http.pipeline import Answer, error_answer, respond, staged_answer
from pinterest_emulator.http.redaction import logged_body, logged_path, logged_query
from pinterest_emulator.http.request_log import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Receive, Scope, Send

    from pinterest_emulator.http.faults import Fault
    from pinterest_emulator.http.operations import Match, Operation
    from pinterest_emulator.http.state import EmulatorState


class Gateway:
    """Everything under one path."""

    def __init__(
        self, state: EmulatorState, base_path: str, operations: Sequence[Operation]
    ) -> None:
        """Serves those operations, whose paths are below `base_path`."""
        self._state = state
        self._base_path = base_path
        self._operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        state = self._state
        method, full_path = scope["method"], scope["path"]
        path = full_path.removeprefix(self._base_path)
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        found = match(self._operations, method, path)
        name = found.operation.name if found.operation else None
        reader = Request(scope, receive)
        try:
            body = await reader.body()
        except ClientDisconnect:
            return  # Half a request does nothing, so the log does not have it.
        entry = state.log.arrive(
            Entry(
                method=method,
                path=logged_path(full_path),
                query=logged_query(full_path, query),
                operation=name,
                body=logged_body(full_path, body),
                received_at=state.clock.now(),
            )
        )
        try:
            request = ApiRequest(
                method=method,
                path=path,
                query=query,
                body=body,
                authorization=reader.headers.get("authorization", ""),
                content_type=reader.headers.get("content-type", ""),
                origin=f"{reader.url.scheme}://{reader.url.netloc}",
            )
            await asyncio.sleep(state.settings.latency_ms / 1000)
            fault = state.faults.pick(
                name, method, full_path, paged=bool(found.operation and found.operation.paged)
            )
            entry.fault = fault.kind if fault else None
            await self._serve(entry, request, found, fault, (scope, receive, send))
        finally:
            state.log.leave(entry)

    async def _serve(
        self,
        entry: Entry,
        request: ApiRequest,
        found: Match,
        fault: Fault | None,
        asgi: tuple[Scope, Receive, Send],
    ) -> None:
        scope, receive, send = asgi
        kind = fault.kind if fault else None
        if kind == "drop_before":
            await protocol.reset(scope, receive)
            return
        answer = staged_answer(self._state, found, fault) if fault else None
        if answer is None:
            answer = respond(self._state, request, found, fault)
        if isinstance(fault, DelayFault):
            # After the work, so that a client that gives up loses the response but not the effect.
            await asyncio.sleep(fault.seconds)
        if kind == "drop_after":
            await protocol.reset(scope, receive)
            return
        if kind == "truncate":
            await _send_half(answer, send)
            await protocol.cut(scope, receive)
            return
        if kind == "error_after":
            answer = error_answer(self._state, errors.internal_error())
        entry.status = answer.status
        await _response(answer)(scope, receive, send)


def _response(answer: Answer) -> Response:
    return Response(answer.content, answer.status, answer.headers)


async def _send_half(answer: Answer, send: Send) -> None:
    headers = _response(answer).raw_headers
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    half = answer.content[: len(answer.content) // 2]
    await send({"type": "http.response.body", "body": half, "more_body": True})
