"""Requests for a user's consent, and the codes that the user's consent gives."""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Generic, TypeVar

from pinterest_emulator import guesses

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Consent:
    """What an app asks a user for.

    Attributes:
        redirect_uri: Where the answer goes.
        scopes: Names such as `ads:read`.
        state: What the app wants to get back; None if it sent none.
    """

    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """A page that a browser shows.

    Attributes:
        consent: What it asks for.
        browser: A secret in a cookie of the browser that got the page.
    """

    consent: Consent
    browser: str


class _Once(Generic[T]):
    """Values by random keys; each is taken once, before it expires."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds
        self._values: dict[str, tuple[T, float]] = {}

    def put(self, value: T, now: float) -> str:
        """Keeps a value and returns its key."""
        self._values = {key: kept for key, kept in self._values.items() if kept[1] > now}
        key = token_urlsafe(32)
        self._values[key] = (value, now + self._seconds)
        return key

    def take(self, key: str, now: float) -> T | None:
        """The value of a key; None if there is none, or no longer."""
        value, expires_at = self._values.pop(key, (None, 0.0))
        return value if expires_at > now else None


class Consents:
    """The consents of one emulator. They are not saved."""

    def __init__(self) -> None:
        """Starts without any."""
        self._questions: _Once[Question] = _Once(guesses.CONSENT_PAGE_SECONDS)
        self._codes: _Once[Consent] = _Once(guesses.CODE_SECONDS)

    def ask(self, consent: Consent, browser: str, now: float) -> str:
        """Notes that a browser gets a page, and returns the key of the page's form."""
        return self._questions.put(Question(consent, browser), now)

    def answered(self, key: str, browser: str, now: float) -> Consent | None:
        """What a form answers; None if it did not come from a page that this browser got."""
        question = self._questions.take(key, now)
        if question is None or not compare_digest(question.browser.encode(), browser.encode()):
            return None
        return question.consent

    def issue_code(self, consent: Consent, now: float) -> str:
        """A code that can be exchanged once for tokens."""
        return self._codes.put(consent, now)

    def redeem(self, code: str, redirect_uri: str, now: float) -> Consent | None:
        """What a code allows; None if it is unknown, used, expired or of another redirect URI."""
        consent = self._codes.take(code, now)
        return consent if consent and consent.redirect_uri == redirect_uri else None
