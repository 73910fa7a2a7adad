import re

import jsonschema
import pytest

from twap.entrypoints.http import asyncapi, openapi

DOCUMENT = openapi.document()
OPERATIONS = [
    (path, method, operation)
    for path, each in DOCUMENT["paths"].items()
    for method, operation in each.items()
]
NAMES = [f"{method.upper()} {path}" for path, method, _ in OPERATIONS]


def resolved(node, document):
    while "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def schema_of(node, document):
    """A schema that can be checked by itself."""
    return {**node, "components": document["components"]}


def references(node):
    if isinstance(node, dict):
        yield from ([node["$ref"]] if "$ref" in node else [])
        for each in node.values():
            yield from references(each)
    elif isinstance(node, list | tuple):
        for each in node:
            yield from references(each)


def test_openapi_when_compared_with_the_app_then_has_the_same_routes(api):
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in api.client.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if not rule.websocket and rule.rule != "/docs/assets/<name>"
    }
    assert {(path, method.upper()) for path, method, _ in OPERATIONS} == served


@pytest.mark.parametrize("document", [DOCUMENT, asyncapi.document()], ids=["openapi", "asyncapi"])
def test_document_when_it_refers_to_something_then_that_is_there(document):
    for reference in references(document):
        assert resolved({"$ref": reference}, document)


def test_openapi_when_its_schemas_are_read_then_they_are_json_schema():
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_openapi_when_its_operations_are_named_then_no_name_comes_twice():
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_operation_when_read_then_every_parameter_of_its_path_is_described(path, method, operation):
    described = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
    assert described == set(re.findall(r"{(\w+)}", path))


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=NAMES)
def test_operation_when_read_then_every_body_and_answer_has_an_example_that_fits(path, method, operation):
    contents = [resolved(each, DOCUMENT).get("content", {}) for each in operation["responses"].values()]
    contents.append(operation.get("requestBody", {}).get("content", {}))
    for content in contents:
        for media in content.values():
            jsonschema.validate(media["example"], schema_of(media["schema"], DOCUMENT))


@pytest.mark.parametrize("name", asyncapi.document()["components"]["messages"])
def test_message_when_read_then_its_example_fits(name):
    document = asyncapi.document()
    message = document["components"]["messages"][name]
    schema = schema_of(message["payload"], document)
    for example in message["examples"]:
        jsonschema.validate(example["payload"], schema)


def test_messages_of_the_server_when_checked_against_each_other_then_each_is_told_from_all_others():
    document = asyncapi.document()
    sent = [each["$ref"].split("/")[-1] for each in document["operations"]["fromServer"]["messages"]]
    messages = {name: document["components"]["messages"][name] for name in sent}
    for name, message in messages.items():
        for example in message["examples"]:
            fitting = [
                other
                for other, each in messages.items()
                if jsonschema.Draft202012Validator(schema_of(each["payload"], document)).is_valid(
                    example["payload"]
                )
            ]
            assert fitting == [name]


@pytest.mark.parametrize(("path", "version"), [("/openapi.json", "3.1.0"), ("/asyncapi.json", "3.0.0")])
async def test_document_when_asked_for_then_served_with_a_tag(api, path, version):
    response = await api.client.get(path)
    told = await response.get_json()
    assert version in (told.get("openapi"), told.get("asyncapi"))
    again = await api.client.get(path, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304


async def test_docs_when_opened_then_everything_comes_from_this_server(api):
    page = await (await api.client.get("/docs")).get_data(as_text=True)
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) == 4
    for file in files:
        response = await api.client.get(file)
        assert (file[0], response.status_code) == ("/", 200)
        assert len(await response.get_data(as_text=False)) > 100


async def test_docs_when_swagger_ui_is_served_then_it_knows_openapi_3_1(api):
    script = await (await api.client.get("/docs/assets/swagger-ui-bundle.js")).get_data(as_text=True)
    assert "OpenAPI31" in script or "oas31" in script


@pytest.mark.parametrize("name", ["swagger-ui.js", "index.html", "..%2f__init__.py"])
async def test_docs_when_another_file_is_asked_for_then_404(api, name):
    assert (await api.client.get(f"/docs/assets/{name}")).status_code == 404
