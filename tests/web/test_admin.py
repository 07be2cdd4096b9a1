"""What the admin page stands on: its files, sessions, and the reports."""
import gzip
import re

import pytest
import requests

from harness import Server, docq, eventually


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data", workers=1) as running:
        yield running


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def test_files_are_kept_by_their_names(server):
    index = server.get("/admin/")
    assert index.status_code == 200 and index.headers["Cache-Control"] == "no-cache"
    policy = index.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    again = server.get("/admin/", headers={"If-None-Match": index.headers["ETag"]})
    assert again.status_code == 304 and not again.content
    names = re.findall(r"/admin/(app-[0-9a-f]+\.(?:js|css))", index.text)
    assert len(names) == 2
    for name in names:
        answer = server.get(f"/admin/{name}")
        assert "immutable" in answer.headers["Cache-Control"]
        plain = server.get(f"/admin/{name}", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers and plain.content == answer.content
        packed = requests.get(f"{server.url}/admin/{name}", stream=True, timeout=9,
                              headers={"Accept-Encoding": "gzip"}).raw.read()
        assert gzip.decompress(packed) == plain.content
    assert server.get("/admin/app-0.js").status_code == 404
    assert server.get("/admin/queue").text == index.text
    assert server.get("/admin/items/0").text == index.text
    assert server.get("/admin", allow_redirects=False).headers["Location"] == "/admin/"


def test_without_tokens_the_local_person_is_admin(server):
    assert server.get("/v1/session").json()["role"] == "admin"
    answer = server.get("/v1/session", headers={"Host": "evil.example"})
    assert answer.status_code == 421


def test_a_session_is_a_cookie_that_scripts_cannot_read(server):
    admin = docq(server.data, "token", "new", "--scope", "admin").stdout.strip()
    eventually(lambda: server.get("/v1/items").status_code == 401)
    assert server.get("/v1/session").json()["role"] is None
    browser = requests.Session()
    answer = browser.post(server.url + "/v1/session", json={"token": admin}, timeout=9)
    assert answer.status_code == 200 and answer.json()["role"] == "admin"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert browser.get(server.url + "/v1/tokens", timeout=9).status_code == 200
    own = {"Origin": server.url, "Sec-Fetch-Site": "same-origin"}
    assert browser.post(server.url + "/v1/queue/pause", json={}, headers=own, timeout=9).ok
    for foreign in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"},
                    {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}):
        for method, path in (("POST", "/v1/queue/resume"), ("POST", "/v1/session"),
                             ("DELETE", "/v1/session"), ("DELETE", "/v1/tokens/0")):
            answer = browser.request(method, server.url + path, headers=foreign, timeout=9,
                                     json={"token": admin} if path == "/v1/session" else {})
            assert answer.status_code == 403, (method, path, foreign, answer.text)
    assert browser.get(server.url + "/v1/queue/stats", timeout=9).json()["paused_at"]
    assert browser.delete(server.url + "/v1/session", timeout=9).status_code == 204
    assert browser.get(server.url + "/v1/tokens", timeout=9).status_code == 401


def test_a_login_link_opens_one_session_and_nothing_else(server):
    docq(server.data, "token", "new", "--scope", "admin")
    eventually(lambda: server.get("/v1/items").status_code == 401)
    code = docq(server.data, "token", "login").stdout.strip().split("#code=")[1]
    assert server.get("/v1/items", headers=bearer(code)).status_code == 401
    first = server.post("/v1/session", {"token": code})
    assert first.status_code == 200 and first.json()["role"] == "admin"
    assert server.post("/v1/session", {"token": code}).status_code == 401
    session = first.cookies["docq_session"]
    assert session != code
    tokens = server.get("/v1/tokens", cookies=first.cookies).json()["tokens"]
    mine = next(t for t in tokens if t["name"] == "browser session")
    docq(server.data, "token", "revoke", mine["id"])
    eventually(lambda: server.get("/v1/tokens", cookies=first.cookies).status_code == 401)


