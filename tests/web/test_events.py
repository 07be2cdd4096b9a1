"""GET /v1/events: nothing is missed, nobody needs a thread, who comes back goes on."""
import json
import os
import socket
import time

import pytest
import requests

from harness import Server, docq, eventually

COLD_SECONDS_MAX = 20


class Stream:
    """A listener: reads until a condition holds on all events so far."""

    def __init__(self, url, last_id=None, query=""):
        headers = {"Last-Event-ID": str(last_id)} if last_id is not None else {}
        self.answer = requests.get(f"{url}/v1/events{query}", headers=headers, stream=True,
                                   timeout=COLD_SECONDS_MAX)
        assert self.answer.status_code == 200, self.answer.text
        self.lines, self.events = self.answer.iter_lines(chunk_size=1, decode_unicode=True), []
        self.comments = 0

    def next(self):
        event = {}
        for line in self.lines:
            if not line and event.get("event"):
                self.events.append(event)
                return event
            if line.startswith(":"):
                self.comments += 1
            elif line:
                name, value = line.split(": ", 1)
                event[name] = json.loads(value) if name == "data" else value
        raise AssertionError("the stream ended")

    def until(self, condition):
        end = time.monotonic() + COLD_SECONDS_MAX
        while not condition(self.events):
            assert time.monotonic() < end, self.events[-3:]
            self.next()
        return self.events

    def close(self):
        self.answer.close()


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data", workers=0) as running:
        yield running


def items(events):
    return {e["data"]["id"]: e["data"]["status"] for e in events if e.get("event") == "item"}


def test_begins_with_counts_and_tells_changes(server):
    stream = Stream(server.url)
    assert stream.next()["event"] == "counts"
    item = server.upload("a.txt", b"hello")["item"]["id"]
    stream.until(lambda events: item in items(events))
    event = stream.events[-1]
    assert event["data"]["filename"] == "a.txt" and int(event["id"]) > 0
    stream.until(lambda events: any(e["event"] == "counts" and e["data"]["pending"] == 1
                                    for e in events))
    assert server.post(f"/v1/items/{item}/cancel").status_code == 200
    stream.until(lambda events: items(events)[item] == "cancelled")
    stream.close()


def test_changes_of_other_processes_are_heard(server):
    stream = Stream(server.url)
    item = server.upload("a.txt", b"hello")["item"]["id"]
    docq(server.data, "process")
    stream.until(lambda events: items(events).get(item) == "completed")
    stream.close()


def test_who_comes_back_misses_nothing(server):
    stream = Stream(server.url)
    first = server.upload("a.txt", b"1")["item"]["id"]
    stream.until(lambda events: first in items(events))
    place = [e["id"] for e in stream.events if "id" in e][-1]
    stream.close()
    missed = [server.upload(f"{i}.txt", b"2")["item"]["id"] for i in range(5)]
    server.stop()
    server.start()
    stream = Stream(server.url, last_id=place)
    stream.until(lambda events: set(missed) <= set(items(events)))
    assert first not in items(stream.events)
    assert "reset" not in [e["event"] for e in stream.events]
    stream.close()


def test_a_place_that_is_gone_is_told(server):
    stream = Stream(server.url, last_id=10 ** 9)
    assert stream.next()["event"] == "reset"
    assert stream.next()["event"] == "counts"
    stream.close()
    assert server.get("/v1/events", headers={"Last-Event-ID": "yesterday"}).status_code == 422


def test_an_owner_hears_only_its_own(server):
    stream = Stream(server.url, query="?owner=acme")
    other = server.upload("o.txt", b"1", owner="other")["item"]["id"]
    mine = server.upload("m.txt", b"2", owner="acme")["item"]["id"]
    stream.until(lambda events: mine in items(events))
    assert other not in items(stream.events)
    assert all(e["event"] == "item" for e in stream.events)
    stream.close()


def test_a_deletion_is_told(server):
    document = server.upload("a.txt", b"1")
    stream = Stream(server.url)
    stream.next()
    assert requests.delete(f"{server.url}/v1/documents/{document['id']}", timeout=9).ok
    stream.until(lambda events: events[-1]["event"] == "deleted")
    assert stream.events[-1]["data"]["id"] == document["item"]["id"]
    stream.close()


def test_needs_the_scope_and_ends_with_the_token(server):
    token = docq(server.data, "token", "new", "--scope", "upload").stdout.strip()
    eventually(lambda: server.get("/v1/items").status_code == 401)
    assert server.get("/v1/events", stream=True).status_code == 401
    answer = server.get("/v1/events", headers={"Authorization": f"Bearer {token}"}, stream=True)
    assert answer.status_code == 403
    reader = docq(server.data, "token", "new", "--scope", "read").stdout.strip()
    eventually(lambda: server.get("/v1/items", headers={"Authorization": f"Bearer {reader}"}).ok)
    answer = server.get("/v1/events", headers={"Authorization": f"Bearer {reader}"}, stream=True)
    assert answer.status_code == 200
    docq(server.data, "token", "revoke", reader.split("_")[1])
    started = time.monotonic()
    for _ in answer.iter_content(None):
        assert time.monotonic() - started < 60, "a revoked token still listens"


def threads_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Threads:"))


def test_a_thousand_listeners_need_no_thread_each(server):
    listeners = []
    server.upload("warm.txt", b"0")
    host, port = server.url.removeprefix("http://").split(":")
    for _ in range(1000):
        connection = socket.create_connection((host, int(port)), timeout=COLD_SECONDS_MAX)
        connection.sendall(f"GET /v1/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        listeners.append(connection)
    heard = [b""] * len(listeners)
    for i, connection in enumerate(listeners):
        while b"event: counts" not in heard[i]:
            heard[i] += connection.recv(65536)
    before = threads_of(server.process.pid)
    item = server.upload("a.txt", b"1")["item"]["id"].encode()
    for i, connection in enumerate(listeners):
        while item not in heard[i]:
            part = connection.recv(65536)
            assert part, "a listener was let go"
            heard[i] += part
    assert threads_of(server.process.pid) <= before + 2
    for connection in listeners:
        connection.close()
    assert server.get("/readyz").status_code == 200


def test_who_does_not_read_is_let_go(server):
    """A listener that never reads must not make the server's memory grow."""
    host, port = server.url.removeprefix("http://").split(":")
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.connect((host, int(port)))
    lazy.sendall(f"GET /v1/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    files = [("file", (f"{i}.txt", b"x")) for i in range(300)]
    answer = requests.post(server.url + "/v1/documents", files=files, timeout=60).json()
    ids = [document["id"] for document in answer["documents"]]

    def target(path):
        try:
            return os.readlink(path)
        except FileNotFoundError:
            return ""  # closed since the folder was listed

    def sockets():
        folder = f"/proc/{server.process.pid}/fd"
        return sum(target(f"{folder}/{fd}").startswith("socket:") for fd in os.listdir(folder))

    eventually(lambda: sockets() >= 2)

    def churn():
        server.post("/v1/items", [{"document_id": id, "operation": "process"} for id in ids])
        server.post("/v1/items:cancel", {"filter": "pending"})
        return sockets() <= 1

    eventually(churn, seconds=60, pause=0.1)
    lazy.close()
