"""Customers, one in a hundred with an identifier that is easily read wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from people import digest

if TYPE_CHECKING:
    from collections.abc import Iterator

ODD: tuple[str | None, ...] = (
    "jose\u0301@shop.example",  # NFD
    "Jose\u0301.%d@Shop.example",
    "\u212aelvin.%d@shop.example",  # a Kelvin sign, in lower case a k
    "\u0130stanbul.%d@shop.example",  # a dotted capital I, in lower case two letters
    "\u00a0ann.%d@shop.example\u00a0",  # no-break spaces
    "\u3000ann.%d@shop.example",
    "\x1cann.%d@shop.example\x1f",
    "an\x00n.%d@shop.example",
    "\tann.%d@shop.example\n",
    "ann,bob.%d@shop.example",
    "ann@@shop.example",
    "ann.%d@shop..example",
    "ann.%d@",
    "@shop.example",
    "ann %d@shop.example",
    '"ann.%d@shop.example"',
    "<ann.%d@shop.example>",
    "mailto:ann.%d@shop.example",
    "'ann.%d@shop.example",
    "%%41nn@shop.example",
    "-ann.%d@shop.example",
    "a" * 250 + "@shop.example",
    digest("ann@shop.example").upper(),
    digest("ann@shop.example"),
    digest("ann@shop.example")[:63],
    digest(""),
    digest("n/a"),
    "N/A",
    "null",
    "TEST@test.com",
    " example@example.com ",
    "none@none.com",
    "",
    "   ",
    "\u200b",
    None,
)


def people(count: int) -> Iterator[str | None]:
    """Yield e-mails, one in a hundred odd; some people come twice."""
    for number in range(count):
        if number % 100 != 7:
            same = number - number % 1009 // 1008
            yield f"Person.{same}+news@Shop{same % 7}.example"
        else:
            odd = ODD[number // 100 % len(ODD)]
            yield odd % number if odd and "%d" in odd else odd
