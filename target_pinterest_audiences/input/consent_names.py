"""What a column says about a person's consent, by its name alone. No I/O in here.

A name is read as words: ``hasOptedOutOfEmail`` and ``Has Opted Out Of Email`` are
``has_opted_out_of_email``. A phrase counts at the beginning of a word, or after words of ``_TOPIC``
and ``_IS``: a name in capitals, such as ``HASOPTEDOUTOFEMAIL``, is one word. What can mean nothing
else counts inside of words too.
"""

from __future__ import annotations

import enum
import functools
import re
import unicodedata

from target_pinterest_audiences.input.column_names import squeezed, without_bom
from target_pinterest_audiences.input.deletions import suspect

_MOST_NAMES = _MOST_TEXTS = 10_000


class Meaning(enum.Enum):
    """What a column says."""

    OPT_OUT = enum.auto()
    """That the person does not want to be uploaded, unless it is blank or false."""
    OPT_IN = enum.auto()
    """That the person wants to be uploaded, if it is true, a date or a word such as "granted"."""
    LINK = enum.auto()
    """Where the person may opt out: only a plain "yes", or a date, counts."""
    DETAIL = enum.auto()
    """Something about an answer, or the answer itself: only a plain "no" counts."""
    STATUS_OF_PERSON = enum.auto()
    """One word of several, such as "active" and "unsubscribed"."""
    STATUS = enum.auto()
    """The same of something else, such as an order, or the state of an address."""


_TOPIC = (
    "(?:(?:e_?mail|sms|push|phone|marketing|newsletter|ad|advertising|(?:re)?targeting|tracking"
    "|profiling|personali[sz]ation|pinterest)s?_?)"
)
_IS = (
    "(?:(?:is|has|was|wants|receives?|the|all|user|customer|contact|person|subscriber|member|account"
    "|profile|properties|property|data|global|gdpr|dsgvo|rgpd|ccpa|cpra|privacy|double|single"
    f"|hs)s?_?|{_TOPIC})*"
)
_WHEN = "_?(?:(?:at|on|date|time|timestamp|flag|ind|indicator|yn|status|state|value|reason)_?)*"
_USE = (
    "(?:contact|sell|share|e?mail|market|re?_?target|track|advertise?|process|call|upload|use|send"
    "|disturb|phone|text|sms|personali|profil|solicit|store|receive|bulk|postal|fax)"
)
_REACH = "(?:contact|e_?mail|market|re?_?target|track|advertise?|upload)"
_ASKED = (
    "(?:consent|opt(?:ed|ing)?_?in|subscribed|permission|permitted|agreed|accepted|allowed"
    "|contactable|e?mailable|marketable|confirmed)"
)
_TAKEN_BACK = (
    "(?:withdr[ae]w|revo[ck]|denied|refus|declin|reject|expired|missing|lapsed|ended|cancel|remove"
    "|delete|lost|invalid|(?<![a-z])(?:not|never|none|no_longer|without)(?![a-z]))"
)
_IN = "(?:consent|(?<!ad)opt(?:ed|ing)?in)"
"""Of one word, so nothing else has it."""

_NOT = "(?<![a-z])(?:no|not|non|never|without)_?"
_MUST_NOT = (
    "(?:(?:do|can|may|must|should|shall|will)_?not|(?:don|can|won|mustn|shouldn)_?t)_?(?:be_?)?"
)

_OUT = (
    r"opt(?:s|ed|ing)?_?outs?(?!come|put)|unsub(?!mit|stan)|suppress(?!or)"
    r"|(?:black|block|deny|stop)_?list"
    rf"|{_MUST_NOT}{_USE}|(?:not|never)_?(?:to_?)?(?:be_?)?{_REACH}|disallow|non_?contactable|object(?:ed|ion)(?![a-z])"
    r"|spam_?compl\w*|complained|marked_\w*spam|erasure|erased|forget_?me|be_?forgotten|should_?forget"
    r"|forgotten(?!_?pass)|anonymi[sz]|limit(?:ed)?_?ads?(?:_?track|_?target|_?vert|(?![a-z]))"
    r"|global_?privacy_?control"
    rf"|(?:no|not|non|un|without|never|lacks?)_?(?:yet_?)?{_IS}{_ASKED}"
    rf"|(?:excluded?|exclusion)_?(?:from_?)?{_TOPIC}|{_TOPIC}(?:excluded|exclusion)"
    rf"|(?:stop(?:ped)?|suspend(?:ed)?|disabled?|block(?:ed)?)_?{_TOPIC}"
    rf"|{_TOPIC}(?:stopped|suspended|disabled|blocked|paused|prohibited|forbidden|withdrawn|revoked"
    r"|denied|refused|declined|rejected)"
)
"""Phrases for "no"."""

