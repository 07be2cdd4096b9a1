"""docq.fastapi on real FastAPI and uvicorn: the example before and after under kill -9, refusals,
the router, and the opt-in without a change."""
import difflib
import os
import signal
import socket
import subprocess
import sys
import time
import uuid

import fastapi
import pytest
import requests
from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi.dependencies import utils

import docq
import docq.fastapi
import handlers
from docq import functions, tasks
from docq.fastapi import DurableTasks
from harness import ROOT, Server, eventually
from support import REMOTE, WorkerProcess, python_environment

EXAMPLE = os.path.join(ROOT, "examples", "fastapi")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("fastapi") / "data", "--remote-operations", REMOTE,
                workers=1) as running:
        yield running


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Uvicorn:
    """An application on Debian's uvicorn, in a process of its own."""

    def __init__(self, name, folder, url, log, **more):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        with open(log, "ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", name, "--port", str(self.port)],
                cwd=str(folder), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                env=python_environment(url, **more))
        eventually(self.is_up, 30)

    def is_up(self):
        assert self.process.poll() is None
        try:
            return requests.get(self.url + "/openapi.json", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


# ---- the example ---------------------------------------------------------------------------------

def example(name, server, tmp_path, seconds="2"):
    return Uvicorn(f"{name}:app", EXAMPLE, server.url, tmp_path / f"{name}.log",
                   UPLOADS=str(tmp_path / "uploads"), JOB_SECONDS=seconds)


def example_worker(server, tmp_path, seconds="2"):
    return WorkerProcess(server, tmp_path, "--tasks", "--allow", "jobs.*", "--concurrency", "1",
                         "--lease-time", "2", JOB_SECONDS=seconds,
                         PYTHONPATH=os.pathsep.join([python_environment("")["PYTHONPATH"],
                                                     EXAMPLE]))


def send(app):
    answer = requests.post(app.url + "/upload", files={"file": ("a.txt", b"three small words")},
                           timeout=30)
    assert answer.status_code == 202 and answer.json()["status"] == "pending", answer.text
    return answer.json()["id"]


def words(app, id):
    return requests.get(f"{app.url}/words/{id}", timeout=10).json()["words"]


def test_the_example_changes_an_import_and_an_annotation():
    texts = []
    for name in ("before.py", "after.py"):
        with open(os.path.join(EXAMPLE, name), encoding="utf-8") as file:
            texts.append(file.read().splitlines()[1:])
    changed = [line for line in difflib.ndiff(*texts) if line[0] in "+-"]
    assert changed == [
        "- from fastapi import BackgroundTasks",
        "+ from docq.fastapi import DurableTasks",
        "- async def upload(file: UploadFile, background_tasks: BackgroundTasks):",
        "+ async def upload(file: UploadFile, background_tasks: DurableTasks):"]


def test_before_works_until_it_is_killed(server, tmp_path):
    """The promise that the answer made is broken."""
    with example("before", server, tmp_path) as app:
        id = send(app)
        assert eventually(lambda: words(app, id)) == 3
        lost = send(app)
        app.kill()
    with example("before", server, tmp_path) as app:
        time.sleep(5)  # more than twice what the work takes
        assert words(app, lost) is None


def test_after_survives_kills_of_the_application_and_of_the_worker(server, tmp_path):
    with example("after", server, tmp_path) as app:
        id = send(app)
        app.kill()
    with example_worker(server, tmp_path) as first:
        item = eventually(lambda: server.get("/v1/items?q=in_progress+operation:task")
                          .json()["items"])[0]
        first.kill()
    with example_worker(server, tmp_path) as second, example("after", server, tmp_path) as app:
        assert eventually(lambda: words(app, id)) == 3
        assert second.stop() == 0
    attempts = server.item(item["id"])["history"]
    assert [attempt["outcome"] for attempt in attempts] == ["lost", "completed"]


def test_after_does_not_answer_202_without_the_queue(tmp_path):
    """No server: the caller is told, instead of a promise that nobody keeps."""
    class Nobody:
        url = "http://127.0.0.1:9"
    with example("after", Nobody, tmp_path) as app:
        answer = requests.post(app.url + "/upload", files={"file": ("a.txt", b"words")}, timeout=30)
        assert answer.status_code == 500


# ---- what is refused at once ---------------------------------------------------------------------

class Session:
    pass


def module_level(a, b=1):
    return a


@pytest.mark.parametrize("function, args, kwargs, words", [
    (lambda: 1, [], {}, "lambda"),
    (os.system, ["true"], {}, "no function"),
    (Session, [], {}, "no function"),
    ("handlers:add", [1], {}, "no function"),
    (handlers.add, [Session()], {}, "argument 1 of handlers:add is a Session.*pass an id"),
    (handlers.add, [1], {"b": Session()}, "argument `b`.*Session"),
    (handlers.add, [(1, 2)], {}, "tuple.*pass a list"),
    (handlers.add, [b"bytes"], {}, "upload it as a document"),
    (handlers.add, [uuid.uuid4()], {}, r"pass str\(value\)"),
    (handlers.add, [float("nan")], {}, "JSON cannot say"),
    (handlers.add, [{"deep": [1, {2: 3}]}], {}, r"\['deep'\]\[1\] has the key 2"),
    (handlers.add, [1, 2, 3], {}, "too many positional"),
    (handlers.add, [], {"c": 1}, "cannot be called so"),
    (handlers.add, ["x" * (2 << 20)], {}, "upload what is large"),
])
def test_refused_with_advice(function, args, kwargs, words):
    with pytest.raises(TypeError, match=words):
        functions.encode_call(function, args, kwargs)


def test_refused_local_and_main_and_decorated(monkeypatch):
    def local():
        pass
    with pytest.raises(TypeError, match="inside another function"):
        functions.encode_call(local, [], {})
    monkeypatch.setattr(handlers, "add", lambda *_: None)
    with pytest.raises(TypeError, match="another object"):
        functions.encode_call(handlers.__dict__["greet"].__class__(
            handlers.greet.__code__, handlers.__dict__, "greet"), ["x"], {})
    module_level.__module__, before = "__main__", module_level.__module__
    try:
        with pytest.raises(TypeError, match="main file"):
            functions.encode_call(module_level, [1], {})
    finally:
        module_level.__module__ = before


def test_worker_runs_only_what_is_allowed_and_defined_there():
    assert functions.resolve_allowed("handlers:add", ["handlers.*"]) is handlers.add
    assert functions.is_allowed("app:mail", ["app.*"]) and functions.is_allowed("app.a:b", ["app.*"])
    assert not functions.is_allowed("apple:mail", ["app.*"])
    for name, patterns in [("handlers:add", []), ("handlers:add", ["app.*"]),
                           ("os:system", ["app.*"]), ("handlers:os_system", ["handlers.*"]),
                           ("handlers:os.system", ["*"]), ("handlers:time.sleep", ["handlers.*"]),
                           ("handlers:Result", ["*"])]:
        with pytest.raises(PermissionError):
            functions.resolve_allowed(name, patterns)


# ---- tasks from end to end -----------------------------------------------------------------------

@pytest.fixture
def client(server):
    with docq.Client(server.url) as opened:
        yield opened
        for item in opened.all_items("pending operation:task"):
            opened.cancel(item)


def test_tasks_end_to_end(server, client, tmp_path):
    calls = tmp_path / "calls"
    made = [tasks.enqueue(client, handlers.add, [2], {"b": 3}),
            tasks.enqueue(client, handlers.greet, ["\u00e9va"]),
            tasks.enqueue(client, handlers.returns_object)]
    forbidden = client.upload(b'{"function": "os:getpid", "args": [], "kwargs": {}}',
                              operation="task")
    nonsense = client.upload(b"[1, 2", operation="task")
    gone = client.upload(b'{"function": "handlers:gone", "args": [], "kwargs": {}}',
                         operation="task")
    with WorkerProcess(server, tmp_path, "--tasks", "--allow", "handlers.*", "--concurrency", "1",
                       CALLS_FILE=str(calls)) as worker:
        for each in made:
            assert client.wait(each.id, 30).status == "completed"
        outcomes = [tasks.outcome(client, each.id) for each in made]
        assert [each["result"] for each in outcomes] == [5, {"hello": "\u00e9va"}, None]
        assert outcomes[0]["function"] == "handlers:add" and outcomes[0]["attempts"] == 1
        assert "not JSON" in client.document(made[2].id).result["problems"][0]
        for document, code in [(forbidden, "task_not_allowed"), (nonsense, "not_a_task"),
                               (gone, "task_not_found")]:
            document = client.wait(document, 30)
            assert (document.status, document.error["code"]) == ("failed", code)
        assert worker.stop() == 0
    assert calls.read_text() == "add 2 3\n"


def test_server_without_the_operation(tmp_path):
    with Server(tmp_path / "data", workers=0) as server, docq.Client(server.url) as client:
        with pytest.raises(tasks.TasksNotServed, match="--remote-operations task"):
            tasks.enqueue(client, handlers.add, [1])
        assert client.stats().documents == 0


# ---- in an application ---------------------------------------------------------------------------

def call(app, method, path, **options):
    """One request to an application in this process, with its lifespan."""
    from starlette.testclient import TestClient
    with TestClient(app, raise_server_exceptions=False) as test:
        return test.request(method, path, **options)


def make_app(server, connected=True):
    app = FastAPI()
    if connected:
        docq.fastapi.connect(app, server.url)

    @app.post("/plain/{n}")
    def plain(tasks: DurableTasks, n: int, twice: bool = False):
        return {"id": tasks.add_task(handlers.add, n, b=2 if twice else 1).id}

    @app.post("/async/{n}")
    async def in_loop(n: int, tasks: DurableTasks):
        first = tasks.add_task(handlers.add, n)
        second = await tasks.with_priority(7).add_task_async(handlers.add, n)
        return {"ids": [first.id, second.id]}

    @app.post("/wrong")
    async def wrong(tasks: DurableTasks):
        tasks.add_task(handlers.add, Session())
    return app


def test_add_task_is_durable_when_it_returns(server, client):
    """The answer carries the id of what is on the server's disk already."""
    app = make_app(server)
    answer = call(app, "POST", "/plain/4?twice=true")
    document = client.document(answer.json()["id"])
    assert document.item.operation == "task" and document.status == "pending"
    assert client.content(document) == \
        b'{"function":"handlers:add","args":[4],"kwargs":{"b":2}}'
    ids = call(app, "POST", "/async/5").json()["ids"]
    assert [client.document(id).item.priority for id in ids] == [0, 7]
    before = client.stats().documents
    assert call(app, "POST", "/wrong").status_code == 500
    assert client.stats().documents == before


def test_connected_application_tells_that_docq_is_away():
    class Nobody:
        url = "http://127.0.0.1:9"
    answer = call(make_app(Nobody), "POST", "/plain/4")
    assert answer.status_code == 503 and answer.json()["code"] == "unreachable"
    assert answer.headers["content-type"] == "application/problem+json"
    assert "retry-after" in answer.headers


def test_lifespan(server):
    app = FastAPI()
    app.router.lifespan_context = docq.fastapi.lifespan(server.url)
    app.include_router(docq.fastapi.router)
    assert call(app, "GET", "/stats").status_code == 200


def test_install_changes_no_endpoint(server, client, monkeypatch):
    """Endpoints that were declared before it and behind it."""
    monkeypatch.setattr(utils, "BackgroundTasks", utils.BackgroundTasks)
    app = FastAPI()
    docq.fastapi.connect(app, server.url)

    @app.post("/early")
    async def early(background_tasks: BackgroundTasks):
        background_tasks.add_task(handlers.add, 1)
        return {}
    docq.fastapi.install()

    @app.post("/late")
    async def late(background_tasks: BackgroundTasks):
        background_tasks.add_task(handlers.add, 2)
        return {}
    for path, n in [("/early", 1), ("/late", 2)]:
        assert call(app, "POST", path).status_code == 200
        newest = client.documents(limit=1).records[0]
        assert newest.item.operation == "task"
        assert client.content(newest) == b'{"function":"handlers:add","args":[%d],"kwargs":{}}' % n


def test_router(server, client):
    def check(key: str = ""):
        if key != "open":
            raise fastapi.HTTPException(403)
    app = FastAPI()
    docq.fastapi.connect(app, server.url)
    app.include_router(docq.fastapi.router, prefix="/queue", dependencies=[Depends(check)])
    assert call(app, "GET", "/queue/stats").status_code == 403
    key = {"params": {"key": "open"}}
    made = call(app, "POST", "/queue/documents", files={"file": ("a.txt", b"hello router")},
                data={"priority": "3"}, **key)
    assert made.status_code == 202 and made.json()["status"] == "pending", made.text
    id = made.json()["id"]
    assert client.wait(id, 30).status == "completed"
    assert call(app, "GET", f"/queue/documents/{id}", **key).json()["status"] == "completed"
    assert call(app, "GET", f"/queue/documents/{id}/text", **key).text.strip() == "hello router"
    again = call(app, "POST", f"/queue/documents/{id}/reprocess", **key)
    assert again.status_code == 202 and again.json()["item"]["operation"] == "reprocess"
    client.wait(id, 30)
    assert call(app, "POST", f"/queue/documents/{id}/reprocess", json={"operation": "nonsense"},
                **key).json()["code"] == "invalid"
    missing = call(app, "GET", f"/queue/documents/{uuid.uuid4()}", **key)
    assert missing.status_code == 404 and missing.json()["code"] == "not_found"
    done = call(app, "POST", "/queue/process-document-queue", **key).json()
    assert set(done) >= {"claimed", "completed", "failed", "retried", "released"}
    task = tasks.enqueue(client, handlers.add, [1])
    found = call(app, "GET", f"/queue/tasks/{task.id}", **key).json()
    assert (found["status"], found["function"]) == ("pending", "handlers:add")
