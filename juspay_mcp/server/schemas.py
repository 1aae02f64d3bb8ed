"""JSON schemas of the tool's models, as small as they can be said: every conversation pays for them."""

from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaValue


def compact_schema(model: type[BaseModel], mode: Literal["validation", "serialization"]) -> JsonSchemaValue:
    """The model's schema without titles, docstrings and references; the fields' descriptions stay."""
    schema = model.model_json_schema(mode=mode)
    return _compact(schema, schema.pop("$defs", {}))


def _compact(schema: JsonSchemaValue, definitions: dict[str, JsonSchemaValue]) -> JsonSchemaValue:
    if "$ref" in schema:
        here = {key: value for key, value in schema.items() if key != "$ref"}
        return _compact(definitions[schema["$ref"].rpartition("/")[2]], definitions) | here
    return {key: _member(key, value, definitions) for key, value in schema.items() if not _is_noise(key, schema)}


def _member(key: str, value: Any, definitions: dict[str, JsonSchemaValue]) -> Any:  # noqa: ANN401 - any JSON
    if key == "properties":
        return {name: _compact(member, definitions) for name, member in value.items()}
    return _compact(value, definitions) if key == "items" else value


def _is_noise(key: str, schema: JsonSchemaValue) -> bool:
    # What an enum lists has a type already.
    return key == "title" or (key == "description" and "properties" in schema) or (key == "type" and "enum" in schema)
