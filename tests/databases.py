"""A real PostgreSQL for a ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from demo.parts import Postgres


def url_of(postgres: Postgres, **changes: Any) -> str:
    url = sa.URL.create(
        "postgresql+psycopg",
        username=postgres.user,
        password=postgres.password,
        host=postgres.host,
        port=postgres.port,
        database=postgres.database,
    )
    return url.set(**changes).render_as_string(hide_password=False)
