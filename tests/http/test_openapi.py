"""/openapi.json tells the truth: complete against the route table, sound, and what really comes
back fits it with nothing left over."""
import copy
import re

import jsonschema
import pytest
import requests

from harness import Server
from test_access import ROUTES

TYPES = {"application/json", "application/problem+json", "application/octet-stream",
         "multipart/form-data", "text/plain", "text/html", "text/event-stream"}


@pytest.fixture(scope="module")
def described(server):
    answer = server.get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()


def operation_of(described, method, pattern):
    return described["paths"][pattern][method.lower()]


def references(node):
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def resolve(described, reference):
    node = described
    for word in reference.removeprefix("#/").split("/"):
        node = node[word]
    return node


def test_whole(described):
    """Every route is there and no other; every reference leads somewhere; nothing is unused."""
    assert described["openapi"].startswith("3.1.") and described["info"]["version"]
    listed = {(method.upper(), pattern) for pattern, path in described["paths"].items()
              for method in path}
    assert listed == {(method, pattern) for method, pattern, _, _ in ROUTES}
    used = set(references(described))
    for reference in used:
        assert resolve(described, reference), reference
    for kind in ("schemas", "parameters"):
        for name in described["components"][kind]:
            assert f"#/components/{kind}/{name}" in used, f"{name} is not used"
    names = [operation["operationId"] for path in described["paths"].values()
             for operation in path.values()]
    assert len(names) == len(set(names))
    for schema in described["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("method,pattern,scopes,body", ROUTES,
                         ids=[f"{row[0]} {row[1]}" for row in ROUTES])
def test_every_route_says_what_it_takes_and_gives(described, method, pattern, scopes, body):
    operation = operation_of(described, method, pattern)
    assert operation["summary"]
    named = [each["name"] for each in operation["parameters"] if each.get("in") == "path"]
    assert named == re.findall(r"{(\w+)}", pattern)
    assert ("requestBody" in operation) == (body != "BODY_NONE")
    assert set(operation["x-docq-scope"].split(" or ")) == scopes if scopes else \
        "security" not in operation
    successes = [status for status in operation["responses"] if status != "default"]
    assert successes and all(status[0] in "23" for status in successes)
    assert "application/problem+json" in operation["responses"]["default"]["content"]
    bodies = [operation.get("requestBody", {})] + [operation["responses"][status]
                                                   for status in successes]
    for content in (each.get("content", {}) for each in bodies):
        assert set(content) <= TYPES
        for media in content.values():
            assert media["schema"], "an empty schema says nothing"
    for status in successes:
        assert "content" in operation["responses"][status] or status in ("204", "302", "304")


