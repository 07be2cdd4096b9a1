"""Input that is wrong: a problem that names the fault and the remedy, and nothing left behind."""
import json
import os

import pytest
import requests

from harness import Server, make_pdf
from wire import Wire, check_problem

ID = "00000000-0000-7000-8000-000000000000"
TOKEN = "ab" * 40
KIB = 1024


def used_bytes(folder):
    """What the files of a store take on the disk, the database aside."""
    return sum(os.stat(os.path.join(place, name)).st_blocks * 512
               for place, _, names in os.walk(os.path.join(folder, "packs")) for name in names)


def files(folder):
    return sorted(os.path.join(place, name) for place, _, names in os.walk(folder)
                  for name in names)


@pytest.fixture
def untouched(server):
    """Whatever a test does, no document, item, byte or file may come of it."""
    def state():
        stats = server.get("/v1/queue/stats").json()
        counts = {name: value for name, value in stats.items() if isinstance(value, int) and
                  not name.endswith("_per_minute")}
        return counts, used_bytes(server.data), files(server.data)
    before = state()
    yield
    assert state() == before


@pytest.fixture(scope="module")
def document(server):
    return server.upload("known.txt", b"a known document")


# ---- JSON ----------------------------------------------------------------------------------------

# (method, path, body, status, code, pointer); %s is the id of a document that is there.
JSON_CASES = [
    ("POST", "/v1/items", {"document_id": "%s", "colour": 1}, 422, "invalid", "/colour"),
    ("POST", "/v1/items", {"document_id": "%s", "a/b~c": 1}, 422, "invalid", "/a~1b~0c"),
    ("POST", "/v1/items", {"document_id": 17}, 422, "invalid", "/document_id"),
    ("POST", "/v1/items", {"document_id": "%s!"}, 422, "invalid", "/document_id"),
    ("POST", "/v1/items", {"document_id": "xyz"}, 422, "invalid", "/document_id"),
    ("POST", "/v1/items", {"document_id": "x" * 5000}, 422, "invalid", "/document_id"),
    ("POST", "/v1/items", {}, 422, "invalid", "/document_id"),
    ("POST", "/v1/items", None, 422, "invalid", "/document_id"),
    ("POST", "/v1/items", {"document_id": ID}, 404, "not_found", "/document_id"),
    ("POST", "/v1/items", {"document_id": "%s", "operation": "nonsense"}, 422, "invalid",
     "/operation"),
    ("POST", "/v1/items", {"document_id": "%s", "operation": "no such thing"}, 422, "invalid",
     "/operation"),
    ("POST", "/v1/items", {"document_id": "%s", "operation": "x" * 65}, 422, "invalid",
     "/operation"),
    ("POST", "/v1/items", {"document_id": "%s", "operation": ["process"]}, 422, "invalid",
     "/operation"),
    ("POST", "/v1/items", {"document_id": "%s", "priority": 1001}, 422, "invalid", "/priority"),
    ("POST", "/v1/items", {"document_id": "%s", "priority": -1001}, 422, "invalid", "/priority"),
    ("POST", "/v1/items", {"document_id": "%s", "priority": 1.5}, 422, "invalid", "/priority"),
    ("POST", "/v1/items", {"document_id": "%s", "priority": "1"}, 422, "invalid", "/priority"),
    ("POST", "/v1/items", {"document_id": "%s", "priority": True}, 422, "invalid", "/priority"),
    ("POST", "/v1/items", {"document_id": "%s", "due_at": "tomorrow"}, 422, "invalid", "/due_at"),
    ("POST", "/v1/items", {"document_id": "%s", "due_at": "2026-13-45T99:99:99Z"}, 422, "invalid",
     "/due_at"),
    ("POST", "/v1/items", {"document_id": "%s", "due_at": 1764000000}, 422, "invalid", "/due_at"),
    ("POST", "/v1/items", [{"document_id": "%s"}, {"document_id": "%s", "priority": "high"}], 422,
     "invalid", "/1/priority"),
    ("POST", "/v1/items", [{"document_id": "%s"}, 17], 422, "invalid", "/1"),
    ("POST", "/v1/items", [{"document_id": ID}] * 10001, 413, "too_large", None),
    ("POST", "/v1/items", "text", 422, "invalid", ""),
    ("POST", "/v1/items", 17, 422, "invalid", ""),
    ("POST", "/v1/documents/%s/reprocess", {"operation": "nonsense"}, 422, "invalid", "/operation"),
    ("POST", "/v1/documents/%s/reprocess", {"priority": 10 ** 30}, 400, "malformed", None),
    ("POST", "/v1/documents/%s/reprocess", {"priority": 10 ** 12}, 422, "invalid", "/priority"),
    ("POST", "/v1/documents/%s/reprocess", [], 422, "invalid", ""),
    ("POST", "/v1/documents/xyz/reprocess", {}, 404, "not_found", None),
    ("POST", f"/v1/documents/{ID}/reprocess", {}, 404, "not_found", None),
    ("GET", f"/v1/documents/{ID}", None, 404, "not_found", None),
    ("GET", f"/v1/documents/{ID}/content", None, 404, "not_found", None),
    ("GET", f"/v1/documents/{ID}/text", None, 404, "not_found", None),
    ("GET", f"/v1/documents/{ID}/metadata", None, 404, "not_found", None),
    ("GET", "/v1/documents/%s/text", None, 409, "not_processed", None),
    ("GET", "/v1/documents/%s/pages/1", None, 409, "not_processed", None),
    ("GET", "/v1/documents/%s/metadata", None, 409, "not_processed", None),
    ("GET", "/v1/documents/%s/pages/0", None, 404, "not_found", None),
    ("GET", "/v1/documents/%s/pages/x", None, 404, "not_found", None),
    ("GET", "/v1/documents/%s/pages/99999999999999999999", None, 404, "not_found", None),
    ("GET", "/v1/documents/" + "x" * 5000, None, 404, "not_found", None),
    ("GET", "/v1/documents/%s/nothing", None, 404, "not_found", None),
    ("GET", "/v1/documents/", None, 404, "not_found", None),
    ("GET", "/v1//documents", None, 404, "not_found", None),
    ("GET", "/v1/nothing", None, 404, "not_found", None),
    ("GET", "/nowhere", None, 404, "not_found", None),
    ("GET", "/a/b/c/d/e/f/g/h/i/j/k", None, 404, "not_found", None),
    ("DELETE", f"/v1/documents/{ID}", None, 404, "not_found", None),
    ("DELETE", "/v1/documents/%25", None, 404, "not_found", None),
    ("GET", "/v1/documents?limit=0", None, 422, "invalid", "/limit"),
    ("GET", "/v1/documents?limit=1001", None, 422, "invalid", "/limit"),
    ("GET", "/v1/documents?limit=ten", None, 422, "invalid", "/limit"),
    ("GET", "/v1/documents?limit=", None, 422, "invalid", "/limit"),
    ("GET", "/v1/documents?limit=1e2", None, 422, "invalid", "/limit"),
    ("GET", "/v1/documents?cursor=nonsense", None, 422, "invalid", "/cursor"),
    ("GET", "/v1/items?cursor=%00", None, 400, "malformed", None),
    ("GET", "/v1/items?q=%ff", None, 400, "malformed", None),
    ("GET", "/v1/items?q=nonsense", None, 422, "invalid", "/filter"),
    ("GET", "/v1/items?q=colour:red", None, 422, "invalid", "/filter"),
    ("GET", "/v1/items?q=since:yesterday", None, 422, "invalid", "/filter"),
    ("GET", "/v1/items?q=document:x", None, 422, "invalid", "/filter"),
    ("GET", "/v1/items?q=" + "failed+" * 1000, None, 422, "invalid", "/q"),
    ("GET", f"/v1/items/{ID}", None, 404, "not_found", None),
    ("GET", "/v1/items/%s", None, 404, "not_found", None),
    ("POST", f"/v1/items/{ID}/retry", {}, 404, "not_found", None),
    ("POST", f"/v1/items/{ID}/cancel", None, 404, "not_found", None),
    ("POST", f"/v1/items/{ID}/cancel", {"force": True}, 422, "invalid", "/force"),
    ("POST", "/v1/items:retry", {}, 422, "invalid", "/filter"),
    ("POST", "/v1/items:retry", {"filter": ""}, 422, "invalid", "/filter"),
    ("POST", "/v1/items:cancel", {"filter": "  "}, 422, "invalid", "/filter"),
    ("POST", "/v1/items:delete", {"filter": 17}, 422, "invalid", "/filter"),
    ("POST", "/v1/items:delete", {"filter": "x" * 10000}, 422, "invalid", "/filter"),
    ("POST", "/v1/queue/pause", {"operation": "nonsense"}, 422, "invalid", "/operation"),
    ("POST", "/v1/queue/resume", {"operation": 1}, 422, "invalid", "/operation"),
    ("POST", "/v1/queue/purge", {}, 422, "invalid", "/older"),
    ("POST", "/v1/queue/purge", {"older": "old"}, 422, "invalid", "/older"),
    ("POST", "/v1/queue/purge", {"older": "-1s"}, 422, "invalid", "/older"),
    ("POST", "/v1/queue/purge", {"older": "1d", "status": "pending"}, 422, "invalid", "/status"),
    ("POST", "/v1/queue/purge", {"older": "1d", "with_documents": "yes"}, 422, "invalid",
     "/with_documents"),
    ("POST", "/v1/cron/process-document-queue", {"limit": -1}, 422, "invalid", "/limit"),
    ("POST", "/v1/cron/process-document-queue", {"max_seconds": 0}, 422, "invalid",
     "/max_seconds"),
    ("POST", "/v1/cron/process-document-queue", {"max_seconds": 100000}, 422, "invalid",
     "/max_seconds"),
    ("POST", "/v1/leases", {"limit": 0}, 422, "invalid", "/limit"),
    ("POST", "/v1/leases", {"lease_seconds": 0}, 422, "invalid", "/lease_seconds"),
    ("POST", "/v1/leases", {"lease_seconds": 10 ** 9}, 422, "invalid", "/lease_seconds"),
    ("POST", "/v1/leases", {"wait_seconds": 10 ** 6}, 422, "invalid", "/wait_seconds"),
    ("POST", "/v1/leases", {"operations": "process"}, 422, "invalid", "/operations"),
    ("POST", "/v1/leases", {"operations": [1]}, 422, "invalid", "/operations/0"),
    ("POST", "/v1/leases", {"operations": ["no such thing"]}, 422, "invalid", "/operations"),
    ("POST", "/v1/leases", {"operations": ["process", "nonsense"]}, 422, "invalid",
     "/operations"),
    ("POST", "/v1/leases", {"worker": "w" * 5000}, 422, "invalid", "/worker"),
    ("POST", f"/v1/leases/{TOKEN}/heartbeat", {}, 409, "lease_lost", None),
    ("POST", "/v1/leases/nonsense/heartbeat", {}, 409, "lease_lost", None),
    ("POST", f"/v1/leases/{TOKEN}/heartbeat", {"progress": {"done": -1}}, 422, "invalid",
     "/progress/done"),
    ("POST", f"/v1/leases/{TOKEN}/heartbeat", {"progress": "half"}, 422, "invalid", "/progress"),
    ("POST", f"/v1/leases/{TOKEN}/complete", {"result": {"pages": [1]}}, 422, "invalid",
     "/result/pages/0"),
    ("POST", f"/v1/leases/{TOKEN}/complete", {"result": {"metadata": []}}, 422, "invalid",
     "/result/metadata"),
    ("POST", f"/v1/leases/{TOKEN}/complete", {"result": {"problems": [{}]}}, 422, "invalid",
     "/result/problems/0"),
    ("POST", f"/v1/leases/{TOKEN}/complete", {"result": {"html": "x"}}, 422, "invalid",
     "/result/html"),
    ("POST", f"/v1/leases/{TOKEN}/complete", {"result": {"text": "a\0b"}}, 400, "malformed", None),
    ("POST", f"/v1/leases/{TOKEN}/fail", {}, 422, "invalid", "/error"),
    ("POST", f"/v1/leases/{TOKEN}/fail", {"error": {}}, 422, "invalid", "/error/code"),
    ("POST", f"/v1/leases/{TOKEN}/fail", {"error": {"code": "x", "retryable": 1}}, 422, "invalid",
     "/error/retryable"),
    ("POST", f"/v1/leases/{TOKEN}/release", {"why": "x"}, 422, "invalid", "/why"),
]


