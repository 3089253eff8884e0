"""The command line, signals and settings of both plugins.

Only this module of the core uses private names of the SDK.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import ConfigValidationError
from singer_sdk.plugin_base import PluginBase
from typing_extensions import override

from pinterest_audiences.about import about_text
from pinterest_audiences.api.hooks import NO_HOOKS, Hooks
from pinterest_audiences.console import colour_log, hide_metrics
from pinterest_audiences.errors import EXIT_SIGNAL, SettingsError, one_line_errors
from pinterest_audiences.setting_values import (
    check_names,
    in_one_form,
    read_variables,
    unread_variables,
    variable_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import FrameType

    import click

    from pinterest_audiences.config import AuthGroup


class ConfigInput(Protocol):
    """What the SDK makes of the ``--config`` options."""

    config: dict[str, Any]
    parse_env: bool


_ASK_AGAIN_SECONDS = 0.01
_OF_EITHER_PLUGIN = frozenset({"ad_account_id", "ad_account_ids"})
"""A tap and a target may share a file of settings."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(SystemExit):
    """A signal asked the program to end: as one that a signal ended, not as a success.

    Attributes:
        signum: Number of the signal.
    """

    def __init__(self, signum: int) -> None:
        """End with the exit code that stands for the signal."""
        super().__init__(EXIT_SIGNAL + signum)
        self.signum = signum


def run_program(plugin: type[PinterestPlugin], args: list[str] | None = None) -> None:
    """Run a plugin as the program of this process, which then owns its signals.

    A program that calls ``invoke`` instead, such as an orchestrator, keeps its own handlers.

    Args:
        plugin: The tap or the target.
        args: The command line, or None for this process's own.
    """
    with ignore_signals_during_shutdown():
        command = plugin.cli
        colour_log()
        command(args)


@contextlib.contextmanager
def ignore_signals_during_shutdown() -> Iterator[None]:
    """Handle each signal while there is something to do, and none once all is done.

    What is left then is Python's own end, within milliseconds.
    """
    unraisable, sys.unraisablehook = sys.unraisablehook, _ask_again
    for number in _SIGNALS:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        sys.unraisablehook = unraisable


def _stop(signum: int, _frame: FrameType | None) -> None:
    """Leave whatever is being done.

    Nothing is finished in here: what a signal interrupts may hold a lock, or be half-way
    through the very thing that would be done again.

    Raises:
        Terminated: Always.
    """
    raise Terminated(signum)


def _ask_again(lost: sys.UnraisableHookArgs) -> None:
    """Send a signal again that came where nothing can be left, as while an object is destroyed.

    Python would print a traceback there, and the run would go on as if nothing had been asked.
    """
    if isinstance(lost.exc_value, Terminated):
        again = (os.getpid(), lost.exc_value.signum)
        threading.Timer(_ASK_AGAIN_SECONDS, os.kill, again).start()
    else:
        sys.__unraisablehook__(lost)


