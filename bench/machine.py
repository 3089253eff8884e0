"""On what the results were measured: the machine and the versions of the contestants."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from bench.airbyte_sources import CAN_RUN_THEIRS
from bench.readers import python_of

_PACKAGES = {
    "bench-floor": ("requests", "msgspec", "polars"),
    "bench-template": ("singer-sdk",),
    "dlt": ("dlt",),
    "bench-client": ("pinterest-generated-client",),
    "airbyte-compare": ("airbyte-source-pinterest", "airbyte-cdk"),
}


def machine() -> dict[str, Any]:
    """Return what a reader needs to know of the machine, and nothing that names it."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gibibytes": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "os": platform.freedesktop_os_release()["PRETTY_NAME"],
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the contestants by package."""
    return {
        package: _version(environment, package)
        for environment, packages in _PACKAGES.items()
        if environment != "airbyte-compare" or CAN_RUN_THEIRS
        for package in packages
    }


def _version(environment: str, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    command = [python_of(environment), "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
