"""The scenario's JSON Schema, for editors: keys, quantities and defaults as people write them."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from benchmark.scenario.model import Scenario


class _AsWritten(GenerateJsonSchema):
    """An optional key is left out, not set to null; the schema says no more than that."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        described = super().default_schema(schema)
        if described.get("default", ...) is None:
            del described["default"]
        return described


def json_schema() -> dict[str, Any]:
    """The schema of a scenario file, in JSON Schema draft 2020-12."""
    schema = Scenario.model_json_schema(by_alias=True, mode="validation", schema_generator=_AsWritten)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}