class PinterestPlugin(PluginBase):
    """A plugin that reports each error in one line and by an exit code."""

    auth_groups: ClassVar[tuple[AuthGroup, ...]]
    """The ways to authenticate, the most lasting one first."""

    _variables: Mapping[str, str] = MappingProxyType({})
    """By setting: the environment variable that gave its value."""

    def __init__(self, *args: Any, hooks: Hooks = NO_HOOKS, **kwargs: Any) -> None:  # noqa: ANN401
        """Make a plugin as the SDK does, with ``hooks`` in its connection with Pinterest."""
        self.hooks = hooks
        super().__init__(*args, **kwargs)
        hide_metrics(os.environ, self.metrics_logger)

    @classmethod
    @override
    def print_about(cls, output_format: str | None = None) -> None:
        """Print what the plugin is and all that can be set."""
        if output_format in {None, "text"}:
            print(about_text(cls._get_about_info()))  # noqa: T201  (for a person)
        else:
            super().print_about(output_format)

    @classmethod
    def configured(cls, config: ConfigInput | None, **kwargs: Any) -> Self:  # noqa: ANN401
        """Return a plugin with the settings of the command line.

        Raises:
            SettingsError: If a variable asks for a dry run, but the command line does not read it.
        """
        plugin = cls(
            config=config.config if config else None,
            parse_env_config=bool(config and config.parse_env),
            **kwargs,
        )
        is_env = bool(config and config.parse_env)
        plugin.check_names(os.environ if is_env else ())
        if not is_env:
            plugin.report_unread_variables()
        return plugin

    def check_names(self, environment: Iterable[str]) -> None:
        """Report settings that do not exist.

        Args:
            environment: The names of the environment variables that are read.

        Raises:
            SettingsError: If one is a misspelt setting.
        """
        prefix, known = self._env_var_prefix, self.config_jsonschema["properties"]
        variables = (name.removeprefix(prefix) for name in environment if name.startswith(prefix))
        # Meltano's own variables have another underscore after the prefix.
        given = (name.lower() for name in variables if not name.startswith("_"))
        names = {*self.config} - _OF_EITHER_PLUGIN | {*given}
        if unused := check_names(sorted(names), known):
            self.logger.info("Not used, because there are no such settings: %s", ", ".join(unused))

    def report_unread_variables(self) -> None:
        """Warn of environment variables that mean something else than the settings used.

        Raises:
            SettingsError: If one asks for a dry run, because this run would write.
        """
        found = unread_variables(
            self.config_jsonschema, self.config, os.environ, self._env_var_prefix
        )
        if "dry_run" in found and not self.config["dry_run"]:
            msg = (
                f"Settings: dry_run: the environment variable {found['dry_run']} is set, but only "
                "--config ENV reads it: add --config ENV, or remove the variable"
            )
            raise SettingsError(msg)
        for variable in found.values():
            self.logger.warning(
                "The environment variable %s is not used: only --config ENV reads it", variable
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
                msg = f"--config: {', '.join(value)} cannot be read"
                raise SettingsError(msg) from None
            except (ValueError, TypeError):
                msg = f"--config: {', '.join(value)} is not a JSON object"
                raise SettingsError(msg) from None

    @property
    @override
    def _env_var_config(self) -> dict[str, Any]:
        """The settings in the environment, of which the SDK would guess what it does not know."""
        self.append_builtin_config(self.config_jsonschema)
        # As text only: the SDK reads what it does not know as false.
        as_text = {name: {"type": "string"} for name in self.config_jsonschema["properties"]}
        texts = parse_environment_config({"properties": as_text}, self._env_var_prefix)
        found = read_variables(self.config_jsonschema, texts, self._env_var_prefix)
        self._variables = {name: variable_of(name, self._env_var_prefix) for name in found}
        return found

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings as the SDK does; one that is null is one that is not set.

        Raises:
            ConfigValidationError: If one cannot be right.
        """
        self._config = {name: value for name, value in self._config.items() if value is not None}
        try:
            errors = super()._validate_config(raise_errors=raise_errors)
        except ConfigValidationError as error:
            error.errors = [self._with_variable(each) for each in error.errors]
            raise
        for name, schema in self.config_jsonschema["properties"].items():
            try:
                if name in self._config:
                    self._config[name] = in_one_form(self._config[name], schema)
            except ValueError as error:
                msg = self._with_variable(f"Settings: config['{name}'] {error}")
                raise SettingsError(msg) from None
        return errors

    def _with_variable(self, error: str) -> str:
        """Add to an error the environment variable that the value came from."""
        for name, variable in self._variables.items():
            if f"config['{name}']" in error:
                return f"{error} (environment variable {variable})"
        return error

    @override
    def _setup_signal_handlers(self) -> None:
        """Leave signals to the program around the plugin: the SDK would take them over."""