@pytest.mark.parametrize("method,path,body,status,code,pointer", JSON_CASES)
def test_json(server, document, untouched, method, path, body, status, code, pointer):
    text = json.dumps(body).replace("%s", document["id"]) if body is not None else None
    path = path.replace("%s", document["id"], 1)
    headers = {"Content-Type": "application/json"} if text else {}
    answer = requests.request(method, server.url + path, data=text, headers=headers, timeout=30)
    check_problem(answer, status, code, pointer)


@pytest.mark.parametrize("text", [
    b"{", b"", b"{]", b'{"a":1,}', b"{'a':1}", b'{"a":1}{"b":2}', b'{"a":1} x', b'{"a":1,"a":2}',
    b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"\xef\xbb\xbf{}", b"NaN", b'{"a":01}', b'{"a":1e999}',
    b"[" * 100000, b'{"a":' * 5000, b'["\x01"]', b"{} // comment", b'"\x00"', b"tru"])
def test_json_that_is_none(server, document, untouched, text):
    answer = requests.post(server.url + f"/v1/documents/{document['id']}/reprocess", data=text,
                           headers={"Content-Type": "application/json"}, timeout=30)
    if text == b"":
        assert answer.status_code == 202  # no body is {}: undone for the fixture's sake
        item = answer.json()["item"]["id"]
        assert server.post("/v1/items:delete", {"filter": "nothing"}).status_code == 422
        server.post(f"/v1/items/{item}/cancel")
        server.post("/v1/items:delete", {"filter": "cancelled"})
    else:
        check_problem(answer, 400, "malformed")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded",
                                  "application/jsonx", "application/xml", "nonsense", ""])
