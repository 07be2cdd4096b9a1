"""The client and the queue's verbs against a server, and against one that misbehaves."""
import datetime
import io
import json
import os
import socket
import threading
import time

import pytest

import docq
from docq import Client, DocumentQueueService
from docq.errors import CLASSES
from docq._http import ATTEMPTS_MAX
from harness import ROOT, Server, make_pdf
from support import REMOTE, Listener, answer, read_request


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("client") / "data", "--remote-operations", REMOTE,
                "--upload-bytes-max", "8MiB", workers=1) as running:
        yield running


@pytest.fixture
def client(server):
    with Client(server.url) as opened:
        yield opened


@pytest.fixture
def service(server):
    with DocumentQueueService(server.url, worker="tester", lease_seconds=20) as opened:
        yield opened


# ---- documents -----------------------------------------------------------------------------------

def test_document_from_upload_to_text(client, tmp_path):
    path = tmp_path / "l\u00e9tter \"1\".pdf"
    path.write_bytes(make_pdf("dear reader"))
    document = client.upload(path, metadata={"case": 7, "who": "\u00e9"}, owner="me", priority=5)
    assert (document.status, document.item.priority) == ("pending", 5)
    assert (document.filename, document.owner) == (path.name, "me")
    assert document.metadata == {"case": 7, "who": "\u00e9"}
    assert document.created_at.tzinfo == datetime.timezone.utc
    document = client.wait(document, timeout=30)
    assert document.status == "completed" and document.done and document.error is None
    assert "dear reader" in client.text(document)
    assert client.page(document, 1) == client.text(document)
    assert client.metadata(document) is not None
    item = client.item(document.item)
    assert [attempt.outcome for attempt in item.history] == ["completed"]
    assert client.content(document) == path.read_bytes()
    assert client.download(document, tmp_path / "back.pdf") == document.size
    assert (tmp_path / "back.pdf").read_bytes() == path.read_bytes()
    assert document.id in [each.id for each in client.all_documents("owner:me")]
    client.delete(document)
    with pytest.raises(docq.NotFound) as caught:
        client.document(document.id)
    assert caught.value.code == "not_found" and caught.value.status == 404
    assert caught.value.request_id and caught.value.request_id in str(caught.value)


def test_upload_from_everything_that_holds_bytes(client, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"from a path")
    assert client.upload(str(tmp_path / "a.txt")).filename == "a.txt"
    assert client.upload(b"bytes").filename == "document"
    with open(tmp_path / "a.txt", "rb") as file:
        file.seek(5)
        rest = client.upload(file)
        assert client.content(rest) == b"a path" and rest.filename == "a.txt"
    assert client.upload(io.BytesIO(b""), filename="empty.txt").size == 0
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb") as end:
        threading.Thread(target=lambda: (end.write(b"x" * 300000), end.close())).start()
        assert client.upload(pipe, filename="pipe.bin").size == 300000
    with pytest.raises(TypeError, match="open binary file"):
        client.upload(12)
    with pytest.raises(TypeError, match="mode 'rb'"), open(tmp_path / "a.txt") as text:
        client.upload(text)