def test_guessing_is_limited(server):
    admin = docq(server.data, "token", "new", "--scope", "admin").stdout.strip()
    wrong = admin[:-1] + ("0" if admin[-1] != "0" else "1")
    codes = [server.post("/v1/session", {"token": wrong}).status_code for _ in range(12)]
    assert codes[:10] == [401] * 10 and codes[10:] == [429] * 2
    refused = server.post("/v1/session", {"token": admin})
    assert refused.status_code == 429 and refused.headers["Retry-After"] == "60"


def test_tokens_need_admin(server):
    assert server.post("/v1/tokens", {"scopes": ["admin"]}).status_code == 403
    admin = docq(server.data, "token", "new", "--scope", "admin").stdout.strip()
    eventually(lambda: server.get("/v1/items").status_code == 401)
    for scopes in (["read"], ["operate", "upload", "work"]):
        other = server.post("/v1/tokens", {"scopes": scopes}, headers=bearer(admin)).json()["token"]
        assert server.get("/v1/tokens", headers=bearer(other)).status_code == 403
        assert server.post("/v1/tokens", {"scopes": ["admin"]},
                           headers=bearer(other)).status_code == 403
    assert server.post("/v1/tokens", {"scopes": ["king"]}, headers=bearer(admin)).status_code == 422
    assert server.post("/v1/tokens", {"scopes": []}, headers=bearer(admin)).status_code == 422
    listed = server.get("/v1/tokens", headers=bearer(admin))
    assert len(listed.json()["tokens"]) == 3 and admin not in listed.text
    id = admin.split("_")[1]
    assert requests.delete(f"{server.url}/v1/tokens/{id}", headers=bearer(admin),
                           timeout=9).status_code == 204
    eventually(lambda: server.get("/v1/tokens", headers=bearer(admin)).status_code == 401)


def failing(server, message, count):
    """So many items, each failed with this message but for its number."""
    for i in range(count):
        server.upload("x.txt", b"x", operation="translate")
    leases = server.post("/v1/leases", {"worker": "t", "operations": ["translate"],
                                        "limit": count}).json()["leases"]
    assert len(leases) == count
    for i, lease in enumerate(leases):
        server.post(f"/v1/leases/{lease['token']}/fail",
                    {"error": {"code": "broken", "message": message.format(i), "retryable": False}})


def test_failures_are_grouped_by_kind(tmp_path):
    with Server(tmp_path / "data", "--remote-operations", "translate", workers=0) as server:
        failing(server, "cannot read page {0} of `file{0}.txt`", 5)
        failing(server, "no answer from host", 2)
        problems = server.get("/v1/problems?since=1h").json()["problems"]
        assert [p["count"] for p in problems] == [5, 2]
        assert problems[0]["last_hour"] == 5 and problems[0]["code"] == "broken"
        filter = f"failed problem:{problems[0]['problem']}"
        assert server.get("/v1/items:count", params={"q": filter}).json() == \
            {"count": 5, "more": False}
        assert server.post("/v1/items:retry", {"filter": filter}).json()["count"] == 5
        assert [p["count"] for p in server.get("/v1/problems").json()["problems"]] == [2]
        assert server.get("/v1/problems?since=soon").status_code == 422


def test_reports_agree_with_what_happened(server):
    for i in range(4):
        server.wait_done(server.upload(f"{i}.txt", b"hello")["id"])
    for span in ("1h", "72h", "90d"):
        history = server.get(f"/v1/queue/history?span={span}").json()
        assert sum(p["completed"] for p in history["points"]) == 4
        assert sum(p["enqueued"] for p in history["points"]) == 4
        assert history["run_seconds"]["count"] == 4
        assert 0 < history["run_seconds"]["p50"] <= history["run_seconds"]["p95"] < 60
    assert server.get("/v1/queue/history?span=1y").status_code == 422
    ask = {"older": "0s", "status": "completed"}
    assert server.post("/v1/queue/purge", dict(ask, dry_run=True)).json()["count"] == 4
    assert server.get("/v1/queue/stats").json()["completed"] == 4
    assert server.post("/v1/queue/purge", ask).json()["count"] == 4
