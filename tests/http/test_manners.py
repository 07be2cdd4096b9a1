"""What SPEC section 5 promises beyond the answers themselves: headers, paging, waiting, parts."""
import json
import os
import re
import sqlite3
import subprocess
import threading
import time

import pytest
import requests

from harness import DONE_SECONDS_MAX, Server, docq, eventually, make_pdf
from wire import Wire, check_problem

BATCH_MAX = 10000


@pytest.fixture(scope="module")
def working(tmp_path_factory):
    """A server with a worker."""
    with Server(tmp_path_factory.mktemp("working") / "data", workers=1) as running:
        yield running


# ---- request ids, traces -------------------------------------------------------------------------

def test_request_id(server):
    """Ours is new each time; a sane one is taken over, one that could forge a log line is not."""
    own = [server.get("/livez").headers["X-Request-Id"] for _ in range(3)]
    assert len(set(own)) == 3
    assert server.get("/livez", headers={"X-Request-Id": "abc-1.2_3"}) \
        .headers["X-Request-Id"] == "abc-1.2_3"
    problem = check_problem(server.get("/nothing", headers={"X-Request-Id": "seen"}), 404)
    assert problem["request_id"] == "seen"
    for given in ("a b", "x" * 65, "a=b", "a;b", "", "\u00e4".encode("latin-1").decode("latin-1")):
        found = server.get("/livez", headers={"X-Request-Id": given.encode("latin-1")})
        assert re.fullmatch(r"[0-9a-f]+-\d+", found.headers["X-Request-Id"]), given


def test_traceparent(tmp_path):
    """A trace goes on through us: its id is in the log of the request."""
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    with Server(tmp_path / "data", "--log-level", "debug", workers=0) as server:
        for given in (f"00-{trace}-{span}-01", f"00-{'A' * 32}-{span}-01", f"00-{'0' * 32}-{span}-01",
                      "nonsense", f"00-{trace}-{span}-01\t"):
            server.get("/v1/queue/stats", headers={"traceparent": given.strip()})
        server.get("/v1/queue/stats")
        with open(server.log, encoding="utf-8") as log:
            lines = [line for line in log if "route=/v1/queue/stats" in line]
    assert len(lines) == 6
    assert [f"trace_id={trace}" in line for line in lines] == [True, False, False, False, True,
                                                              False]
    assert not any("trace_id=A" in line or "trace_id=0" in line for line in lines)


# ---- methods -------------------------------------------------------------------------------------

def test_head_is_get_without_a_body(server):
    id = server.upload("head.txt", b"head or tail")["id"]
    for path in ("/livez", "/v1/documents", f"/v1/documents/{id}", f"/v1/documents/{id}/content",
                 "/openapi.json", "/nothing"):
        with Wire(server.url) as wire:
            request = f"{{}} {path} HTTP/1.1\r\nHost: {wire.host}\r\n\r\n"
            wire.send(request.format("HEAD").encode())
            head = wire.answer("HEAD")
            wire.send(request.format("GET").encode())
            get = wire.answer()
            assert head.status == get.status
            ignored = ("date", "x-request-id")
            assert {k: v for k, v in head.headers.items() if k not in ignored} == \
                {k: v for k, v in get.headers.items() if k not in ignored}, path


@pytest.mark.parametrize("path,allowed", [
    ("/v1/documents", "POST, GET, HEAD"), ("/v1/items:retry", "POST"), ("/livez", "GET, HEAD"),
    ("/v1/documents/00000000-0000-7000-8000-000000000000", "GET, HEAD, DELETE")])
def test_methods_that_are_not_there(server, path, allowed):
    options = requests.options(server.url + path, timeout=30)
    assert (options.status_code, options.headers["Allow"], options.content) == (204, allowed, b"")
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - set(allowed.split(", ")):
        answer = requests.request(method, server.url + path, timeout=30)
        problem = check_problem(answer, 405, "method_not_allowed")
        assert answer.headers["Allow"] == allowed
        assert method in problem["detail"]


def test_options_of_the_server(server):
    with Wire(server.url) as wire:
        wire.send(f"OPTIONS * HTTP/1.1\r\nHost: {wire.host}\r\n\r\n".encode())
        assert wire.answer().status == 204


# ---- content -------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def kept(server):
    """A document larger than one read, every byte of it known."""
    content = b"".join(b"%07d\n" % number for number in range(100000))
    answer = server.upload("numbers.txt", content)
    return f"/v1/documents/{answer['id']}/content", content, answer["sha256"]


