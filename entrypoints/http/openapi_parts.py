"""What a row of the table of routes is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twap.entrypoints.http.openapi_schemas import TEXT, Schema, ref


@dataclass(frozen=True, slots=True)
class Answer:
    """content, headers: as in an OpenAPI response object."""

    description: str
    content: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """name: of the endpoint in the app; token: a bearer token is needed; body: schema name and example;
    errors: beyond those that every route of its kind has."""

    method: str
    path: str
    name: str
    tag: str
    summary: str
    answers: Mapping[int, Answer]
    errors: Sequence[int] = ()
    token: bool = False
    body: tuple[str, Any] | None = None
    parameters: Sequence[Schema] = ()


def json_answer(
    schema: str, example: Any, description: str = "As asked", headers: Mapping[str, Any] | None = None
) -> Answer:
    content = {"application/json": {"schema": ref(schema), "example": example}}
    return Answer(description, content, headers or {})


def text_answer(content_type: str, example: str, description: str) -> Answer:
    return Answer(description, {content_type: {"schema": TEXT, "example": example}})


def path_parameter(name: str, schema: Schema, example: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}


def query_parameter(name: str, schema: Schema, description: str, required: bool = False) -> Schema:
    return {
        "name": name,
        "in": "query",
        "required": required,
        "schema": schema,
        "description": description,
    }


ETAG = {"ETag": {"description": "Send it back in If-None-Match", "schema": TEXT}}
LINK = {"Link": {"description": 'The next page: `</orders?cursor=…>; rel="next"`', "schema": TEXT}}
UNCHANGED = Answer("What the client has is still so", headers=ETAG)
NOTHING = Answer("Done")
PARAMETER: Schema = {"type": "string", "minLength": 1, "maxLength": 256}
