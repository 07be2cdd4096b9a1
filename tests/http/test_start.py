"""A server that cannot start says which fault and which remedy; one that can, leaves in order."""
import os
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
import requests

from harness import BINARY, Server, docq, environment, eventually, workers_of


def serve(data, *options, **more):
    return subprocess.run([BINARY, "serve", "--data", data, "--listen", "127.0.0.1:0", *options],
                          env=environment(), capture_output=True, text=True, timeout=30, **more)


def test_second_server_on_the_same_data(tmp_path):
    with Server(tmp_path / "data", workers=0) as server:
        done = serve(tmp_path / "data")
        assert done.returncode == 1 and done.stdout == ""
        assert f"process {server.process.pid}" in done.stderr
        assert "fix: stop it with" in done.stderr and "--data" in done.stderr
        assert server.get("/readyz").status_code == 200
        assert docq(tmp_path / "data", "healthcheck").returncode == 0, "its address is still there"
    assert not os.path.exists(tmp_path / "data" / "server.address")
    with Server(tmp_path / "data", workers=0) as server:  # the lock went with its holder
        assert server.get("/readyz").status_code == 200


def test_data_directory_that_is_none(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    for data in (tmp_path / "file", tmp_path / "file" / "below", "/proc/docq-data"):
        done = serve(data)
        assert done.returncode == 1, done
        assert str(data) in done.stderr and "fix: choose another directory" in done.stderr
        assert len(done.stderr.splitlines()) == 2, done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_data_directory_that_is_not_writable(tmp_path):
    data = tmp_path / "data"
    docq(data, "upload", __file__)
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        os.chmod(folder, 0o755)
    before = sorted(os.listdir(data))

    def become_nobody():
        os.setgid(65534)
        os.setuid(65534)
    for mode in (0o700, 0o555, 0o500):
        os.chmod(data, mode)
        done = serve(data, preexec_fn=become_nobody)
        assert done.returncode == 1
        assert "Permission denied" in done.stderr and "fix:" in done.stderr, done.stderr
        for verb in (("upload", __file__), ("ls",), ("process",)):
            done = subprocess.run([BINARY, *verb, "--data", data], env=environment(), timeout=30,
                                  capture_output=True, text=True, preexec_fn=become_nobody)
            assert done.returncode == 1 and "fix:" in done.stderr, (verb, done)
    assert sorted(os.listdir(data)) == before


def test_store_of_a_newer_version(tmp_path):
    """Refused by every verb, and not touched."""
    data = tmp_path / "data"
    docq(data, "upload", __file__)
    path = data / "docq.db"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    for verb in (("serve", "--listen", "127.0.0.1:0"), ("upload", __file__), ("ls",), ("process",),
                 ("worker",), ("stats",), ("token", "ls")):
        done = docq(data, *verb, check=False)
        assert done.returncode == 1, (verb, done)
        assert "99" in done.stderr and "fix: Upgrade docq" in done.stderr, (verb, done.stderr)
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (99,)
        db.execute("PRAGMA user_version=1")
    db.close()


def test_database_that_is_none(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "docq.db").write_bytes(b"this is no database, whatever its name says" * 100)
    done = serve(data)
    assert done.returncode == 1 and str(data) in done.stderr
    assert "not a database" in done.stderr and "fix: restore" in done.stderr
    assert (data / "docq.db").read_bytes().startswith(b"this is no database")


@pytest.mark.parametrize("address,said", [
    ("nonsense", "not an address"), ("127.0.0.1", "not an address"),
    ("127.0.0.1:99999", "not an address"), ("127.0.0.1:x", "not an address"),
    ("example.com:80", "not an address"), ("[::1:0", "not an address"),
    ("192.0.2.1:8080", "Cannot listen")])
def test_addresses_that_are_none(tmp_path, address, said):
    docq(tmp_path / "data", "token", "new", "--scope", "read")
    done = serve(tmp_path / "data", "--listen", address)
    assert done.returncode == 1
    assert said in done.stderr and address.rsplit(":", 1)[0] in done.stderr


def test_port_that_is_taken(tmp_path):
    with Server(tmp_path / "one", workers=0) as server:
        port = server.url.rsplit(":", 1)[1]
        done = serve(tmp_path / "two", "--listen", f"127.0.0.1:{port}")
        assert done.returncode == 1
        assert "address already in use" in done.stderr and port in done.stderr


def test_sigterm_ends_in_order(tmp_path):
    """Idle connections are closed, waiting ones answered, workers ended, exit code 0."""
    with Server(tmp_path / "data", workers=1) as server:
        eventually(lambda: workers_of(server.data), 20)
        session = requests.Session()
        assert session.get(server.url + "/livez", timeout=10).status_code == 200
        answers = []
        ask = {"wait_seconds": 30, "operations": ["reprocess"]}
        waiting = threading.Thread(target=lambda: answers.append(server.post("/v1/leases", ask)))
        waiting.start()
        time.sleep(0.3)
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        waiting.join(20)
        assert answers[0].json() == {"leases": []}
        assert server.process.wait(timeout=20) == 0
        assert time.monotonic() - begun < 10
        assert not workers_of(server.data)
