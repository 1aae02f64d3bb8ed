from typing import Annotated, Literal

from pydantic import MISSING, BaseModel, Field

from juspay_mcp.server.schemas import compact_schema


class Leaf(BaseModel):
    """A docstring that no model needs to read."""

    title: Annotated[str, Field(description="a field may be called title")]
    description: Annotated[int | MISSING, Field(title="A title", description="or description")] = MISSING


class Tree(BaseModel):
    """Another one."""

    kind: Literal["oak", "elm"]
    leaf: Leaf
    leaves: Annotated[list[Leaf] | MISSING, Field(description="in their order", max_length=3)] = MISSING


class Described(BaseModel):
    leaf: Annotated[Leaf, Field(description="its only one")]


LEAF = {
    "properties": {
        "title": {"description": "a field may be called title", "type": "string"},
        "description": {"description": "or description", "type": "integer"},
    },
    "required": ["title"],
    "type": "object",
}


def test_a_schema_has_its_fields_and_their_descriptions_and_no_more() -> None:
    assert compact_schema(Leaf, "validation") == LEAF


def test_models_in_a_model_stand_where_they_are_used() -> None:
    assert compact_schema(Tree, "serialization") == {
        "properties": {
            "kind": {"enum": ["oak", "elm"]},
            "leaf": LEAF,
            "leaves": {"description": "in their order", "items": LEAF, "maxItems": 3, "type": "array"},
        },
        "required": ["kind", "leaf"],
        "type": "object",
    }


def test_the_description_of_a_field_that_holds_a_model_stays() -> None:
    schema = compact_schema(Described, "validation")
    assert schema["properties"]["leaf"] == LEAF | {"description": "its only one"}