def test_wrong_content_type_of_json(server, document, untouched, kind):
    headers = {} if kind is None else {"Content-Type": kind}
    answer = requests.post(server.url + "/v1/items", headers=headers, timeout=30,
                           data=json.dumps({"document_id": document["id"]}).encode())
    problem = check_problem(answer, 415, "unsupported_media_type")
    assert "application/json" in problem["detail"]


def test_content_encoding_is_refused(server, untouched):
    answer = requests.post(server.url + "/v1/documents?filename=a.gz", data=b"\x1f\x8b",
                           headers={"Content-Encoding": "gzip"}, timeout=30)
    check_problem(answer, 415, "unsupported_media_type")


def test_bodies_beyond_their_limits(tmp_path):
    """Announced or not, and whatever the kind: 413 with the limit's name, and nothing stays."""
    options = ("--json-bytes-max", "2KiB", "--upload-bytes-max", "100KiB", "--chunk-bytes", "4KiB",
               "--result-bytes-max", "4KiB", "--multipart-parts-max", 5)
    with Server(tmp_path / "data", *options, workers=0) as server:
        before = used_bytes(server.data), files(server.data)

        def pour(size):
            for _ in range(size // 1000):
                yield b"x" * 1000
        json_type = {"Content-Type": "application/json"}
        for data in (b" " * 3 * KIB, pour(3 * KIB)):
            problem = check_problem(requests.post(server.url + "/v1/items", data=data,
                                                  headers=json_type, timeout=30), 413)
            assert "json-bytes-max" in problem["detail"], problem
        problem = check_problem(requests.post(
            server.url + f"/v1/leases/{TOKEN}/complete", data=b" " * 5 * KIB, headers=json_type,
            timeout=30), 413)
        assert "result-bytes-max" in problem["detail"], problem
        for data in (b"x" * 200 * KIB, pour(200 * KIB)):
            problem = check_problem(requests.post(server.url + "/v1/documents", data=data,
                                                  timeout=30), 413)
            assert "upload-bytes-max" in problem["detail"], problem
        parts = [("file", (f"{n}.txt", b"x")) for n in range(6)]
        problem = check_problem(requests.post(server.url + "/v1/documents", files=parts,
                                              timeout=30), 413)
        assert "multipart-parts-max" in problem["detail"]
        assert server.get("/v1/documents").json()["documents"] == []
        assert (used_bytes(server.data), files(server.data)) == before
        assert server.upload("fits.txt", b"x" * 90 * KIB)["size"] == 90 * KIB


# ---- uploads -------------------------------------------------------------------------------------

def part(header, body=b"x", boundary=b"b"):
    return b"--" + boundary + b"\r\n" + header + b"\r\n\r\n" + body + b"\r\n"


FILE = b'Content-Disposition: form-data; name="file"; filename="a.txt"'
LARGE = b"x" * 600 * KIB  # beyond what waits in memory: its bytes are in a pack by then
END = b"--b--\r\n"


def field(name, value):
    return part(b'Content-Disposition: form-data; name="' + name + b'"', value)


# (body, status, code, pointer)
MULTIPART_CASES = {
    "empty": (b"", 400, "malformed", None),
    "not closed": (part(FILE), 400, "malformed", None),
    "cut in the data": (b"--b\r\n" + FILE + b"\r\n\r\nxyz", 400, "malformed", None),
    "cut in the header": (b"--b\r\n" + FILE, 400, "malformed", None),
    "large and not closed": (part(FILE, LARGE), 400, "malformed", None),
    "another boundary": (part(FILE, boundary=b"c") + b"--c--\r\n", 400, "malformed", None),
    "preamble": (b"hello\r\n" + part(FILE) + END, 400, "malformed", None),
    "epilogue": (part(FILE) + END + b"hello", 400, "malformed", None),
    "boundary with tail": (b"--bx\r\n" + FILE + b"\r\n\r\nx\r\n--b--\r\n", 400, "malformed", None),
    "lines with LF": ((part(FILE) + END).replace(b"\r\n", b"\n"), 400, "malformed", None),
    "header with LF": (part(FILE + b"\nX: y") + END, 400, "malformed", None),
    "header with NUL": (part(FILE + b"\r\nX: \0") + END, 400, "malformed", None),
    "header folded": (part(FILE.replace(b"; filename", b";\r\n filename")) + END, 400, "malformed",
                      None),
    "header too long": (part(FILE + b"\r\nX: " + b"y" * 9000) + END, 413, "too_large", None),
    "no disposition": (part(b"Content-Type: text/plain") + END, 400, "malformed", None),
    "no headers": (b"--b\r\n\r\nx\r\n" + END, 400, "malformed", None),
    "two dispositions": (part(FILE + b"\r\n" + FILE) + END, 400, "malformed", None),
    "two names": (part(FILE + b'; name="file"') + END, 400, "malformed", None),
    "two file names": (part(FILE + b'; filename="b"') + END, 400, "malformed", None),
    "no name": (part(b'Content-Disposition: form-data; filename="a"') + END, 400, "malformed", None),
    "attachment": (part(FILE.replace(b"form-data", b"attachment")) + END, 400, "malformed", None),
    "quote not closed": (part(FILE[:-1]) + END, 400, "malformed", None),
    "base64": (part(FILE + b"\r\nContent-Transfer-Encoding: base64") + END, 400, "malformed", None),
    "no file": (field(b"priority", b"1") + END, 422, "invalid", "/file"),
    "unknown part": (part(FILE) + field(b"colour", b"red") + END, 422, "invalid", "/colour"),
    "large, then an unknown part": (part(FILE, LARGE) + field(b"colour", b"red") + END, 422,
                                    "invalid", "/colour"),
    "priority a word": (part(FILE) + field(b"priority", b"high") + END, 422, "invalid",
                        "/priority"),
    "priority out of range": (part(FILE) + field(b"priority", b"1001") + END, 422, "invalid",
                              "/priority"),
    "priority empty": (part(FILE) + field(b"priority", b"") + END, 422, "invalid", "/priority"),
    "priority twice": (part(FILE) + field(b"priority", b"1") * 2 + END, 422, "invalid",
                       "/priority"),
    "priority beyond 64 bits": (part(FILE) + field(b"priority", b"9" * 15) + END, 422, "invalid",
                                "/priority"),
    "priority too long": (part(FILE) + field(b"priority", b"1" * 100) + END, 422, "invalid",
                          "/priority"),
    "large, then a bad priority": (part(FILE, LARGE) + field(b"priority", b"high") + END, 422,
                                   "invalid", "/priority"),
    "operation unknown": (part(FILE) + field(b"operation", b"nonsense") + END, 422, "invalid",
                          "/operation"),
    "operation not a name": (part(FILE) + field(b"operation", b"../x") + END, 422, "invalid",
                             "/operation"),
    "large, then a bad operation": (part(FILE, LARGE) + field(b"operation", b"nonsense") + END, 422,
                                    "invalid", "/operation"),
    "metadata a list": (part(FILE) + field(b"metadata", b"[1]") + END, 422, "invalid",
                        "/metadata"),
    "metadata no JSON": (part(FILE) + field(b"metadata", b"{x}") + END, 422, "invalid",
                         "/metadata"),
    "metadata too long": (part(FILE) + field(b"metadata", b'{"a":"' + b"x" * 70000 + b'"}') + END,
                          422, "invalid", "/metadata"),
    "metadata no UTF-8": (part(FILE) + field(b"metadata", b'{"a":"\xff"}') + END, 422, "invalid",
                          "/metadata"),
    "owner with NUL": (part(FILE) + field(b"owner", b"a\0b") + END, 422, "invalid", "/owner"),
    "owner too long": (part(FILE) + field(b"owner", b"a" * 200) + END, 422, "invalid", "/owner"),
    "owner with newline": (part(FILE) + field(b"owner", b"a\nb") + END, 422, "invalid", "/owner"),
    "name of 5,000 characters": (part(FILE.replace(b"a.txt", b"a" * 5000)) + END, 422, "invalid",
                                 "/filename"),
    "name with newline": (part(FILE.replace(b"a.txt", b"a%0D%0Ab")) + END, 422, "invalid",
                          "/filename"),
    "name with control byte": (part(FILE.replace(b"a.txt", b"a\tb")) + END, 422, "invalid",
                               "/filename"),
    "name no UTF-8": (part(FILE.replace(b"a.txt", b"a\xff")) + END, 422, "invalid", "/filename"),
    "name with escaped NUL": (part(b"Content-Disposition: form-data; name=file; "
                                   b"filename*=UTF-8''a%00b") + END, 400, "malformed", None),
    "name with escaped newline": (part(b"Content-Disposition: form-data; name=file; "
                                       b"filename*=UTF-8''a%0ab") + END, 422, "invalid",
                                  "/filename"),
    "one good, one bad": (part(FILE, LARGE) + part(FILE.replace(b"a.txt", b"\xff"), LARGE) + END,
                          422, "invalid", "/filename"),
}


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("name", MULTIPART_CASES)
def test_multipart(server, document, untouched, name, chunked):
    body, status, code, pointer = MULTIPART_CASES[name]
    data = iter([body[at:at + 777 * KIB] for at in range(0, len(body), 777 * KIB)]) if chunked \
        else body
    if chunked and not body:
        data = iter([])
    answer = requests.post(server.url + "/v1/documents", data=data, timeout=30,
                           headers={"Content-Type": "multipart/form-data; boundary=b"})
    check_problem(answer, status, code, pointer)


@pytest.mark.parametrize("kind", [
    "multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary="',
    "multipart/form-data; boundary=" + "b" * 71, "multipart/form-data; boundary=b\xe4",
    "multipart/form-data; boundary=b@c", 'multipart/form-data; boundary="b "'])
def test_boundaries(server, untouched, kind):
    answer = requests.post(server.url + "/v1/documents", data=part(FILE) + END, timeout=30,
                           headers={"Content-Type": kind.encode("latin-1")})
    problem = check_problem(answer, 400, "malformed")
    assert "boundary" in problem["detail"]


@pytest.mark.parametrize("query,status,pointer", [
    ("priority=high", 422, "/priority"), ("priority=1001", 422, "/priority"),
    ("operation=nonsense", 422, "/operation"), ("metadata=17", 422, "/metadata"),
    ("metadata=%7B", 422, "/metadata"), ("filename=" + "a" * 5000, 422, "/filename"),
    ("filename=a%0Ab", 422, "/filename"), ("filename=%FF", 400, None), ("filename=%00", 400, None),
    ("owner=%00", 400, None), ("owner=" + "o" * 200, 422, "/owner")])
@pytest.mark.parametrize("size", [10, 600 * KIB], ids=["small", "large"])
def test_raw_upload(server, untouched, query, status, pointer, size):
    answer = requests.post(server.url + "/v1/documents?" + query, data=b"x" * size, timeout=30)
    check_problem(answer, status, None, pointer)


def test_raw_upload_with_a_broken_disposition(server, untouched):
    for value in ("attachment; filename=", 'attachment; filename="x', "attachment; =x",
                  "attachment filename=x"):
        answer = requests.post(server.url + "/v1/documents", data=b"x", timeout=30,
                               headers={"Content-Disposition": value})
        check_problem(answer, 400, "malformed")


def test_broken_escape_in_a_query(server, untouched):
    for query in ("filename=%zz", "filename=%2", "owner=%"):
        with Wire(server.url) as wire:
            wire.send(f"POST /v1/documents?{query} HTTP/1.1\r\nHost: {wire.host}\r\n"
                      "Content-Length: 1\r\n\r\nx".encode())
            check_problem(wire.answer(), 400, "malformed")


def test_upload_without_a_body(server, untouched):
    with Wire(server.url) as wire:
        wire.send(f"POST /v1/documents HTTP/1.1\r\nHost: {wire.host}\r\n\r\n".encode())
        check_problem(wire.answer(), 422, "invalid", "/file")


# ---- what looks bad and is none ------------------------------------------------------------------

@pytest.mark.parametrize("given,kept", [
    ("../../etc/passwd", "passwd"), ("..\\..\\boot.ini", "boot.ini"), ("/", "document"),
    ("..", "document"), ("", "document"), ("a/b/../c.txt", "c.txt"), (".hidden", ".hidden"),
    ("\u540d\u524d.pdf", "\u540d\u524d.pdf"), ("a'b\"c;d.txt", "a'b\"c;d.txt"),
    ("x" * 1024, "x" * 1024), ("<script>.txt", "<script>.txt"), ("%2e%2e%2f.txt", "%2e%2e%2f.txt")])
def test_names_are_only_names(server, given, kept):
    """A name is kept for people, never used as a path, and comes back unable to break a header."""
    answer = requests.post(server.url + "/v1/documents", params={"filename": given},
                           data=b"harmless", timeout=30)
    assert answer.status_code == 202, answer.text
    id = answer.json()["id"]
    assert answer.json()["filename"] == kept
    assert server.document(id)["filename"] == kept
    download = server.get(f"/v1/documents/{id}/content")
    disposition = download.headers["Content-Disposition"]
    assert disposition.startswith("attachment; ") and "\n" not in disposition
    assert not [path for path in files(server.data) if os.path.basename(path) == kept]
    assert requests.delete(server.url + f"/v1/documents/{id}", timeout=30).status_code == 204


def test_a_document_of_nothing(server):
    """No bytes are a document too; what it is worth, the worker decides."""
    answer = requests.post(server.url + "/v1/documents?filename=empty", timeout=30, data=b"",
                           headers={"Content-Length": "0"})
    assert (answer.status_code, answer.json()["size"]) == (202, 0)
    content = server.get(f"/v1/documents/{answer.json()['id']}/content")
    assert (content.status_code, content.content) == (200, b"")


def test_types_are_sniffed_not_believed(server):
    answer = requests.post(server.url + "/v1/documents?filename=page.html", data=make_pdf("x"),
                           headers={"Content-Type": "text/html"}, timeout=30)
    assert answer.json()["content_type"] == "application/pdf"
    id = server.upload("x.html", b"<script>alert(1)</script>")["id"]
    download = server.get(f"/v1/documents/{id}/content")
    assert download.headers["Content-Type"] == "application/octet-stream"
    assert "sandbox" in download.headers["Content-Security-Policy"]
