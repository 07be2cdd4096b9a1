"""The admin page in a browser: each test prepares a store and lets browser.mjs act on it."""
import os
import re
import shutil
import subprocess

import pytest
import requests

from harness import BUILD, ROOT, Server, docq, eventually

HERE = os.path.dirname(os.path.abspath(__file__))
SCREENS = os.path.join(BUILD, "screens")
SECONDS_MAX = 420
DAMAGED = os.path.join(ROOT, "samples", "damaged.pdf")
NASTY = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(2)>", "\"><svg onload=alert(3)>",
    "javascript:alert(4)", "<iframe src='//canary.invalid'></iframe>", "{{7*7}}${alert(5)}",
    "<a href='javascript:alert(6)'>x</a>", "</td></tr></table><h1>gone</h1>", "&lt;b&gt;&amp;",
    "' onmouseover='alert(7)", "<style>*{display:none}</style>", "\u202egpj.exe", "x" * 900,
    "<link rel=stylesheet href=//canary.invalid/a.css>", "<base href=//canary.invalid/>",
]


@pytest.fixture(scope="session", autouse=True)
def packages():
    """The browser's driver, once; it is not a part of docq."""
    stamp = os.path.join(HERE, "node_modules", ".package-lock.json")
    lock = os.path.join(HERE, "package-lock.json")
    if not os.path.exists(stamp) or os.path.getmtime(stamp) < os.path.getmtime(lock):
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=HERE, check=True)
        os.utime(stamp)


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data", workers=1) as running:
        yield running


def browse(server, scenario, argument=""):
    done = subprocess.run(["node", os.path.join(HERE, "browser.mjs"), scenario, server.url, SCREENS,
                           str(argument)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=SECONDS_MAX, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def upload(server, name, path):
    with open(path, "rb") as file:
        return server.upload(name, file.read())


def samples(server):
    """All kinds of ends; returns a document that has text."""
    folder = os.path.join(ROOT, "samples")
    names = ["damaged.pdf", "encrypted.pdf", "notes.md", "table.csv", "letter.pdf"]
    ids = [upload(server, name, os.path.join(folder, name))["id"] for name in names]
    for id in ids:
        server.wait_done(id)
    return ids[-1]


def test_types_are_sound():
    source = os.path.join(ROOT, "web")
    done = subprocess.run(["node_modules/.bin/tsc", "--noEmit"], cwd=source, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


def test_lock_files_name_no_host():
    for folder in ("web", "tests/web"):
        with open(os.path.join(ROOT, folder, "package-lock.json"), encoding="utf-8") as file:
            assert "resolved" not in file.read()


def test_every_screen_is_accessible_and_fits(server):
    browse(server, "screens", samples(server))


def test_first_load_is_small(server):
    browse(server, "budget")


def test_dropped_files_complete_before_your_eyes(server):
    browse(server, "upload")


def test_a_problem_is_found_and_its_group_retried(server):
    for i in range(3):
        server.wait_done(upload(server, f"broken {i}.pdf", DAMAGED)["id"])
    browse(server, "problems")


def test_a_filter_is_shared_and_returned_to(server):
    for i in range(3):
        server.wait_done(upload(server, f"broken {i}.pdf", DAMAGED)["id"])
    server.wait_done(server.upload("fine.txt", b"fine")["id"])
    browse(server, "filter")


def many(server, count):
    """Cancelled items of an operation that nobody handles, so that they stay where they are."""
    files = [("file", (f"{i:04}.txt", b"x")) for i in range(count)]
    server.post("/v1/queue/pause")
    answer = requests.post(server.url + "/v1/documents", files=files, timeout=120)
    assert answer.status_code == 202, answer.text


def test_all_that_match_are_retried(server):
    many(server, 1000)
    assert server.post("/v1/items:cancel", {"filter": "pending"}).json()["count"] == 1000
    browse(server, "all")
    assert server.get("/v1/queue/stats").json()["pending"] == 1000


def test_pages_hold_every_row_once(server):
    many(server, 170)
    browse(server, "paging", 170)


def test_pause_and_resume(server):
    browse(server, "pause")


def login_code(server):
    token = docq(server.data, "token", "new", "--scope", "admin").stdout.strip()
    eventually(lambda: server.get("/v1/items").status_code == 401)
    link = docq(server.data, "token", "login").stdout.strip()
    assert link.startswith(server.url + "/admin/login#code="), link
    return token, link.split("#code=")[1]


def test_a_link_logs_in_once_and_a_viewer_is_refused(server):
    browse(server, "login", login_code(server)[1])


def test_a_foreign_page_changes_nothing(server):
    browse(server, "foreign", login_code(server)[1])


def test_markup_in_names_and_text_stays_text(server):
    ids = []
    for i, text in enumerate(NASTY):
        ids.append(server.upload(f"{text[:200]}.txt", f"{text} {i}".encode(),
                                 metadata='{"title": "<img src=x onerror=alert(8)>"}')["id"])
    for id in ids:
        server.wait_done(id)
    item = server.post("/v1/items", {"document_id": ids[0], "operation": "reprocess"}).json()
    server.post("/v1/queue/resume")
    html = server.upload("page.html", ("<html><title><b>t</b></title><body>" + " ".join(
        NASTY) + "&lt;script&gt;alert(9)&lt;/script&gt;</body></html>").encode())["id"]
    server.wait_done(html)
    assert item["id"]
    browse(server, "hostile", html)
