"""Settings of one emulator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from pinterest_emulator import guesses

Spec: TypeAlias = Literal["5.18", "5.23", "5.28"]
Access: TypeAlias = Literal["standard", "trial", "unlimited"]
Seed: TypeAlias = Literal["demo", "empty"]
DefaultOwnership: TypeAlias = Literal["spec", "owned", "both"]
TooLargeStatus: TypeAlias = Literal[413, 400]

SPECS: tuple[Spec, ...] = ("5.18", "5.23", "5.28")
ACCESSES: tuple[Access, ...] = ("standard", "trial", "unlimited")
SEEDS: tuple[Seed, ...] = ("demo", "empty")
DEFAULT_OWNERSHIPS: tuple[DefaultOwnership, ...] = ("spec", "owned", "both")
TOO_LARGE_STATUSES: tuple[TooLargeStatus, ...] = (413, 400)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The behaviour of one emulator.

    Attributes:
        seed: What a new emulator contains.
        access: Which rate limits apply. `unlimited` sends the headers of `standard` as if
            every request were the first of its window, and never refuses one.
        spec: Version of Pinterest's OpenAPI description to follow.
        latency_ms: Milliseconds that every API request waits before it is processed.
        processing_seconds: Seconds, of the emulator's clock, until a new audience leaves
            INITIALIZING, a customer list PROCESSING and an upload RUNNING.
        revoke_old_refresh_token: Whether a refresh ends the refresh token that it used.
        default_ownership: What `audiences/list` shows without `ownership_type`: the audiences
            that the ad account owns, or these and those that it received. `spec` follows the
            description, see `lists_received_by_default`.
        most_body_bytes: The largest body of a `customer_lists/create` or `update`, in bytes; None
            for no limit. Pinterest documents no limit.
        too_large_status: HTTP status of the answer to a larger body.
        strict: Whether to refuse in a rule what the description of `spec` does not list. The live
            API may take more, and so does the emulator by default.
    """

    seed: Seed = "demo"
    access: Access = "standard"
    spec: Spec = "5.23"
    latency_ms: int = 0
    processing_seconds: int = 3600
    revoke_old_refresh_token: bool = True
    default_ownership: DefaultOwnership = "spec"
    most_body_bytes: int | None = None
    too_large_status: TooLargeStatus = 413
    strict: bool = False

    @property
    def has_custom_audiences(self) -> bool:
        """Whether `audiences/custom` exists (Pinterest OpenAPI: added in 5.8, gone in 5.20)."""
        return self.spec == "5.18"

    @property
    def has_uploads(self) -> bool:
        """Whether customer lists can be uploaded as files (Pinterest OpenAPI: added in 5.22)."""
        return self.spec != "5.18"

    @property
    def create_status(self) -> int:
        """HTTP status of a create: 201 since OpenAPI 5.28, 200 before (and live in 2026-07).

        5.28 has 200 beside 201 for audiences, customer lists and tokens.
        """
        return 201 if self.follows_5_28 else 200

    @property
    def follows_5_28(self) -> bool:
        """Whether to follow Pinterest OpenAPI 5.28."""
        return self.spec == "5.28"

    @property
    def lists_received_by_default(self) -> bool:
        """Whether `audiences/list` without `ownership_type` also shows received audiences.

        Pinterest OpenAPI 5.28 dropped the default OWNED; what replaces it is a guess.
        """
        if self.default_ownership == "spec":
            return self.follows_5_28 and guesses.NO_OWNERSHIP_DEFAULT_LISTS_BOTH
        return self.default_ownership == "both"
