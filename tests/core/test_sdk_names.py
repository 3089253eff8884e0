"""Private names of the SDK: few modules use them, and the SDK still has them."""

from __future__ import annotations

import ast
import importlib
import inspect
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("pinterest_audiences", "tap_pinterest_audiences", "target_pinterest_audiences")
PRIVATE = {
    "pinterest_audiences.plugin": {
        "PinterestPlugin._config",
        "PinterestPlugin._env_var_config",
        "PinterestPlugin._get_about_info",
        "PinterestPlugin._env_var_prefix",
        "PinterestPlugin._setup_signal_handlers",
        "PinterestPlugin._validate_config",
        "singer_sdk.configuration._dict_config.parse_environment_config",
    },
    "tap_pinterest_audiences.messages": {
        "CustomStreamMap._eval",
        "MessageStream._generate_record_messages",
        "MessageStream._increment_stream_state",
        "MessageStream._stream_version",
        "MessageStream._write_activate_version_message",
        "MessageStream._write_batch_message",
        "MessageStream._write_record_message",
        "MessageStream._write_schema_message",
        "MessageStream._write_state_message",
    },
    "target_pinterest_audiences.target": {
        "TargetPinterestAudiences._handle_max_record_age",
        "TargetPinterestAudiences._latest_state",
        "TargetPinterestAudiences._process_activate_version_message",
        "TargetPinterestAudiences._process_batch_message",
        "TargetPinterestAudiences._process_record_message",
        "TargetPinterestAudiences._process_schema_message",
        "TargetPinterestAudiences._process_state_message",
        "TargetPinterestAudiences._sinks_active",
        "TargetPinterestAudiences._write_state_message",
    },
}
"""By module: the private names that it may use."""
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if path.stem not in {"__init__", "__main__"}
)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def names_in(code: type) -> set[str]:
    """Return the private names that a class of the SDK has: its own, and its instances'."""
    found = {name for name in vars(code) if is_private(name)}
    for node in ast.walk(ast.parse(inspect.getsource(code).strip())):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    return {name for name in found if is_private(name)}


def used_in(module: str) -> set[str]:
    """Return the private names of the SDK that a module uses."""
    loaded = importlib.import_module(module)
    found = set()
    for node in ast.walk(ast.parse(inspect.getsource(loaded))):
        match node:
            case ast.ImportFrom(module=str(source), names=names) if source.startswith("singer_sdk"):
                for alias in names:
                    if any(is_private(part) for part in (*source.split("."), alias.name)):
                        found.add(f"{source}.{alias.name}")
            case ast.Attribute(value=ast.Name(id=owner), attr=attribute) if is_private(attribute):
                known = getattr(loaded, owner, None)
                if inspect.isclass(known) and known.__module__.startswith("singer_sdk"):
                    found.add(f"{owner}.{attribute}")
            case ast.ClassDef(name=name):
                bases = inspect.getmro(getattr(loaded, name))
                sdk = [base for base in bases if base.__module__.startswith("singer_sdk")]
                private = set().union(*map(names_in, sdk))
                for inner in ast.walk(node):
                    used = inner.attr if isinstance(inner, ast.Attribute) else None
                    used = inner.name if isinstance(inner, ast.FunctionDef) else used
                    if used in private:
                        found.add(f"{name}.{used}")
    return found


@pytest.mark.parametrize("module", MODULES)
def test_private_sdk_names_are_used_in_one_module_of_a_package(module: str) -> None:
    if "spark" in module:
        pytest.importorskip("pyspark")
    assert used_in(module) == PRIVATE.get(module, set())
