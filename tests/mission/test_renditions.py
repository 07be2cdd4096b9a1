"""Markdown, language and thumbnails: from a worker elsewhere to whoever asks."""
import base64
import struct
import zlib

import pytest

from harness import Server, docq


def png(width, height):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I",
                                                                        zlib.crc32(kind + body))
    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0,
                                                              0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data", workers=0) as server:
        yield server


def complete(server, result, name="a.txt"):
    document = server.upload(name, b"bytes")
    lease = server.post("/v1/leases", {"worker": "test", "limit": 1}).json()["leases"][0]
    return document["id"], server.post(f"/v1/leases/{lease['token']}/complete", {"result": result})


def test_a_remote_worker_hands_in_everything(server, tmp_path):
    picture = png(20, 10)
    id, answer = complete(server, {
        "pages": [{"text": "One", "markdown": "# One"}, "two"], "language": "de",
        "thumbnail": base64.b64encode(picture).decode()})
    assert answer.status_code == 200, answer.text
    result = server.document(id)["result"]
    assert (result["language"], result["thumbnail_bytes"], result["pages"]) == ("de", len(picture), 2)

    markdown = server.get(f"/v1/documents/{id}/markdown")
    assert markdown.text == "# One\n\ntwo"
    assert markdown.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert server.get(f"/v1/documents/{id}/markdown?page=2").text == "two"
    assert server.get(f"/v1/documents/{id}/markdown?page=3").status_code == 404
    assert server.get(f"/v1/documents/{id}/markdown?page=x").status_code == 422
    assert server.get(f"/v1/documents/{id}/text").text == "One\ftwo"

    thumbnail = server.get(f"/v1/documents/{id}/thumbnail")
    assert thumbnail.content == picture
    assert thumbnail.headers["Content-Type"] == "image/png"
    assert thumbnail.headers["Cache-Control"] == "private, no-cache"
    again = server.get(f"/v1/documents/{id}/thumbnail",
                       headers={"If-None-Match": thumbnail.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = server.get(f"/v1/documents/{id}/thumbnail", headers={"If-None-Match": '"another"'})
    assert other.status_code == 200

    data = server.data
    assert docq(data, "get", id, "--markdown", "-o", "-").stdout == "# One\n\ntwo"
    docq(data, "get", id, "--thumbnail", cwd=tmp_path)
    assert (tmp_path / "a.txt.png").read_bytes() == picture
    assert docq(data, "text", id, "--page", "2").stdout == "two"
    assert "language" in docq(data, "show", id).stdout


def test_markdown_alone_is_the_text(server):
    id, answer = complete(server, {"markdown": "*only*"})
    assert answer.status_code == 200, answer.text
    assert server.get(f"/v1/documents/{id}/text").text == "*only*"
    assert server.get(f"/v1/documents/{id}/markdown").text == "*only*"
    assert server.get(f"/v1/documents/{id}/thumbnail").status_code == 404


def test_before_there_is_a_result(server):
    document = server.upload("a.txt", b"bytes")
    for what in ("markdown", "thumbnail"):
        answer = server.get(f"/v1/documents/{document['id']}/{what}")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_processed")


@pytest.mark.parametrize("result, pointer", [
    ({"text": "x", "thumbnail": "%%%%"}, "/result/thumbnail"),
    ({"text": "x", "thumbnail": ""}, "/result/thumbnail"),
    ({"text": "x", "thumbnail": base64.b64encode(b"GIF89a").decode()}, "/result/thumbnail"),
    ({"text": "x", "thumbnail": base64.b64encode(png(321, 1)).decode()}, "/result/thumbnail"),
    ({"text": "x", "language": "not a tag"}, "/result/language"),
    ({"text": "x", "language": "a" * 36}, "/result/language"),
    ({"pages": ["x"], "markdown": "x"}, "/result/markdown"),
    ({"pages": [{"markdown": "x"}]}, "/result/pages/0"),
    ({"pages": [{"text": "x", "markdown": 3}]}, "/result/pages/0"),
])
def test_what_is_wrong_is_named(server, result, pointer):
    id, answer = complete(server, result)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert server.document(id)["status"] == "in_progress"
