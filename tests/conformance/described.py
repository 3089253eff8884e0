"""Finds keys of a response that a schema does not name. No I/O.

An OpenAPI schema allows unnamed keys, so a validator does not report them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Schema = dict[str, Any]
_JSON = "application/json"


class Description:
    """An OpenAPI 3.0 description."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Use ``document``, whose references stay inside it."""
        self._document = document

    def operations(self) -> dict[str, Schema]:
        """Return its operations by their ids."""
        return {
            operation["operationId"]: operation
            for path in self._document["paths"].values()
            for operation in path.values()
            if isinstance(operation, dict) and "operationId" in operation
        }

    def answer_schema(self, operation: str, status: int) -> Schema | None:
        """Return the schema of a JSON answer; None if there is none for that status."""
        found = self.operations().get(operation, {}).get("responses", {})
        answer = self._resolved(found.get(str(status)) or found.get("default") or {})
        schema: Schema | None = answer.get("content", {}).get(_JSON, {}).get("schema")
        return schema

    def unknown_keys(self, value: object, schema: Schema, place: str = "") -> Iterator[str]:
        """Yield the paths of the keys in ``value`` that ``schema`` does not name."""
        parts = [*self._parts(schema)]
        if isinstance(value, list):
            items = {"allOf": [part["items"] for part in parts if "items" in part]}
            for item in value:
                yield from self.unknown_keys(item, items, f"{place}[]")
        elif isinstance(value, dict):
            named = _properties(parts)
            is_open = not named or any("additionalProperties" in part for part in parts)
            for name, found in value.items():
                here = f"{place}.{name}".lstrip(".")
                if name in named:
                    yield from self.unknown_keys(found, {"allOf": named[name]}, here)
                elif not is_open:
                    yield here

    def _parts(self, schema: Schema) -> Iterator[Schema]:
        """Yield a schema and all schemas that it combines."""
        schema = self._resolved(schema)
        yield schema
        for word in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(word, ()):
                yield from self._parts(part)
        for reference in schema.get("discriminator", {}).get("mapping", {}).values():
            yield from self._discriminated(reference)

    def _discriminated(self, reference: str) -> Iterator[Schema]:
        part = self._resolved({"$ref": reference})
        yield part
        for inner in part.get("allOf", ()):
            # Usually the schema with the discriminator; its parts would recurse forever.
            yield {key: value for key, value in self._resolved(inner).items() if key != "allOf"}

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            found: Any = self._document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                found = found.get(step.replace("~1", "/").replace("~0", "~"), {})
            schema = found
        return schema


def _properties(parts: list[Schema]) -> dict[str, list[Schema]]:
    named: dict[str, list[Schema]] = {}
    for part in parts:
        for name, schema in part.get("properties", {}).items():
            named.setdefault(name, []).append(schema)
    return named