RANGES = [
    ("bytes=0-0", 0, 0), ("bytes=0-99", 0, 99), ("bytes=799999-", 799999, 799999),
    ("bytes=-1", 799999, 799999), ("bytes=-8", 799992, 799999), ("bytes=5-5", 5, 5),
    ("bytes=0-", 0, 799999), ("bytes=100-999999999999", 100, 799999),
    ("bytes=-999999999999", 0, 799999), ("bytes=262143-262144", 262143, 262144),
    ("bytes=100000-700000", 100000, 700000)]


@pytest.mark.parametrize("value,first,last", RANGES)
def test_ranges(server, kept, value, first, last):
    path, content, digest = kept
    answer = server.get(path, headers={"Range": value})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(content)}"
    assert answer.content == content[first:last + 1]
    assert answer.headers["ETag"] == f'"{digest}"'


@pytest.mark.parametrize("value", ["bytes=800000-", "bytes=-0", "bytes=900000-999999"])
def test_ranges_that_cannot_be(server, kept, value):
    answer = server.get(kept[0], headers={"Range": value})
    check_problem(answer, 416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == "bytes */800000"


@pytest.mark.parametrize("value", ["bytes=5-3", "bytes=a-b", "bytes=", "bytes=-", "bytes=0-1,5-6",
                                   "items=0-1", "bytes=0-1-2", "bytes = 0-1",
                                   "bytes=99999999999999999999-"])
def test_ranges_that_are_none(server, kept, value):
    """What cannot be understood is ignored (RFC 9110), several ranges are answered as the whole."""
    answer = server.get(kept[0], headers={"Range": value})
    assert (answer.status_code, answer.content) == (200, kept[1])


def test_conditions(server, kept):
    path, content, digest = kept
    etag = f'"{digest}"'
    whole = server.get(path)
    assert (whole.headers["ETag"], whole.headers["Accept-Ranges"]) == (etag, "bytes")
    for value in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        answer = server.get(path, headers={"If-None-Match": value})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == etag and "Content-Length" not in answer.headers
    assert server.get(path, headers={"If-None-Match": '"x"'}).status_code == 200
    for condition, status in ((etag, 206), ('"x"', 200), (f"W/{etag}", 200),
                              ("Tue, 24 Nov 2026 06:43:29 GMT", 200)):
        answer = server.get(path, headers={"If-Range": condition, "Range": "bytes=0-9"})
        assert answer.status_code == status, condition


def test_several_requests_on_one_connection(server, kept):
    """A body that is streamed from the disk, then the next answer right behind it."""
    with Wire(server.url) as wire:
        get = f"GET {kept[0]} HTTP/1.1\r\nHost: {wire.host}\r\n\r\n".encode()
        wire.send(get * 5)
        for _ in range(5):
            assert wire.answer().body == kept[1]


# ---- lists ---------------------------------------------------------------------------------------

def follow(server, path, name, on_page=None):
    """All ids of a list, page by page, along the Link header."""
    found, pages = [], 0
    while path:
        answer = server.get(path)
        assert answer.status_code == 200, answer.text
        found += [row["id"] for row in answer.json()[name]]
        link = answer.headers.get("Link")
        cursor = answer.json()["next"]
        assert bool(link) == bool(cursor)
        path = None
        if link:
            path = re.fullmatch(r'<([^>]+)>; rel="next"', link).group(1)
            assert cursor in path
            pages += 1
            if on_page:
                on_page(pages)
    return found


def test_pages_lose_and_repeat_nothing(tmp_path):
    """Rows are added and removed while somebody turns the pages."""
    with Server(tmp_path / "data", workers=0) as server:
        parts = [("file", (f"{n}.txt", b"x%d" % n)) for n in range(60)]
        answer = requests.post(server.url + "/v1/documents", files=parts, timeout=60)
        before = [document["id"] for document in answer.json()["documents"]]
        removed = []

        def meddle(page):
            server.upload(f"late-{page}.txt", b"late %d" % page)
            if page == 2:
                removed.append(before[0])
                requests.delete(server.url + f"/v1/documents/{before[0]}", timeout=30)
        found = follow(server, "/v1/documents?limit=7", "documents", meddle)
        assert len(found) == len(set(found)), "a row came twice"
        assert set(before) - set(removed) <= set(found), "a row was lost"
        assert found == sorted(found, reverse=True), "newest first"
        items = follow(server, "/v1/items?limit=9&q=pending+operation:process", "items")
        assert len(items) == len(set(items)) == len(follow(server, "/v1/documents?limit=1000",
                                                           "documents"))
        assert follow(server, "/v1/items?q=failed", "items") == []


def test_list_filters(server):
    document = server.upload("mine.txt", b"mine", owner="me", operation="reprocess")
    server.post(f"/v1/items/{document['item']['id']}/cancel")
    for q, there in (("owner:me", True), ("cancelled", True), ("owner:you", False),
                     ("operation:reprocess owner:me", True), ("owner:me pending", False),
                     ("owner:me since:1h", True), ("owner:me before:1h", False),
                     (f"document:{document['id']}", True)):
        for name in ("documents", "items"):
            rows = server.get(f"/v1/{name}", params={"q": q}).json()[name]
            ids = [row.get("document_id", row["id"]) for row in rows]
            assert (document["id"] in ids) == there, (q, name)


# ---- uploads -------------------------------------------------------------------------------------

def test_upload_answer(server):
    answer = requests.post(server.url + "/v1/documents", files={"file": ("a.pdf", make_pdf("x"))},
                           data={"priority": "7", "metadata": '{"case": 17}', "owner": "me",
                                 "operation": "reprocess"}, timeout=30)
    document = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (202,
                                                               f"/v1/documents/{document['id']}")
    assert (document["status"], document["metadata"], document["owner"]) == ("pending",
                                                                             {"case": 17}, "me")
    assert (document["item"]["priority"], document["item"]["operation"]) == (7, "reprocess")
    again = server.document(document["id"])
    assert again.keys() == document.keys()
    assert {name for name in again if again[name] != document[name]} <= {"item"}
    assert again["item"]["id"] == document["item"]["id"]


def test_several_files_in_one_request(server):
    """All or none; each with its own id, in their order."""
    parts = [("file", (f"{n}.txt", b"file %d" % n)) for n in range(20)]
    answer = requests.post(server.url + "/v1/documents", files=parts, data={"priority": "3"},
                           timeout=30)
    documents = answer.json()["documents"]
    assert answer.status_code == 202
    assert [document["filename"] for document in documents] == [f"{n}.txt" for n in range(20)]
    assert len({document["id"] for document in documents}) == 20
    assert {document["item"]["priority"] for document in documents} == {3}
    for number, document in enumerate(documents):
        content = server.get(f"/v1/documents/{document['id']}/content").content
        assert content == b"file %d" % number


def test_raw_uploads(server):
    for query, headers, name in (
            ("?filename=a%20b.txt", {}, "a b.txt"),
            ("", {"Content-Disposition": "attachment; filename=\"c.txt\""}, "c.txt"),
            ("", {"Content-Disposition": "attachment; filename*=UTF-8''%E5%90%8D.txt"},
             "\u540d.txt"),
            ("?filename=d.txt", {"Content-Disposition": "attachment; filename=e.txt"}, "d.txt"),
            ("", {}, "document")):
        answer = requests.post(server.url + "/v1/documents" + query, data=b"raw", headers=headers,
                               timeout=30)
        assert (answer.status_code, answer.json()["filename"]) == (202, name)


def test_chunked_upload_of_any_cut(server):
    """However the bytes arrive, they are the same bytes."""
    content = os.urandom(700_001)
    for size in (1 << 9, 1 << 14, 262143, 262145, 700_001):
        pieces = iter([content[at:at + size] for at in range(0, len(content), size)])
        answer = requests.post(server.url + "/v1/documents?filename=a.bin", data=pieces, timeout=30)
        path = f"/v1/documents/{answer.json()['id']}/content"
        assert server.get(path).content == content


def test_expect_continue(server):
    with Wire(server.url) as wire:
        wire.send(f"POST /v1/documents HTTP/1.1\r\nHost: {wire.host}\r\nContent-Length: 3\r\n"
                  "Expect: 100-continue\r\n\r\n".encode())
        assert wire.answer().status == 100
        wire.send(b"abc")
        assert wire.answer().status == 202


# ---- waiting -------------------------------------------------------------------------------------

def test_prefer_wait(working, server):
    begun = time.monotonic()
    answer = requests.post(working.url + "/v1/documents?filename=a.txt", data=b"wait for me",
                           headers={"Prefer": "wait=30"}, timeout=60)
    assert (answer.status_code, answer.json()["status"]) == (200, "completed"), answer.text
    assert answer.headers["Preference-Applied"] == "wait=30"
    assert time.monotonic() - begun < 20
    id = answer.json()["id"]
    answer = working.post(f"/v1/documents/{id}/reprocess",
                          headers={"Prefer": "respond-async, wait=30"})
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    begun = time.monotonic()
    answer = requests.post(server.url + "/v1/documents?filename=a.txt", data=b"nobody comes",
                           headers={"Prefer": "wait=1"}, timeout=60)
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    assert 0.9 < time.monotonic() - begun < 5


@pytest.mark.parametrize("value", ["wait=0", "wait=-1", "wait=x", "wait", "return=minimal"])
def test_preferences_that_are_none(server, value):
    answer = requests.post(server.url + "/v1/documents?filename=a.txt", data=b"x", timeout=30,
                           headers={"Prefer": value})
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers


def test_long_poll_of_leases(tmp_path):
    """The one who waits gets work the moment it comes; with none, an empty list in time."""
    with Server(tmp_path / "data", workers=0) as server:
        ask = {"worker": "me", "limit": 5, "lease_seconds": 60}
        begun = time.monotonic()
        assert server.post("/v1/leases", {**ask, "wait_seconds": 1}).json() == {"leases": []}
        assert 0.9 < time.monotonic() - begun < 4
        found = []

        def wait():
            leases = server.post("/v1/leases", {**ask, "wait_seconds": 30}).json()["leases"]
            found.append((time.monotonic(), leases))
        threads = [threading.Thread(target=wait) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        document, sent = server.upload("a.txt", b"at last"), time.monotonic()
        eventually(lambda: found, 10)
        came, leases = found[0]
        assert came - sent < 2
        assert [lease["document"]["id"] for lease in leases] == [document["id"]]
        time.sleep(0.2)
        assert len(found) == 1, "one document woke two"
        server.upload("b.txt", b"again"), server.upload("c.txt", b"and again")
        for thread in threads:
            thread.join(30)
        taken = [lease["document"]["id"] for _, leases in found for lease in leases]
        assert len(taken) == len(set(taken)) == 3


def test_heartbeat_tells_of_a_cancel(server):
    document = server.upload("a.txt", b"to be cancelled", operation="reprocess")
    lease = server.post("/v1/leases", {"operations": ["reprocess"], "limit": 100}).json()["leases"]
    token = next(each["token"] for each in lease if each["document"]["id"] == document["id"])
    beat = server.post(f"/v1/leases/{token}/heartbeat",
                       {"progress": {"stage": "pages", "done": 1, "total": 9}})
    assert beat.status_code == 200 and beat.json()["expires_at"]
    item = server.item(document["item"]["id"])
    assert item["progress"] == {"stage": "pages", "done": 1, "total": 9}
    assert server.post(f"/v1/items/{document['item']['id']}/cancel").status_code == 200
    problem = check_problem(server.post(f"/v1/leases/{token}/heartbeat", {}), 409, "lease_lost")
    assert "cancel" in problem["detail"]
    for verb, body in (("complete", {"result": {"text": "x"}}), ("release", {}),
                       ("fail", {"error": {"code": "x"}})):
        check_problem(server.post(f"/v1/leases/{token}/{verb}", body), 409, "lease_lost")
    assert server.item(document["item"]["id"])["status"] == "cancelled"


def test_retry_after(tmp_path):
    """Who is sent away is told when to come back."""
    with Server(tmp_path / "data", "--cron-runs-max", 1, "--extractor", "/bin/cat", workers=0) \
            as server:
        for number in range(20):
            server.upload(f"{number}.txt", b"x")
        busy = []

        def call():
            answer = server.post("/v1/cron/process-document-queue", {"max_seconds": 5})
            if answer.status_code != 200:
                busy.append(answer)
        threads = [threading.Thread(target=call) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert busy, "six runs at once, one allowed"
        for answer in busy:
            problem = check_problem(answer, 503, "busy")
            assert int(answer.headers["Retry-After"]) >= 1
            assert "cron-runs-max" in problem["detail"]


# ---- many at once --------------------------------------------------------------------------------

def test_bulk_enqueue(server):
    """10,000 in one request, each with its own answer, in one step."""
    parts = [("file", (f"{n}.txt", b"%d" % n)) for n in range(100)]
    documents = requests.post(server.url + "/v1/documents", files=parts,
                              timeout=60).json()["documents"]
    ids = [document["id"] for document in documents]
    asks = [{"document_id": ids[n % 100], "operation": "reprocess"} for n in range(BATCH_MAX)]
    asks[17]["document_id"] = "00000000-0000-7000-8000-000000000000"
    asks[18]["operation"] = "nonsense"
    answer = server.post("/v1/items", asks)
    assert answer.status_code == 202, answer.text[:500]
    results = answer.json()["results"]
    assert len(results) == BATCH_MAX
    assert results[17]["error"]["code"] == "not_found" and results[17]["error"]["detail"]
    assert results[18]["error"]["code"] == "invalid"
    items = [result["item"] for number, result in enumerate(results) if number not in (17, 18)]
    assert sum(item["created"] for item in items) == 100, "one waits for each document"
    assert len({item["id"] for item in items}) == 100
    for number, item in enumerate(items[:17]):
        assert item["document_id"] == ids[number]


def test_bulk_by_filter(tmp_path):
    with Server(tmp_path / "data", workers=0) as server:
        parts = [("file", (f"{n}.txt", b"%d" % n)) for n in range(50)]
        requests.post(server.url + "/v1/documents", files=parts, data={"owner": "a"}, timeout=60)
        requests.post(server.url + "/v1/documents", files=parts[:9], data={"owner": "b"},
                      timeout=60)
        for verb, filter, count in (("cancel", "owner:a", 50), ("cancel", "owner:a", 0),
                                    ("retry", "cancelled owner:a", 50),
                                    ("cancel", "pending", 59), ("delete", "owner:b", 9)):
            answer = server.post(f"/v1/items:{verb}", {"filter": filter})
            assert (answer.status_code, answer.json()) == (200, {"count": count}), (verb, filter)
        assert server.post("/v1/queue/purge", {"older": "0s"}).json() == {"count": 50}
        stats = server.get("/v1/queue/stats").json()
        assert (stats["cancelled"], stats["documents"]) == (0, 59)


def test_pause_and_resume(server):
    for body, operation in (({}, None), ({"operation": "process"}, "process")):
        assert server.post("/v1/queue/pause", body).json() == {"paused": True,
                                                              "operation": operation}
        document = server.upload("a.txt", b"paused")
        answer = server.post("/v1/leases", {"operations": ["process"]})
        assert answer.json() == {"leases": []}
        assert "paused" in server.document(document["id"])["item"]["waiting"]
        assert server.post("/v1/queue/resume", body).json()["paused"] is False
    assert server.get("/v1/queue/pending").json()["items"]


# ---- a full disk ---------------------------------------------------------------------------------

def test_disk_reserve(tmp_path):
    """507 before the disk is full, small and large, and nothing half-written stays."""
    with Server(tmp_path / "data", "--disk-reserve", "1000TiB", workers=0) as server:
        before = sorted(os.walk(server.data))
        for size in (10, 600_000):
            problem = check_problem(requests.post(server.url + "/v1/documents", data=b"x" * size,
                                                  timeout=30), 507, "no_space")
            assert "disk-reserve" in problem["detail"]
        assert sorted(os.walk(server.data)) == before
        assert server.get("/v1/queue/stats").json()["documents"] == 0
        assert server.get("/readyz").status_code == 200


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk],
                                           stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("reserve", ["1", "4MiB"], ids=["to the last byte", "with a reserve"])
def test_full_disk(small_disk, reserve):
    """What got a 202 is whole, what got a 507 is nowhere, and space brings everything back."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 3_000_000)
    with Server(small_disk / "data", "--disk-reserve", reserve, workers=0) as server:
        kept, refused = {}, 0
        for number in range(60):
            content = os.urandom(900_000 if number % 3 else 100_000)
            answer = requests.post(server.url + "/v1/documents", data=content, timeout=30)
            if answer.status_code == 202:
                kept[answer.json()["id"]] = content
            else:
                check_problem(answer, 507, "no_space")
                refused += 1
        assert len(kept) > 10 and refused > 10
        listed = server.get("/v1/documents?limit=1000").json()["documents"]
        assert {document["id"] for document in listed} == set(kept)
        for id, content in kept.items():
            assert server.get(f"/v1/documents/{id}/content").content == content
        if reserve == "1":
            ballast.unlink()
        else:  # what frees space may use the reserve
            victim = next(id for id in kept if len(kept[id]) > 500_000)
            path = server.url + f"/v1/documents/{victim}"
            assert requests.delete(path, timeout=30).status_code == 204
        assert server.upload("fits.txt", b"x" * 300_000)["status"] == "pending"
        assert server.get("/v1/queue/stats").json()["documents"] == \
            len(kept) + (1 if reserve == "1" else 0)


# ---- numbers for machines ------------------------------------------------------------------------

def test_metrics(server):
    """Every line is what Prometheus reads: typed, once, and whole numbers stay whole."""
    answer = server.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    typed, samples = set(), {}
    for line in answer.text.splitlines():
        kind = re.fullmatch(r"# (HELP|TYPE) (\w+) (.+)", line)
        if kind:
            if kind.group(1) == "TYPE":
                assert kind.group(2) not in typed and kind.group(3) in ("gauge", "counter")
                typed.add(kind.group(2))
            continue
        name, labels, value = re.fullmatch(r"(\w+)(\{[^}]*\})? ([0-9.e+-]+)", line).groups()
        assert name in typed, f"{name} has no type"
        assert (name, labels) not in samples
        samples[name, labels] = float(value)
    stats = server.get("/v1/queue/stats").json()
    assert samples["docq_documents", None] == stats["documents"]
    assert samples["docq_items", '{operation="process",status="pending"}'] == \
        next(row["pending"] for row in stats["operations"] if row["name"] == "process")


def test_health(server):
    for path, text in (("/livez", "ok\n"), ("/readyz", "ready\n")):
        answer = server.get(path)
        assert (answer.status_code, answer.text) == (200, text)


def test_stats_add_up(working):
    id = working.upload("a.txt", b"count me")["id"]
    working.wait_done(id, DONE_SECONDS_MAX)
    stats = working.get("/v1/queue/stats").json()
    for name in ("pending", "in_progress", "completed", "failed", "cancelled"):
        assert stats[name] == sum(row[name] for row in stats["operations"])
    assert stats["completed"] >= 1 and stats["workers"] >= 1
    workers = working.get("/v1/workers").json()["workers"]
    assert any(worker["alive"] and worker["pid"] for worker in workers)


def test_command_line_and_server_see_the_same(server):
    listed = docq(server.data, "ls", "--json", "--limit", "0").stdout.splitlines()
    assert [json.loads(line)["id"] for line in listed] == follow(server, "/v1/documents?limit=1000",
                                                                 "documents")


# ---- requests that come twice --------------------------------------------------------------------

def keyed(server, path, key, body=None, **options):
    headers = {"Idempotency-Key": key, **options.pop("headers", {})}
    return requests.post(server.url + path, json=body, headers=headers, timeout=60, **options)


def test_upload_with_a_key_happens_once(tmp_path):
    """Whenever it comes again, after a restart as well: the same documents, and no others."""
    with Server(tmp_path / "data", workers=0) as server:
        def upload(key, content=b"once", name="a.txt", **fields):
            parts = [("file", (name, content)), ("file", ("b.txt", b"second"))]
            return keyed(server, "/v1/documents", key, files=parts, data=fields)
        first = upload("k-1")
        assert first.status_code == 202
        for key in ("k-1", '"k-1"'):
            again = upload(key)
            assert (again.status_code, again.json()) == (202, first.json())
        assert server.get("/v1/queue/stats").json()["documents"] == 2
        for other in ({"content": b"other"}, {"name": "c.txt"}, {"priority": "1"}, {"owner": "x"},
                      {"metadata": "{\"a\":1}"}, {"operation": "reprocess"}):
            problem = check_problem(upload("k-1", **other), 422, "invalid")
            assert "new key" in problem["detail"]
        assert upload("k-2").json() != first.json()
        server.kill()
        server.start()
        docq(server.data, "process")
        ids = [document["id"] for document in first.json()["documents"]]
        again = upload("k-1").json()["documents"]
        assert [document["id"] for document in again] == ids
        assert {document["status"] for document in again} == {"completed"}
        assert server.get("/v1/queue/stats").json()["documents"] == 4
        requests.delete(server.url + f"/v1/documents/{ids[0]}", timeout=30)
        check_problem(upload("k-1"), 404, "not_found")


def test_same_key_at_the_same_time(server):
    """Ten at once make one document."""
    before = server.get("/v1/queue/stats").json()["documents"]
    answers = []

    def upload():
        answers.append(keyed(server, "/v1/documents?filename=a", "at-once", data=b"race" * 100000))
    threads = [threading.Thread(target=upload) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert server.get("/v1/queue/stats").json()["documents"] == before + 1


def test_enqueue_with_a_key_happens_once(tmp_path):
    """Although the item that it made is done by then, and a new one could be made."""
    with Server(tmp_path / "data", workers=0) as server:
        id = server.upload("a.txt", b"x")["id"]
        docq(server.data, "process")
        asks = {"one": {"document_id": id}, "many": [{"document_id": id, "operation": "reprocess"},
                                                     {"document_id": id, "operation": "reprocess"},
                                                     {"document_id": id.replace("-7", "-8")}]}
        for key, body in asks.items():
            first = keyed(server, "/v1/items", key, body)
            assert first.status_code == 202, first.text
            docq(server.data, "process")
            again = keyed(server, "/v1/items", key, body)
            assert again.status_code == 202, again.text
            if key == "one":
                assert (again.json()["id"], again.json()["created"]) == (first.json()["id"], True)
                assert again.json()["status"] == "completed"
                continue
            results = [answer.json()["results"] for answer in (first, again)]
            assert [[each.get("item", {}).get("id"), each.get("item", {}).get("created"),
                     each.get("error", {}).get("code")] for each in results[0]] == \
                [[each.get("item", {}).get("id"), each.get("item", {}).get("created"),
                  each.get("error", {}).get("code")] for each in results[1]]
            assert [bool(each.get("error")) for each in results[1]] == [False, False, True]
        path = f"/v1/documents/{id}/reprocess"
        first = keyed(server, path, "again", {"priority": 1}).json()["item"]
        docq(server.data, "process")
        second = keyed(server, path, "again", {"priority": 1}).json()["item"]
        assert (second["id"], second["status"]) == (first["id"], "completed")
        check_problem(keyed(server, path, "again", {"priority": 2}), 422, "invalid")
        assert server.get("/v1/queue/stats").json()["completed"] == 4


def test_old_keys_are_forgotten(tmp_path):
    """After a day a key is as good as new, and takes no room."""
    with Server(tmp_path / "data", workers=0) as server:
        ids = []
        for hours in (0, 23, 2):  # 25 in all when it comes for the third time
            server.stop()
            with sqlite3.connect(tmp_path / "data" / "docq.db") as db:
                db.execute("UPDATE request_key SET created_at = created_at - ?",
                           (hours * 3600 * 1_000_000,))
            db.close()
            server.start()
            ids.append(keyed(server, "/v1/documents?filename=a", "k", data=b"x").json()["id"])
        assert ids[0] == ids[1] != ids[2]
        server.stop()
        with sqlite3.connect(tmp_path / "data" / "docq.db") as db:
            assert db.execute("SELECT count(*) FROM request_key").fetchone() == (1,)
        db.close()


def test_keys_that_are_none(server):
    for key in ("", '""', "k" * 256):
        check_problem(keyed(server, "/v1/documents?filename=a", key, data=b"x"), 400, "malformed")


def test_keys_of_others_are_not_ours(tmp_path):
    tokens = [docq(tmp_path / "data", "token", "new", "--scope", "upload").stdout.strip()
              for _ in range(2)]
    with Server(tmp_path / "data", workers=0) as server:
        ids = [keyed(server, "/v1/documents?filename=a", "k", data=f"by {token}".encode(),
                     headers={"Authorization": f"Bearer {token}"}).json()["id"]
               for token in tokens]
        assert len(set(ids)) == 2


def test_a_lost_answer_makes_nothing_twice(tmp_path):
    """The client hangs up before the answer, or the server dies under it; then it asks again."""
    server = Server(tmp_path / "data", workers=0)
    with server:
        for number in range(12):
            head = (f"POST /v1/documents?filename=a HTTP/1.1\r\nHost: {server.url[7:]}\r\n"
                    f"Idempotency-Key: {number}\r\nContent-Length: 5\r\n\r\nhello").encode()
            with Wire(server.url) as wire:
                wire.send(head)
                time.sleep(0.002 * (number % 4))
            if number % 4 == 3:
                server.kill()
                server.start()
            with Wire(server.url) as wire:
                wire.send(head.replace(head.split(b"Host: ")[1].split(b"\r\n")[0],
                                       wire.host.encode()))
                assert wire.answer().status == 202
        assert server.get("/v1/queue/stats").json()["documents"] == 12
