"""How both plugins meet their user on the command line."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Any, Protocol, Self

from singer_sdk.plugin_base import PluginBase
from typing_extensions import override

from tap_pinterest_audiences.errors import EXIT_SIGNAL, SettingsError, one_line_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    import click


class ConfigInput(Protocol):
    """What the SDK makes of the ``--config`` options."""

    config: dict[str, Any]
    parse_env: bool


class Stopped(SystemExit):
    """A signal asked the program to end: as one that a signal ended, not as a success."""


@contextlib.contextmanager
def ending_in_peace() -> Iterator[None]:
    """Heed no signal once all is done: what is left is Python's own end, within milliseconds."""
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


class PinterestPlugin(PluginBase):
    """A plugin whose mistakes and endings are told in one line and an exit code."""

    @classmethod
    def configured(cls, config: ConfigInput | None, **kwargs: Any) -> Self:  # noqa: ANN401
        """Return a plugin with the settings of the command line."""
        return cls(
            config=config.config if config else None,
            parse_env_config=bool(config and config.parse_env),
            **kwargs,
        )

    @classmethod
    @override
    def cb_config(  # type: ignore[override]  # the SDK's own type is private
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> ConfigInput:
        """Read the files that ``--config`` names."""
        with one_line_errors(cls.logger):
            try:
                return super().cb_config(ctx, param, value)
            except OSError:
                msg = f"--config: {', '.join(value)} can not be read"
                raise SettingsError(msg) from None
            except (ValueError, TypeError):
                msg = f"--config: {', '.join(value)} is not a JSON object"
                raise SettingsError(msg) from None

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Leave whatever is being done.

        Nothing is finished in here: what a signal interrupts may hold a lock, or be half-way
        through the very thing that would be done again.

        Raises:
            Stopped: Always.
        """
        raise Stopped(EXIT_SIGNAL + signum)
