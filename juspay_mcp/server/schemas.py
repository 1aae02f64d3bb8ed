"""JSON schemas of the tool's models, as small as they can be said: every conversation pays for them."""

from typing import Literal

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
    small = {key: value for key, value in schema.items() if key != "title"}
    if "enum" in small:
        small.pop("type", None)  # the values themselves show it
    if "properties" in small:
        small.pop("description", None)
        small["properties"] = {name: _compact(each, definitions) for name, each in small["properties"].items()}
    if "items" in small:
        small["items"] = _compact(small["items"], definitions)
    return small