def test_large_upload_is_streamed_and_a_refusal_in_the_middle_is_understood(client, tmp_path):
    """The file is sparse: held in memory it would show."""
    import resource
    path = tmp_path / "large.bin"
    with open(path, "wb") as file:
        file.truncate(600 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(docq.TooLarge) as caught:
        client.upload(path)
    assert caught.value.status == 413
    with open(path, "r+b") as file:
        file.truncate(7 << 20)
    assert client.upload(path).size == 7 << 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


def test_upload_after_a_pause(client):
    """The server reads its tokens anew after a second; the body that comes meanwhile fills a buffer,
    and reading has to go on afterwards."""
    for _ in range(3):
        time.sleep(1.2)
        assert client.upload(bytes(3 << 20), timeout=10).size == 3 << 20


def test_errors_carry_code_field_and_request(client, service):
    document = client.upload(b"words", operation="job")
    with pytest.raises(docq.Invalid) as caught:
        service.enqueue(document, "process", priority=5000)
    assert caught.value.field == "/priority" and caught.value.status == 422
    with pytest.raises(docq.Invalid, match="unknown operation"):
        service.enqueue(document, "no_such_operation")
    with pytest.raises(docq.NotProcessed):
        client.text(document)
    with pytest.raises(docq.NotFound):
        client.document("01890000-0000-7000-8000-000000000000")
    with pytest.raises(docq.Unreachable, match="docq serve"):
        Client("http://127.0.0.1:9").stats()
    with pytest.raises(ValueError, match="http://"):
        Client("localhost:8080")
    client.cancel(document.item)


def test_every_code_of_the_server_has_a_class():
    """A code without a class of its own is a ServerError or a plain DocqError: listed here."""
    with open(os.path.join(ROOT, "src", "base", "errors.def"), encoding="utf-8") as file:
        codes = [line.split('"')[1] for line in file if line.startswith("ERROR(")]
    plain = {"io_error", "store_error", "corrupt", "store_version", "internal", "unreachable",
             "timed_out", "range_not_satisfiable", "request_timeout"}
    assert {code for code in codes if code not in CLASSES} <= plain
    assert len(codes) > 20


def test_wait_times_out(client):
    document = client.upload(b"nobody works on this", operation="job")
    with pytest.raises(docq.TimedOut, match="pending"):
        client.wait(document, timeout=0.3)
    client.cancel(document.item)
    assert client.wait(document).status == "cancelled"


def test_search_is_unsupported_or_works(client):
    document = client.upload(b"zanzibarian gardens are green", filename="find.txt")
    client.wait(document, timeout=30)
    try:
        found = client.search("zanzibarian")
    except docq.Unsupported:
        assert client.http.request("GET", "/openapi.json").json()["paths"].get("/v1/search") is None
    else:
        assert [hit.document_id for hit in found] == [document.id]


# ---- the queue's verbs ---------------------------------------------------------------------------

def test_service_has_the_names_that_were_asked_for():
    for name in ("enqueue", "get_pending_items", "mark_in_progress", "mark_completed",
                 "mark_failed", "get_queue_stats", "upload_document", "reprocess_document",
                 "process_document_queue"):
        assert callable(getattr(DocumentQueueService, name))


def test_claim_heartbeat_complete(service, client):
    document = service.upload_document(b"by hand", operation="job", priority=3)
    pending = [item for item in service.get_pending_items(100)
               if item.document_id == document.id]
    assert [item.operation for item in pending] == ["job"]
    lease, = service.claim(1, ["job"])
    assert lease.document.id == document.id and lease.item.status == "in_progress"
    assert lease.token not in repr(lease)
    service.heartbeat(lease.item, {"stage": "reading", "done": 1, "total": 2})
    assert client.item(lease.item).progress == {"stage": "reading", "done": 1, "total": 2}
    service.mark_completed(lease.item, {"text": "done by hand", "metadata": {"a": 1}})
    service.mark_completed(lease, {"text": "done by hand", "metadata": {"a": 1}})  # the same again
    assert client.text(document) == "done by hand"
    assert client.metadata(document)["a"] == 1
    with pytest.raises(docq.Conflict, match="not held here"):
        service.mark_completed(lease.item)


def test_fail_release_and_lost_leases(service, client):
    service.upload_document(b"one", operation="job")
    lease, = service.claim(1, ["job"])
    service.release(lease)
    lease, = service.claim(1, ["job"])
    assert lease.item.attempts == 1
    assert service.mark_failed(lease, docq.Retry("later", after=0.2)) == "pending"
    item = client.item(lease.item)
    assert item.error["message"] == "later" and item.error["retryable"]
    client.cancel(item)
    service.upload_document(b"two", operation="job")
    lease, = service.claim(1, ["job"])
    assert service.mark_failed(lease, docq.Permanent("no_good", "it is no good")) == "failed"
    assert client.item(lease.item).error["code"] == "no_good"
    again = client.retry(lease.item)
    lease, = service.claim(1, ["job"])
    assert lease.item.id == again.id
    client.cancel(lease.item)
    with pytest.raises(docq.LeaseLost):
        service.heartbeat(lease)
    with pytest.raises(docq.LeaseLost):
        service.mark_completed(lease, "too late")


def test_completing_without_a_result_keeps_what_the_document_has(service, client):
    document = client.wait(client.upload(b"text to keep", filename="keep.txt"), 30)
    kept = client.text(document)
    service.reprocess_document(document, "job")
    lease, = service.claim(1, ["job"])
    service.mark_completed(lease)
    assert client.text(document) == kept and "text to keep" in kept


def test_one_item_waits_for_a_document_and_operation(service, client):
    document = client.upload(b"twice", operation="job")
    again = service.enqueue(document.id, "job", priority=9)
    assert (again.id, again.created, again.priority) == (document.item.id, False, 9)
    client.cancel(again)
    fresh = service.enqueue(document, "job")
    assert fresh.created and fresh.id != again.id
    client.cancel(fresh)


def test_mark_in_progress_has_one_winner(service, server):
    document = service.upload_document(b"contested", operation="job")
    outcomes = []

    def compete():
        with DocumentQueueService(server.url) as mine:
            try:
                mine.mark_in_progress(document.item)
                outcomes.append("won")
                mine.mark_completed(document.item, "mine")
            except docq.Conflict as error:
                outcomes.append(error.code)
    threads = [threading.Thread(target=compete) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["conflict"] * 7 + ["won"]


def test_process_document_queue_and_statistics(tmp_path):
    with Server(tmp_path / "data", workers=0) as server:
        with DocumentQueueService(server.url) as service:
            service.upload_document(b"for cron", filename="cron.txt")
            assert service.get_queue_stats().pending == 1
            done = service.process_document_queue(limit=10, max_seconds=30)
            assert (done.claimed, done.completed) == (1, 1) and done.duration_seconds > 0
            stats = service.get_queue_stats()
            assert (stats.pending, stats.completed, stats.documents) == (0, 1, 1)


def test_pages_of_a_list(client):
    made = {client.upload(b"%d" % n, owner="pages", operation="job").id for n in range(7)}
    first = client.documents("owner:pages", limit=3)
    assert len(first) == 3 and first.next
    second = client.documents("owner:pages", limit=3, cursor=first.next)
    assert not {each.id for each in first} & {each.id for each in second}
    assert {each.id for each in client.all_documents("owner:pages")} == made
    for item in client.all_items("pending operation:job"):
        client.cancel(item)


def test_tokens(tmp_path):
    from harness import docq as run_docq
    data = tmp_path / "data"
    with Server(data, workers=0) as server:
        said = run_docq(data, "token", "new", "--name", "python", "--scope", "upload").stdout
        token = next(word for word in said.split() if word.startswith("dq_"))
        time.sleep(1.1)  # the server's copy of its tokens is a second old at most
        with Client(server.url, token) as client:
            document = client.upload(b"with a token")
            with pytest.raises(docq.Forbidden, match="read"):
                client.document(document)
        with Client(server.url) as client, pytest.raises(docq.Unauthorized):
            client.stats()


# ---- a server that misbehaves --------------------------------------------------------------------

def test_connections_are_kept(server):
    ports = set()
    with Client(server.url) as client:
        for _ in range(5):
            client.stats()
            ports.add(client.http._idle[0].raw.sock.getsockname()[1])
    assert len(ports) == 1


def test_a_connection_that_the_server_closed_is_not_used_again():
    """The second request goes out on a new connection, though it must not be sent twice."""
    def script(connection, number):
        read_request(connection)
        answer(connection, 200, b'{"leases": []}')
        connection.close()
    with Listener(script) as listener, DocumentQueueService(listener.url) as service:
        for _ in range(3):
            assert service.claim() == []
            time.sleep(0.05)
        assert listener.count == 3


def test_reading_is_tried_again_and_writing_is_not():
    def broken(connection, number):
        read_request(connection)  # and no answer
    with Listener(broken) as listener, DocumentQueueService(listener.url) as service:
        with pytest.raises(docq.Unreachable):
            service.client.stats()
        assert listener.count == ATTEMPTS_MAX
        with pytest.raises(docq.Unreachable) as caught:
            service.claim()
        assert listener.count == ATTEMPTS_MAX + 1 and caught.value.sent


def test_busy_is_tried_again_as_told():
    def script(connection, number):
        while read_request(connection):
            if number == 1:
                answer(connection, 503, json.dumps({"code": "busy", "detail": "Later."}).encode(),
                       "Retry-After: 0", "Connection: close")
                return
            answer(connection, 200, b'{"leases": []}')
    with Listener(script) as listener, DocumentQueueService(listener.url) as service:
        assert service.claim() == []
        assert listener.count == 2


def test_time_outs():
    release = threading.Event()
    with Listener(lambda *_: release.wait(20)) as listener:
        begun = time.monotonic()
        with Client(listener.url, timeout=0.4) as client, pytest.raises(docq.TimedOut):
            client.cancel("x")
        with Client(listener.url, timeout=0.4) as client, pytest.raises(TimeoutError):
            client.stats()
        assert time.monotonic() - begun < 5
        release.set()


def test_a_body_that_ends_early_is_an_error(tmp_path):
    def script(connection, number):
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    with Listener(script) as listener, Client(listener.url) as client:
        with pytest.raises(docq.Unreachable):
            client.download("x", tmp_path / "file")
        assert os.listdir(tmp_path) == []


def test_what_is_no_docq_server_is_told():
    def script(connection, number):
        while read_request(connection):
            answer(connection, 200 if number == 1 else 404, b"<html>hello</html>")
            return
    with Listener(script) as listener, Client(listener.url) as client:
        with pytest.raises(docq.ServerError, match="docq server"):
            client.stats()
        with pytest.raises(docq.DocqError, match="docq server"):
            client.stats()


def test_child_after_fork_has_connections_of_its_own(server):
    with Client(server.url) as client:
        client.stats()
        mine = client.http._idle[0].raw.sock.getsockname()[1]
        child = os.fork()
        if child == 0:
            try:
                client.stats()
                theirs = client.http._idle[0].raw.sock.getsockname()[1]
                os._exit(0 if theirs != mine else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        client.stats()


def test_package_is_typed_and_needs_nothing():
    """The synchronous client imports from the standard library and itself only."""
    import ast
    import sys
    folder = os.path.dirname(docq.__file__)
    assert os.path.exists(os.path.join(folder, "py.typed"))
    optional = {"aio.py": {"httpx"}, "fastapi.py": {"fastapi", "starlette", "anyio"}}
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".py"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            tree = ast.parse(file.read())
        used = {alias.name.split(".")[0] for node in ast.walk(tree)
                if isinstance(node, ast.Import) for alias in node.names}
        used |= {node.module.split(".")[0] for node in ast.walk(tree)
                 if isinstance(node, ast.ImportFrom) and node.level == 0}
        assert used <= set(sys.stdlib_module_names) | optional.get(name, set()), name


def test_socket_options(server):
    """Small requests are not held back by Nagle's algorithm."""
    with Client(server.url) as client:
        client.stats()
        sock = client.http._idle[0].raw.sock
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