_PHRASE = rf"(?<![a-z]){_IS}"
_OPT_OUT = re.compile(
    rf"(?<!ad)opt(?:ed|ing)?out(?!come|put|door)|unsubscri|{_IN}\w*{_TAKEN_BACK}"
    rf"|(?:no|not|non|un|dis|without|never){_IN}|{_TAKEN_BACK}\w*(?:{_IN}|opt(?:ed|ing)?_in)"
    rf"|{_PHRASE}(?:{_OUT}|{_ASKED}\w*{_TAKEN_BACK}|{_TAKEN_BACK}\w*_?{_IS}{_ASKED}"
    r"|(?:gdpr|dsgvo|rgpd|ccpa|privacy)_?(?:delete|deletion)|(?:delete|deletion)_?request"
    r"|request(?:ed)?_?(?:delete|deletion))"
)
_ALL_OPT_OUT = re.compile(
    rf"{_IS}(?:dnc|dnd|dns|dnm|gpc|blocked|banned|revoked|withdrawn|denied|refused|declined"
    rf"|deceased|excluded?|no(?:ne)?_?(?:{_USE}\w*|{_TOPIC})){_WHEN}"
)
_NOT_OUT = re.compile(
    rf"{_NOT}{_IS}(?:opt(?:s|ed|ing)?_?out(?!come|put)|unsub(?!mit|stan)|suppress|(?:black|block)_?list)"
)
_OPT_IN = re.compile(
    rf"{_IN}|{_PHRASE}(?:consent|opt(?:s|ed|ing)?_?in(?![a-z])|(?:can|may)_?(?:be_?)?{_USE}"
    rf"|accept(?:s|ed)?_?(?:of_?)?{_TOPIC}|{_TOPIC}(?:accepted|allowed|agreed|permitted|enabled)"
    rf"|allow(?:s|ed)?_?(?:to_?)?(?:{_USE}|{_TOPIC})|agree(?:s|d)?_?(?:to_?)?{_TOPIC}"
    rf"|(?:contact|market|e?mail)able|{_TOPIC}permission|permission_?to"
    r"|ad_?personali|ad_?user_?data|ad_?storage|personali[sz]ed_?ads)"
)
_ALL_OPT_IN = re.compile(
    rf"{_IS}(?:subscribed?(?:_?to)?_?{_IS}|permission(?:_?given|_?granted)?){_WHEN}"
)
_DETAIL = re.compile(
    r"\w*(?:_|consent|optin)(?:source|version|ip(?:_?address)?|id|uuid|token|method|channel|url|link|page|form"
    r"|language|locale|country|type|by|ref(?:erence)?|name|document|string|note|comment|hash|key"
    r"|(?:updated|modified|created)(?:_?at|_?on)?|expir(?:es|y)(?:_?at|_?on|_?date)?)"
)
_CONSENT_TEXT = re.compile(r"\w*consent_?text")
_LINK = re.compile(r"\w*(?:unsubscribe|opt_?out)_?(?:url|link|token|hash|key|page)")
_ANSWER = re.compile(
    rf"{_IS}(?:newsletters?|marketing|permissions?|gdpr|dsgvo|rgpd|ccpa|privacy)"
    rf"_?{_IS}(?:ok|agreed|accepted)?{_WHEN}"
)
_STATUS = re.compile(r"\w*(?:status|state)")
_STATUS_OF_PERSON = re.compile(
    rf"{_IS}(?:subscription_?|lifecycle_?)?status|(?:marketing|subscription|consent)_?state"
)

_NO = re.compile(_OUT)


def words(name: str) -> str:
    """Return the words of a name, in lower case, with ``_`` between them."""
    text = unicodedata.normalize("NFKC", without_bom(name))
    text = re.sub(r"__p?c\s*$", "", text)  # Salesforce ends a team's own fields so
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    return re.sub(r"[\W_]+", "_", text).strip("_").casefold()


@functools.lru_cache(_MOST_TEXTS)
def refusal(text: str) -> str | None:
    """Return the part of a text, such as a status, that says "no"; None if there is none."""
    found = _NO.search(words(text))
    return found[0] if found else None


@functools.lru_cache(_MOST_NAMES)
def meaning(column: str) -> Meaning | None:
    """Return what a column says; None if nothing.

    Args:
        column: Its name. The names of columns that contain it, if any, are before it, with dots or
            two underscores between them. A deletion mark in there may be the person's, too.
    """
    inner = re.split(r"\.|__(?!p?c\s*$)", column.rstrip("."))[-1]
    if inner != column and suspect(squeezed(inner)):
        return Meaning.OPT_OUT
    return _meaning(words(column)) or _meaning(words(inner))


def _meaning(name: str) -> Meaning | None:
    if _NOT_OUT.search(name):
        return Meaning.OPT_IN
    if _OPT_OUT.search(name) or _ALL_OPT_OUT.fullmatch(name):
        return Meaning.LINK if _LINK.fullmatch(name) else Meaning.OPT_OUT
    if _OPT_IN.search(name) or _ALL_OPT_IN.fullmatch(name):
        is_detail = _DETAIL.fullmatch(name) or _CONSENT_TEXT.fullmatch(name)
        return Meaning.DETAIL if is_detail else Meaning.OPT_IN
    if _ANSWER.fullmatch(name):
        return Meaning.DETAIL
    if _STATUS_OF_PERSON.fullmatch(name):
        return Meaning.STATUS_OF_PERSON
    return Meaning.STATUS if _STATUS.fullmatch(name) else None
