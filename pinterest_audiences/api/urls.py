"""URLs to which secrets and people's identifiers may go.

Requests go over https. Plain http is for a server on this machine, and never uses a proxy.
"""

from __future__ import annotations

import ipaddress
import socket

import requests
from requests.exceptions import InvalidURL
from urllib3.exceptions import HTTPError
from urllib3.util import Url, parse_url

from pinterest_audiences.errors import SettingsError, redact


def checked_url(url: str, source: str) -> str:
    """Return a URL, without slash at its end, to which secrets and people's identifiers may go.

    Args:
        url: The URL.
        source: Where it comes from, for a person.

    Raises:
        SettingsError: If it is plain http to another machine, or no URL.
    """
    problem = _problem_of(url)
    if problem:
        msg = (
            f"{source} must begin with https:// (http:// is for a server on this machine only), "
            f"like https://api.pinterest.com/v5; {problem}"
        )
        raise SettingsError(msg)
    return url.rstrip("/")


def _problem_of(url: str) -> str | None:
    """Return what is wrong with a URL, as `requests` reads it: other readers see another host."""
    if not url.isprintable() or " " in url or "\\" in url:
        return "it has spaces, backslashes or characters that cannot be printed"
    prepared = requests.PreparedRequest()
    try:
        prepared.prepare_url(url, None)
        typed, parts = parse_url(url), parse_url(str(prepared.url))
    except (InvalidURL, requests.exceptions.MissingSchema, HTTPError, ValueError):
        return "it is no URL, or its host or port is not valid"
    if parts.scheme not in {"http", "https"} or not parts.host:
        return "it names no host" if parts.scheme == "https" else f"it begins with {parts.scheme}"
    return _problem_of_host(parts, typed.port)


def _problem_of_host(parts: Url, port: int | None) -> str | None:
    host = str(parts.host)
    try:
        host.encode("idna")
    except UnicodeError:
        return f"its host name {redact(host)} has an empty part, or one that is too long"
    if port == 0:
        return "its port is 0"
    if parts.auth:
        return "it holds a user name or a password"
    if parts.scheme == "http" and not is_loopback(host):
        return f"{redact(host)} is not this machine"
    return None


def is_loopback(host: str) -> bool:
    """Return whether a host name or address always means this machine (RFC 1122 and 4291).

    Names such as ``shop.localhost`` do not: some resolvers ask a name server for them.
    """
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(name))  # short forms, such as 127.1
        except OSError:
            return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
