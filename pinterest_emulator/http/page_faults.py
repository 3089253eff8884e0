"""Faults that change a page. No item is lost for a client that reads on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pinterest_emulator.http.paging import encode

if TYPE_CHECKING:
    from pinterest_emulator.http.faults import Fault
    from pinterest_emulator.http.paging import Page


def page_body(page: Page, fault: Fault | None) -> dict[str, Any]:
    """The JSON body of a page, changed by the fault if it is one of `PAGE_KINDS`."""
    kind = None if fault is None else fault.kind
    if kind == "empty_page":
        return _cut(page, 0)
    if kind == "short_page":
        return _cut(page, len(page.items) // 2)
    body = page.body()
    if kind == "no_bookmark_key" and body["bookmark"] is None:
        del body["bookmark"]
    if kind == "repeat_bookmark" and page.sent_bookmark:
        body["bookmark"] = page.sent_bookmark
    if kind == "extra_field":
        body["items"] = [{**item, "future_field": "from the future"} for item in page.items]
    return body


def _cut(page: Page, count: int) -> dict[str, Any]:
    short = page.first(count)
    return {"items": short.items, "bookmark": encode(short.end())}
