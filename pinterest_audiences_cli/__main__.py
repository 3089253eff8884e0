"""Run `pinterest-audiences` as a program."""

from __future__ import annotations

import logging
import os

import click

from pinterest_audiences.plugin import ignore_signals_during_shutdown
from pinterest_audiences_cli.login import login
from pinterest_audiences_cli.logout import logout
from pinterest_audiences_cli.members import members
from pinterest_audiences_cli.status import status


@click.group()
@click.version_option(package_name="pinterest-audiences")
def cli() -> None:
    """Pinterest's audiences, from the command line."""
    logging.basicConfig(
        level=os.environ.get("LOGLEVEL", "INFO").upper(),
        format="{asctime} | {levelname:8} | {name} | {message}",
        style="{",
    )


cli.add_command(login)
cli.add_command(logout)
cli.add_command(members)
cli.add_command(status)


def main() -> None:
    """Run it with this process's command line."""
    with ignore_signals_during_shutdown():
        cli()


if __name__ == "__main__":
    main()
