"""The HTML of the consent page. It needs no other file and no script."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MEANINGS = {
    "ads:read": "See your ad accounts, audiences and customer lists",
    "ads:write": "Create, change and remove audiences and customer lists",
    "biz_access:read": "See who has access to your business",
    "biz_access:write": "Change who has access to your business",
    "user_accounts:read": "See your user name and profile",
}

_STYLE = """
:root { color-scheme: light dark; --text: #1c1b1a; --soft: #5f5b56; --line: #dedad4;
  --page: #f4f1ec; --card: #fff; --main: #b3122d; --on-main: #fff }
@media (prefers-color-scheme: dark) { :root { --text: #f2efea; --soft: #b5afa7; --line: #3d3935;
  --page: #171513; --card: #23201d; --main: #ff8a9b; --on-main: #2b0008 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page) }
main { width: 100%; max-width: 27rem; padding: 2rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem }
p { margin: 0 0 1rem } .soft { color: var(--soft); font-size: .875rem }
h1 { margin: 0 0 1rem; font-size: 1.375rem; line-height: 1.3 }
ul { margin: 0 0 1.5rem; padding: 0; list-style: none; border-top: 1px solid var(--line) }
li { padding: .75rem 0; border-bottom: 1px solid var(--line) }
code { display: block; color: var(--soft); font-size: .8125rem; overflow-wrap: anywhere }
form { display: flex; gap: .75rem; margin-bottom: 1.5rem }
button { flex: 1; padding: .75rem 1rem; font: inherit; font-weight: 600; cursor: pointer;
  color: inherit; background: none; border: 1px solid var(--line); border-radius: 2rem }
button[value=allow] { color: var(--on-main); background: var(--main); border-color: var(--main) }
button:focus-visible { outline: 3px solid var(--soft); outline-offset: 2px }
"""


def question(client_id: str, user: str, scopes: Iterable[str], redirect_uri: str, key: str) -> str:
    """The page that asks the user.

    Args:
        client_id: Which app asks.
        user: Who is asked.
        scopes: What it asks for.
        redirect_uri: Where the answer goes.
        key: What the form sends back.
    """
    items = "".join(
        f"<li>{escape(_MEANINGS.get(scope, scope))}<code>{escape(scope)}</code></li>"
        for scope in scopes
    )
    return _document(
        f"Allow {client_id}?",
        f"""<p class="soft">Emulator of Pinterest. You are {escape(user)}.</p>
<h1>The app {escape(client_id)} wants to use your account</h1>
<ul>{items}</ul>
<form method="post" action="/oauth/">
<input type="hidden" name="request" value="{escape(key)}">
<button name="decision" value="decline">Decline</button>
<button name="decision" value="allow">Allow</button>
</form>
<p class="soft" style="margin:0">Your answer goes to<code>{escape(redirect_uri)}</code></p>""",
    )


def error(problem: str) -> str:
    """A page that says what is wrong with the request."""
    return _document(
        "Request refused",
        f"""<p class="soft">Emulator of Pinterest</p><h1>This request was refused</h1>
<p style="margin:0">{escape(problem)}</p>""",
    )


def _document(title: str, content: str) -> str:
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head>
<body><main>{content}</main></body></html>
"""
