"""Writes docs/api.md from the OpenAPI and AsyncAPI documents: `python docs/tools/api_document.py`."""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec

from twap.entrypoints.http import asyncapi, openapi, wire

TARGET = Path(__file__).parents[1] / "api.md"
HEAD = """\
# The API

Made from `/openapi.json` and `/asyncapi.json` by `docs/tools/api_document.py`; not to be changed by hand.

Numbers are exact decimals in plain digits; a number of a request may also be a string of digits. Times are
ISO 8601 in UTC with `Z`. Paths work with and without a slash at the end. Where a token is needed, send
`Authorization: Bearer TOKEN`. Errors are `application/problem+json` (RFC 9457).
"""
SHORT = 90
"""An example of up to so many characters stands on one line."""

Node = Mapping[str, Any]


def text() -> str:
    """The whole page."""
    http, ws = openapi.document(), asyncapi.document()
    blocks = [HEAD.strip()]
    for tag in http["tags"]:
        blocks.append(f"## {tag['name'].capitalize()}\n\n{tag['description']}.")
        for path, methods in http["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    blocks.extend(_operation(method.upper(), path, operation, http))
    blocks.extend(_web_socket(ws))
    blocks.extend(_errors(http["components"]["responses"]))
    blocks.extend(_schemas(http["components"]["schemas"]))
    return "\n\n".join(blocks) + "\n"


def _operation(method: str, path: str, operation: Node, document: Node) -> Iterator[str]:
    token = " Needs a token." if "security" in operation else ""
    summary = operation["summary"]
    stop = "" if summary.endswith("?") else "."
    yield f"### `{method} {path}`\n\n{summary}{stop}{token}"
    if parameters := operation.get("parameters"):
        yield _table(
            ("Parameter", "Type", "Meaning"),
            (
                (
                    _name(each),
                    _type(each["schema"]),
                    _meaning(each.get("description", "In the path"), each["schema"]),
                )
                for each in parameters
            ),
        )
    if "requestBody" in operation:
        media = operation["requestBody"]["content"]["application/json"]
        yield f"Body: {_type(media['schema'])}\n\n{_example(media['example'])}"
    errors = []
    for status, answer in operation["responses"].items():
        if "$ref" in answer:
            errors.append(f"[{status}](#errors)")
            continue
        yield f"**{status}** {answer['description']}"
        for kind, media in answer.get("content", {}).items():
            yield f"`{kind}`: {_type(media['schema'])}"
            if kind == "application/json" and media["example"]:
                yield _example(media["example"])
        for header, described in answer.get("headers", {}).items():
            yield f"Header `{header}`: {described['description']}"
    yield f"Errors: {', '.join(errors)}"


def _web_socket(document: Node) -> Iterator[str]:
    yield f"## WebSocket `/ws`\n\n{document['info']['description']}"
    for operation in document["operations"].values():
        yield f"### {operation['summary']}"
        for reference in operation["messages"]:
            name = reference["$ref"].rpartition("/")[2]
            message = document["components"]["messages"][name]
            yield f"**{name}**: {message['summary']}"
            yield _example(message["examples"][0]["payload"])


def _errors(responses: Node) -> Iterator[str]:
    yield "## Errors"
    examples = [each["content"]["application/problem+json"]["example"] for each in responses.values()]
    yield _table(
        ("Status", "Meaning", "For example"),
        (
            (
                f"{example['status']} {HTTPStatus(example['status']).phrase}",
                answer["description"],
                example["detail"],
            )
            for answer, example in zip(responses.values(), examples, strict=True)
        ),
    )
    invalid = next(example for example in examples if "errors" in example)
    yield f"The body of one, in full:\n\n{_example(invalid)}"


def _schemas(schemas: Node) -> Iterator[str]:
    yield "## Types\n\nA `?` marks a field that may be left out."
    for name, schema in schemas.items():
        yield f"### {name}"
        if schema["type"] != "object":
            yield _type(schema)
            continue
        if "description" in schema:
            yield f"{schema['description']}."
        yield _table(("Field", "Type", "Meaning"), _fields(schema))


def _fields(schema: Node, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Fields of objects in fields follow as `outer.inner`, those of their lists as `outer[].inner`."""
    for name, field in schema["properties"].items():
        mark = "" if name in schema.get("required", ()) else "?"
        default = f"default {field['default']}" if "default" in field else ""
        yield (
            f"`{prefix}{name}`{mark}",
            _type(field),
            "; ".join(filter(None, (field.get("description"), default))),
        )
        for inner, path in _inside(field, f"{prefix}{name}"):
            yield from _fields(inner, f"{path}.")


def _inside(field: Node, path: str) -> Iterator[tuple[Node, str]]:
    """The objects with fields that stand right in this field."""
    if "properties" in field:
        yield field, path
    if "items" in field:
        yield from _inside(field["items"], f"{path}[]")
    for choice in field.get("anyOf", ()):
        yield from _inside(choice, path)


def _meaning(description: str | None, schema: Node) -> str:
    default = f"default {schema['default']}" if "default" in schema else None
    return "; ".join(filter(None, (description, default)))


def _name(parameter: Node) -> str:
    return f"`{parameter['name']}`" + ("" if parameter.get("required") else "?")


def _type(schema: Node) -> str:
    """In words, for one cell of a table."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        kinds = [each.get("type") for each in schema["anyOf"]]
        if kinds == ["number", "string"]:
            return f"number{_bounds(schema['anyOf'][0])}"
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join("null" if each is None else f"`{each}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else "list"
    if isinstance(schema.get("additionalProperties"), Mapping):
        return f"object: name to {_type(schema['additionalProperties'])}"
    if schema.get("format") == "date-time":
        return "time"
    return f"{schema.get('type', 'any')}{_bounds(schema)}"


def _bounds(schema: Node) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if above is not None:
        return f" above {above}" + ("" if most is None or most > 10**9 else f", at most {most}")
    if schema.get("minLength", 0) > 1:
        return f" of {schema['minLength']} to {schema['maxLength']} characters"
    return "" if least is None else f" from {least}"


def _example(value: Any) -> str:
    encoded = wire.encode(value)
    lines = encoded if len(encoded) <= SHORT else msgspec.json.format(encoded, indent=2)
    return f"```json\n{lines.decode()}\n```"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines)


def main() -> None:
    TARGET.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
