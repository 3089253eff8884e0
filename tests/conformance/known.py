"""Intended differences of the emulator from Pinterest's description, with reasons."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

SEEN_LIVE = "seen live 2026-07"
INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class Known:
    """An intended difference; ``*`` in the first three fields matches anything.

    Attributes:
        operation: Pinterest's name of it.
        where: ``request``, ``operation``, or ``answer`` and its status.
        what: The difference, as the check prints it.
        evidence: How well it is known that Pinterest does so.
        reason: The known facts.
    """

    operation: str
    where: str
    what: str
    evidence: str
    reason: str

    def covers(self, operation: str, where: str, what: str) -> bool:
        """Return whether a difference is this one."""
        return all(
            fnmatchcase(said, pattern.replace("[]", "[[]]"))
            for said, pattern in (
                (operation, self.operation),
                (where, self.where),
                (what, self.what),
            )
        )


KNOWN = (
    Known(
        operation="audiences/create_custom",
        where="answer 20?",
        what="is_nca is not described",
        evidence=INFERRED,
        reason="what it creates is taken to be answered like any audience that was just created",
    ),
    Known(
        operation="audiences/*",
        where="answer 20?",
        what="*is_nca is not described",
        evidence=SEEN_LIVE,
        reason="in every answer about an audience; the description has it since 5.28",
    ),
    Known(
        operation="audiences/list",
        where="answer 200",
        what="items[].is_ctv_enabled is not described",
        evidence=SEEN_LIVE,
        reason="in lists of audiences only; in no description",
    ),
    Known(
        operation="customer_lists/list",
        where="answer 200",
        what="items[].is_nca is not described",
        evidence=SEEN_LIVE,
        reason="in lists of customer lists only; the description has it since 5.28",
    ),
    Known(
        operation="shared_audiences_for_business/list",
        where="answer 200",
        what="items[].is_* is not described",
        evidence=INFERRED,
        reason="an audience in this list is taken to be like one in audiences/list",
    ),
    Known(
        operation="ad_accounts/list",
        where="answer 200",
        what="items[].time_zone is not described",
        evidence=SEEN_LIVE,
        reason="on some ad accounts",
    ),
    Known(
        operation="ad_accounts/get",
        where="answer 200",
        what="time_zone is not described",
        evidence=INFERRED,
        reason="an ad account alone is taken to be like one in ad_accounts/list",
    ),
    Known(
        operation="*audiences*",
        where="answer 20?",
        what="*rule*: '*' is a required property",
        evidence=SEEN_LIVE,
        reason="a rule comes back with the fields that were sent; in the description all of "
        "them are optional",
    ),
    Known(
        operation="token/revoke",
        where="operation",
        what="is not described",
        evidence=INFERRED,
        reason="the whole description has it since 5.16; one that was cut down to audiences may "
        "leave it out",
    ),
    Known(
        operation="user_account/get",
        where="operation",
        what="is not described",
        evidence=INFERRED,
        reason="the whole description has it; one that was cut down to audiences may leave it out",
    ),
)
