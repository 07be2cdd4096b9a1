"""Who may do what: every route with every scope, and the local machine without tokens.

The routes are read from src/http/routes.def, so that a new one is tested the day it is added.
"""
import os
import re
import socket
import subprocess
import time

import pytest
import requests

from harness import BINARY, ROOT, Server, docq, environment
from wire import check_problem

SCOPES = ["upload", "read", "work", "operate", "admin"]
NOBODY = "00000000-0000-7000-8000-000000000000"
BOGUS = "dq_0123456789abcdef_" + "0" * 64


def routes():
    """(method, pattern, scopes, body kind) of every row of the route table."""
    with open(os.path.join(ROOT, "src", "http", "routes.def"), encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    rows = re.findall(r'ROUTE\(\s*"(\w+)"\s*,\s*"([^"]+)"\s*,\s*([\w| ]+?)\s*,\s*(\w+)', text)
    assert len(rows) > 30
    return [(method, pattern, {word.strip().lower() for word in scopes.split("|")} - {"nobody"},
             body) for method, pattern, scopes, body in rows]


ROUTES = routes()


def path_of(pattern):
    """A path that fits and names nothing that is there."""
    return pattern.replace("{id}", NOBODY).replace("{token}", "ab" * 40).replace("{n}", "1")


def ask(server, method, pattern, headers=None, **options):
    return requests.request(method, server.url + path_of(pattern), timeout=30,
                            headers=headers or {}, stream=True, **options)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server with one token for each scope."""
    data = tmp_path_factory.mktemp("access") / "data"
    tokens = {scope: docq(data, "token", "new", "--scope", scope).stdout.strip()
              for scope in SCOPES}
    with Server(data, workers=0) as running:
        running.tokens = tokens
        yield running


@pytest.mark.parametrize("method,pattern,scopes,body", ROUTES,
                         ids=[f"{row[0]} {row[1]}" for row in ROUTES])
def test_every_route_with_every_scope(guarded, method, pattern, scopes, body):
    """401 without a token that is known, 403 with one that lacks the scope, else neither."""
    for headers in ({}, bearer(BOGUS), bearer("nonsense"), {"Authorization": "Basic eDp5"},
                    bearer(guarded.tokens["admin"][:-1])):
        answer = ask(guarded, method, pattern, headers)
        if scopes:
            problem = check_problem(answer, 401, "unauthorized")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert "docq token new" in problem["detail"]
        else:
            assert answer.status_code == 200 or (pattern == "/v1/session" and method != "GET")
    for scope, token in guarded.tokens.items():
        answer = ask(guarded, method, pattern, bearer(token))
        if not scopes or scope in scopes or scope == "admin":
            assert answer.status_code not in (401, 403), (scope, answer.text)
        else:
            problem = check_problem(answer, 403, "forbidden")
            assert all(name in problem["detail"] for name in scopes), problem
        answer.close()


def test_no_body_is_read_before_access(guarded):
    """A stranger's 100 MB are refused at the head."""
    place = guarded.url.rsplit(":", 1)
    with socket.create_connection(("127.0.0.1", int(place[1])), 10) as raw:
        raw.sendall(b"POST /v1/documents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000"
                    b"\r\nExpect: 100-continue\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 401 ")


def test_token_in_the_query_is_none(guarded):
    token = guarded.tokens["admin"]
    for name in ("token", "access_token", "authorization"):
        check_problem(guarded.get(f"/v1/items?{name}={token}"), 401, "unauthorized")


def test_revoked_and_expired_tokens(guarded):
    """Both end within a second or so, without a restart."""
    data = guarded.data
    secret = docq(data, "token", "new", "--scope", "read", "--expires", "2s").stdout.strip()
    other = docq(data, "token", "new", "--scope", "read").stdout.strip()
    for token in (secret, other):
        assert guarded.get("/v1/items", headers=bearer(token)).status_code == 200
    docq(data, "token", "revoke", other.split("_")[1])
    time.sleep(2.2)
    for token in (secret, other):
        check_problem(guarded.get("/v1/items", headers=bearer(token)), 401, "unauthorized")


def test_secrets_are_not_stored(guarded):
    """Neither the store nor the log holds what a token says."""
    guarded.get("/v1/items", headers=bearer(guarded.tokens["read"]))
    secrets = [token.rsplit("_", 1)[1].encode() for token in guarded.tokens.values()]
    files = [guarded.log] + [os.path.join(folder, name)
                             for folder, _, names in os.walk(guarded.data) for name in names]
    for path in files:
        with open(path, "rb") as file:
            content = file.read()
        assert not any(secret in content for secret in secrets), path


# ---- the local machine, without tokens -----------------------------------------------------------

@pytest.mark.parametrize("method,pattern,scopes,body", ROUTES,
                         ids=[f"{row[0]} {row[1]}" for row in ROUTES])
def test_foreign_host_is_refused_everywhere(server, method, pattern, scopes, body):
    """A name that an attacker makes point here (DNS rebinding) reaches no route."""
    port = server.url.rsplit(":", 1)[1]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1:1", "localhost.evil.example",
                 f"127.0.0.1.evil.example:{port}"):
        check_problem(ask(server, method, pattern, {"Host": host}), 421, "misdirected")