def closed(described):
    """The same with every object closed: what is not described must not come."""
    described = copy.deepcopy(described)
    for schema in described["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return described


class Checked:
    """A server whose every JSON answer is held against the description."""

    def __init__(self, server, described):
        self.server, self.described, self.seen = server, closed(described), set()

    def __call__(self, method, pattern, path=None, **options):
        answer = requests.request(method, self.server.url + (path or pattern), timeout=60,
                                  allow_redirects=False, **options)
        responses = operation_of(self.described, method, pattern)["responses"]
        response = responses.get(str(answer.status_code))
        if answer.status_code >= 400:
            response = responses["default"]
        assert response, f"{answer.status_code} is not described: {answer.text}"
        if answer.status_code not in (204, 302, 304):
            media = answer.headers["Content-Type"].split(";")[0]
            if media not in response["content"]:
                assert "application/octet-stream" in response["content"], media
            elif "json" in media:
                schema = {**response["content"][media]["schema"],
                          "components": self.described["components"]}
                jsonschema.Draft202012Validator(
                    schema, format_checker=jsonschema.FormatChecker()).validate(answer.json())
        self.seen.add((method, pattern, answer.status_code))
        return answer

    def seen_successes(self):
        return {(method, pattern) for method, pattern, status in self.seen if status < 400}


@pytest.fixture(scope="module")
def call(tmp_path_factory, described):
    with Server(tmp_path_factory.mktemp("openapi") / "data", workers=0) as server:
        yield Checked(server, described)


def test_answers_fit(call):
    """A day in the life of the queue, every answer checked, every route used."""
    def upload(name, content=b"some text", **options):
        return call("POST", "/v1/documents", data=content, params={"filename": name},
                    **options).json()

    def lease(**ask):
        return call("POST", "/v1/leases", json={"worker": "w", **ask}).json()["leases"]

    first, second, third = (upload(name) for name in ("a.txt", "b.txt", "c.txt"))
    call("POST", "/v1/documents", files=[("file", ("x", b"x")), ("file", ("y", b"y"))])
    a, b, c = ("/v1/documents/" + each["id"] for each in (first, second, third))
    one = "/v1/documents/{id}"
    call("GET", one, a), call("GET", one, b + "0"), call("GET", "/v1/documents")
    call("GET", "/v1/documents", "/v1/documents?limit=1")
    call("GET", "/v1/ids", f"/v1/ids?prefix={first['id'][:30]}")
    call("GET", "/v1/queue/pending"), call("GET", "/v1/queue/pulse")
    held = lease(item=first["item"]["id"], lease_seconds=60)[0]["token"]
    path = f"/v1/leases/{held}"
    call("GET", one, a), call("GET", "/v1/queue/stats"), call("GET", "/v1/workers")
    call("POST", "/v1/leases/{token}/heartbeat", path + "/heartbeat",
         json={"progress": {"stage": "pages", "done": 1, "total": 2}})
    call("GET", "/v1/items/{id}", f"/v1/items/{first['item']['id']}")
    call("POST", "/v1/leases/{token}/complete", path + "/complete",
         json={"result": {"pages": ["one", "two"], "metadata": {"title": "t"},
                          "problems": ["a font is missing"], "partial": True}})
    for part in ("content", "text", "pages", "metadata"):
        call("GET", f"{one}/{part}", f"{a}/{part}")
        call("GET", f"{one}/{part}", f"{b}/{part}")
    call("GET", one + "/content", a + "/content", headers={"Range": "bytes=0-1"})
    call("GET", one + "/content", a + "/content", headers={"If-None-Match": "*"})
    call("GET", one + "/pages/{n}", a + "/pages/2")
    call("GET", one + "/chunks", a + "/chunks?size=100&overlap=10")
    call("GET", one + "/chunks", a + "/chunks?size=none")
    call("GET", "/v1/search", "/v1/search?q=two"), call("GET", "/v1/search", "/v1/search?q=nokey:x")
    call("GET", one, a)
    held = lease(item=second["item"]["id"])[0]["token"]
    call("POST", "/v1/leases/{token}/fail", f"/v1/leases/{held}/fail",
         json={"error": {"code": "no_luck", "message": "m", "signal": 11, "limit": "memory",
                         "peak_memory_bytes": 7, "retryable": False}})
    item = f"/v1/items/{second['item']['id']}"
    call("GET", "/v1/items/{id}", item), call("GET", one, b)
    call("POST", "/v1/items/{id}/retry", item + "/retry")
    call("POST", "/v1/items/{id}/retry", item + "/retry")
    call("POST", "/v1/items/{id}/cancel", item + "/cancel")
    call("GET", "/v1/items"), call("GET", "/v1/items", "/v1/items?limit=1&q=nonsense")
    held = lease(item=third["item"]["id"])[0]["token"]
    call("POST", "/v1/leases/{token}/release", f"/v1/leases/{held}/release")
    held = lease(item=third["item"]["id"])[0]["token"]
    call("POST", "/v1/leases:complete", json={"tokens": [held, "ab" * 40]})
    for verb in ("retry", "cancel", "delete"):
        call("POST", f"/v1/items:{verb}", json={"filter": "cancelled"})
    call("POST", one + "/reprocess", c + "/reprocess", json={"priority": 3})
    call("POST", "/v1/items", json={"document_id": first["id"]})
    call("POST", "/v1/items", json=[{"document_id": first["id"]},
                                    {"document_id": "00000000-0000-7000-8000-000000000000"}])
    call("POST", "/v1/operations", json={"name": "mine", "timeout_seconds": 5})
    call("POST", "/v1/queue/pause", json={"operation": "mine"}), call("POST", "/v1/queue/resume")
    call("POST", "/v1/cron/process-document-queue", json={"limit": 2})
    call("POST", "/v1/documents", "/v1/documents?filename=w", data=b"x",
         headers={"Prefer": "wait=1"})
    call("POST", "/v1/queue/purge", json={"older": "0s"})
    call("DELETE", one, b)
    for path in ("/livez", "/readyz", "/metrics", "/openapi.json"):
        call("GET", path)
    call("GET", "/v1/items:count", "/v1/items:count?q=failed")
    call("GET", "/v1/problems"), call("GET", "/v1/problems", "/v1/problems?since=never")
    call("GET", "/v1/queue/history", "/v1/queue/history?span=72h")
    call("GET", "/v1/events", stream=True).close()
    call("GET", "/v1/session"), call("POST", "/v1/session", json={"token": "wrong"})
    call("DELETE", "/v1/session")
    for path in ("/", "/admin"):
        call("GET", path)
    call("GET", "/admin/{file}", "/admin/queue"), call("GET", "/admin/{page}/{file}", "/admin/a/b")
    call("GET", "/v1/tokens")
    call("POST", "/v1/tokens", json={"scopes": ["read"]})  # refused: the first one is made elsewhere
    call("DELETE", "/v1/tokens/{token}", "/v1/tokens/" + "0" * 16)


def test_every_route_was_used(call):
    """The test above leaves out what needs more than one server and says so here."""
    elsewhere = {("POST", "/v1/session"), ("POST", "/v1/tokens"), ("DELETE", "/v1/tokens/{token}")}
    missing = {(method, pattern) for method, pattern, _, _ in ROUTES} - call.seen_successes()
    assert missing <= elsewhere, missing - elsewhere
    used = {(method, pattern) for method, pattern, _ in call.seen}
    assert elsewhere <= used


def test_the_check_finds_what_is_not_described(call):
    """Planted: a field taken out of the description, and one that it demands in vain."""
    document = call.described["components"]["schemas"]["Stats"]
    removed = document["properties"].pop("due")
    with pytest.raises(jsonschema.ValidationError):
        call("GET", "/v1/queue/stats")
    document["properties"]["due"] = removed
    document["required"].append("nonsense")
    with pytest.raises(jsonschema.ValidationError):
        call("GET", "/v1/queue/stats")
    document["required"].remove("nonsense")
    call("GET", "/v1/queue/stats")
