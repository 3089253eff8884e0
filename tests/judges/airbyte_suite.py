"""Airbyte's own standard tests, over the console scripts. They run in `.venv-airbyte`.

The current folder is that of one connector, with its `metadata.yaml` and its
`acceptance-test-config.yml`.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from airbyte_cdk.models import (
    AirbyteCatalog,
    AirbyteMessage,
    AirbyteMessageSerializer,
    ConnectorSpecification,
    Type,
)
from airbyte_cdk.sources import Source
from airbyte_cdk.test.standard_tests import _spec_lint
from airbyte_cdk.test.standard_tests._catalog_checks import find_catalog_problems
from airbyte_cdk.test.standard_tests.docker_base import DockerConnectorTestSuite
from airbyte_cdk.test.standard_tests.source_base import SourceTestSuiteBase

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Mapping


NAME = Path.cwd().name
PROGRAM = Path(os.environ["CONNECTORS"], NAME)


class Script(Source):
    """A source of Airbyte's kit that asks the console script for everything."""

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:
        del logger
        return next(each.spec for each in self._run("spec") if each.type == Type.SPEC)

    def check(self, logger: logging.Logger, config: Mapping[str, Any]) -> Any:
        del logger
        messages = self._run("check", config=config)
        return next(each.connectionStatus for each in messages if each.connectionStatus)

    def discover(self, logger: logging.Logger, config: Mapping[str, Any]) -> AirbyteCatalog:
        del logger
        messages = self._run("discover", config=config)
        return next(each.catalog for each in messages if each.catalog)

    def read(
        self,
        logger: logging.Logger,
        config: Mapping[str, Any],
        catalog: Any,
        state: Any = None,
    ) -> Iterable[AirbyteMessage]:
        del logger, state
        yield from self._run("read", config=config, catalog=catalog)

    @staticmethod
    def read_catalog(catalog_path: str) -> Any:
        """Leave the file as it is: it may be a bad one, on purpose."""
        return Path(catalog_path).read_text(encoding="utf-8")

    @staticmethod
    def _run(verb: str, **files: Any) -> list[AirbyteMessage]:
        command = [str(PROGRAM), verb]
        with tempfile.TemporaryDirectory() as folder:
            for option, content in files.items():
                path = Path(folder, option)
                text = content if isinstance(content, str) else orjson.dumps(content).decode()
                path.write_text(text)
                command += [f"--{option}", str(path)]
            env = {**os.environ, "HOME": folder}
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        lines = done.stdout.splitlines()
        return [AirbyteMessageSerializer.load(orjson.loads(line)) for line in lines]


class TestImage(DockerConnectorTestSuite):
    """What Airbyte checks of an image."""


if NAME.startswith("source-"):

    class TestSource(SourceTestSuiteBase):
        """What Airbyte checks of a source."""

        connector = Script

    def test_catalog_has_none_of_the_problems_that_are_only_warned_of() -> None:
        config = json.loads(Path("config.json").read_text(encoding="utf-8"))
        catalog = Script().discover(None, config)
        assert find_catalog_problems(catalog) == {}


def test_secrets_are_marked() -> None:
    spec = Script().spec(None)
    assert _spec_lint.find_secret_marking_errors(spec.connectionSpecification) == []