def test_own_names_are_served(server):
    port = server.url.rsplit(":", 1)[1]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
        assert server.get("/v1/items", headers={"Host": host}).status_code == 200


def test_allowed_hosts(tmp_path):
    with Server(tmp_path / "data", "--allowed-hosts", "queue.example, other.example:80",
                workers=0) as server:
        port = server.url.rsplit(":", 1)[1]
        for host in (f"queue.example:{port}", "other.example:80"):
            assert server.get("/livez", headers={"Host": host}).status_code == 200
        check_problem(server.get("/livez", headers={"Host": "third.example"}), 421)


WRITING = [row for row in ROUTES if row[0] not in ("GET", "HEAD")]


@pytest.mark.parametrize("method,pattern,scopes,body", WRITING,
                         ids=[f"{row[0]} {row[1]}" for row in WRITING])
def test_foreign_pages_change_nothing(server, method, pattern, scopes, body):
    """A page of somebody else, open in this machine's browser, must not reach the queue."""
    own = server.url
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"},
                    {"Origin": own.replace("http:", "https:")}, {"Origin": own + "0"},
                    {"Origin": own, "Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"}):
        check_problem(ask(server, method, pattern, headers), 403, "forbidden")
    for headers in ({"Origin": own}, {"Sec-Fetch-Site": "same-origin"}, {}):
        answer = ask(server, method, pattern, headers)
        assert answer.status_code not in (401, 421)
        if answer.status_code == 403:  # for a reason of its own: the first token is made elsewhere
            assert pattern == "/v1/tokens" and "docq token new" in answer.json()["detail"]


def test_no_cors_header_is_ever_sent(server):
    for headers in ({"Origin": "http://evil.example"}, {"Origin": server.url}):
        answer = server.get("/v1/items", headers=headers)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_first_token_closes_the_door(tmp_path):
    """Without a restart: as soon as a token exists, everybody needs one."""
    with Server(tmp_path / "data", workers=0) as server:
        assert server.get("/v1/items").status_code == 200
        token = docq(server.data, "token", "new", "--scope", "read").stdout.strip()
        time.sleep(1.2)
        check_problem(server.get("/v1/items"), 401, "unauthorized")
        assert server.get("/v1/items", headers=bearer(token)).status_code == 200


# ---- elsewhere -----------------------------------------------------------------------------------

@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_no_listening_elsewhere_without_tokens(tmp_path, address):
    serve = [BINARY, "serve", "--data", tmp_path / "data", "--workers", "0", "--listen", address]
    done = subprocess.run(serve, env=environment(), capture_output=True, timeout=30)
    assert done.returncode == 1
    assert b"docq token new" in done.stderr and b"listening" not in done.stderr
    docq(tmp_path / "data", "token", "new", "--scope", "read")
    running = subprocess.Popen(serve, env=environment(), stderr=subprocess.PIPE)
    try:
        line = running.stderr.readline()
        assert b"listening on" in line, line
        port = int(line.strip().rsplit(b":", 1)[1])
        answer = requests.get(f"http://127.0.0.1:{port}/v1/items", timeout=10)
        check_problem(answer, 401, "unauthorized")
    finally:
        running.terminate()
        running.communicate()
    assert running.returncode == 0
