"""The worker: what becomes of items whose handlers return, raise, hang, hold the interpreter's
lock, crash, are cancelled, or whose worker is killed."""
import os
import signal
import subprocess
import sys
import time

import pytest

import docq
from docq import Client
from docq.worker import Worker
from harness import Server, check_history, eventually
from support import REMOTE, WorkerProcess, python_environment


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("worker") / "data", "--remote-operations", REMOTE,
                workers=0) as running:
        yield running


@pytest.fixture
def client(server):
    with Client(server.url) as opened:
        yield opened
        for item in opened.all_items("pending"):
            opened.cancel(item)
        for item in opened.all_items("in_progress"):
            opened.cancel(item)


@pytest.fixture
def calls(tmp_path):
    return tmp_path / "calls"


def lines(calls):
    return calls.read_text().splitlines() if calls.exists() else []


def start(server, tmp_path, calls, function, *options):
    return WorkerProcess(server, tmp_path, f"handlers:{function}", "--operation", "job",
                         *options, CALLS_FILE=str(calls))


def run_one(server, client, tmp_path, calls, function, content=b"abc", *options):
    document = client.upload(content, operation="job")
    with start(server, tmp_path, calls, function, "--concurrency", "1", *options) as worker:
        document = client.wait(document, 60)
        assert worker.stop() == 0, worker.said()
    return document, check_history(server.item(document.item.id))


# ---- outcomes ------------------------------------------------------------------------------------

@pytest.mark.parametrize("function, text", [
    ("upper", "ABC"), ("whole_result", "one\ftwo"), ("later", "from a coroutine")])
def test_result(server, client, tmp_path, calls, function, text):
    document, _ = run_one(server, client, tmp_path, calls, function)
    assert document.status == "completed" and client.text(document) == text
    if function == "whole_result":
        assert client.metadata(document) == {"made_by": "test"}
        assert document.result["problems"] == ["a small one"]


def test_no_result(server, client, tmp_path, calls):
    document, _ = run_one(server, client, tmp_path, calls, "nothing")
    assert document.status == "completed"
    with pytest.raises(docq.NotProcessed):
        client.text(document)


def test_retry_after(server, client, tmp_path, calls):
    document, history = run_one(server, client, tmp_path, calls, "retry_once")
    assert client.text(document) == "attempt 2"
    assert [attempt["outcome"] for attempt in history] == ["retried", "completed"]
    pause = document.item.started_at - docq.models.parse_time(history[0]["ended_at"])
    assert pause.total_seconds() >= 1


def test_permanent(server, client, tmp_path, calls):
    document, history = run_one(server, client, tmp_path, calls, "give_up")
    assert (document.status, document.error["code"], len(history)) == ("failed", "no_colour", 1)
    assert document.error["message"] == "the picture has no colour"


def test_result_that_is_none(server, client, tmp_path, calls):
    """A mistake of the handler is an ordinary failure, with its words."""
    document = client.upload(b"x", operation="job")
    with start(server, tmp_path, calls, "not_a_result", "--concurrency", "1") as worker:
        item = eventually(lambda: (lambda i: i.error and i)(client.item(document.item)))
        assert "not int" in item.error["message"] and item.error["retryable"]
        assert "TypeError" in worker.said()


def test_exception(server, client, tmp_path, calls):
    document = client.upload(b"x", operation="job")
    with start(server, tmp_path, calls, "broken", "--concurrency", "1") as worker:
        item = eventually(lambda: (lambda i: i.error and i)(client.item(document.item)))
        assert item.error == {"code": "handler_error", "message": "KeyError: 'missing'",
                              "retryable": True}
        assert "Traceback" in worker.said()


def test_crash_costs_one_process_and_one_attempt(server, client, tmp_path, calls):
    document, history = run_one(server, client, tmp_path, calls, "crash")
    assert client.text(document) == "survived"
    assert history[0]["error"]["code"] == "handler_died" and history[0]["signal"] == 11
    assert "SIGSEGV" in history[0]["error"]["message"]


def test_timeout_kills(server, client, tmp_path, calls):
    document = client.upload(b"60", operation="job")
    with start(server, tmp_path, calls, "held", "--concurrency", "1", "--timeout", "1") as worker:
        item = eventually(lambda: (lambda i: i.error and i)(client.item(document.item)))
        assert item.error["code"] == "time_limit"
        client.cancel(item)
        assert worker.stop() == 0
    assert not [line for line in lines(calls) if line.startswith("end")]


# ---- leases --------------------------------------------------------------------------------------

def test_handler_that_holds_the_interpreter_keeps_its_lease(server, client, tmp_path, calls):
    """Four times the length of the lease without a moment for another thread of its process."""
    document, history = run_one(server, client, tmp_path, calls, "held", b"4.5",
                                "--lease-time", "1")
    assert document.status == "completed" and client.text(document) == "held"
    assert [attempt["outcome"] for attempt in history] == ["completed"]
    assert history[0]["duration_seconds"] > 4


def test_without_heartbeats_that_lease_is_lost(server, client):
    """The other half of the test before: the lease really is so short."""
    document = client.upload(b"x", operation="job")
    with docq.DocumentQueueService(server.url, lease_seconds=1) as service:
        lease, = service.claim(1, ["job"])
        eventually(lambda: client.item(document.item).status == "pending", 10)
        with pytest.raises(docq.LeaseLost):
            service.mark_completed(lease, "too late")


def test_killed_worker_leaves_its_item_to_another(server, client, tmp_path, calls):
    """Its handler process is gone as well, so nothing is done twice at the same time."""
    document = client.upload(b"60", operation="job")
    with start(server, tmp_path, calls, "held", "--concurrency", "1", "--lease-time", "2") as first:
        eventually(lambda: lines(calls))
        child = int(lines(calls)[0].split()[1])
        first.kill()
        eventually(lambda: not os.path.exists(f"/proc/{child}"), 10)
    document, history = run_waiting(server, client, tmp_path, calls, document)
    assert client.text(document) == "60"
    assert [attempt["outcome"] for attempt in history] == ["lost", "completed"]


def run_waiting(server, client, tmp_path, calls, document):
    with start(server, tmp_path, calls, "upper", "--concurrency", "1") as worker:
        document = client.wait(document, 60)
        assert worker.stop() == 0, worker.said()
    return document, check_history(server.item(document.item.id))


def test_cancelled_handler_that_asks_stops_by_itself(server, client, tmp_path, calls):
    document = client.upload(b"x", operation="job")
    with start(server, tmp_path, calls, "patient", "--concurrency", "1",
               "--lease-time", "3") as worker:
        item = eventually(lambda: (lambda i: i.progress and i)(client.item(document.item)))
        assert item.progress["stage"] == "waiting" and item.progress["total"] == 600
        process = int(lines(calls)[0].split()[1])
        client.cancel(item)
        eventually(lambda: "Cancelled" in lines(calls), 15)
        assert os.path.exists(f"/proc/{process}")  # the next item will run in it
        assert worker.stop() == 0
    assert client.document(document).status == "cancelled"


def test_cancelled_handler_that_does_not_ask_is_killed(server, client, tmp_path, calls):
    document = client.upload(b"60", operation="job")
    with start(server, tmp_path, calls, "held", "--concurrency", "1", "--lease-time", "2") as worker:
        process = int(eventually(lambda: lines(calls))[0].split()[1])
        client.cancel(document.item)
        eventually(lambda: not os.path.exists(f"/proc/{process}"), 20)
        after = client.upload(b"0", operation="job")
        assert client.wait(after, 30).status == "completed"
        assert worker.stop() == 0
    assert client.document(document).status == "cancelled"


# ---- the end -------------------------------------------------------------------------------------

def test_sigterm_lets_work_finish(server, client, tmp_path, calls):
    document = client.upload(b"2", operation="job")
    with start(server, tmp_path, calls, "slow", "--concurrency", "1") as worker:
        eventually(lambda: lines(calls))
        assert worker.stop() == 0
    assert client.document(document).status == "completed"


def test_sigterm_hands_back_what_does_not_finish(server, client, tmp_path, calls):
    document = client.upload(b"60", operation="job")
    with start(server, tmp_path, calls, "slow", "--concurrency", "1", "--grace", "0.5") as worker:
        eventually(lambda: lines(calls))
        assert worker.stop() == 0
        assert "handed back" in worker.said()
    item = client.item(document.item)
    assert (item.status, item.attempts) == ("pending", 0)


def test_signals_to_the_whole_group_do_not_reach_the_handler(server, client, tmp_path, calls):
    """systemd and Ctrl-C signal every process of the group."""
    document = client.upload(b"2", operation="job")
    with start(server, tmp_path, calls, "slow", "--concurrency", "1") as worker:
        child = int(eventually(lambda: lines(calls))[0].split()[1])
        os.kill(child, signal.SIGTERM)
        os.kill(child, signal.SIGINT)
        assert worker.stop() == 0
    assert client.document(document).status == "completed"


def test_server_that_goes_away_and_comes_back(tmp_path, calls):
    with Server(tmp_path / "data", "--remote-operations", REMOTE, workers=0) as server:
        port = server.url.rsplit(":", 1)[1]
        with Client(server.url) as client, start(server, tmp_path, calls, "slow", "--concurrency",
                                                 "1", "--lease-time", "10") as worker:
            document = client.upload(b"3", operation="job")
            eventually(lambda: lines(calls))
            server.kill()
            time.sleep(1.5)
            restart_on(server, port)
            assert client.wait(document, 60).status == "completed"
            assert worker.stop() == 0
        history = check_history(server.item(document.item.id))
        assert history[-1]["outcome"] == "completed"


def restart_on(server, port):
    """start() takes a free port; here the old one is wanted."""
    from harness import BINARY, environment
    address = os.path.join(server.data, "server.address")
    if os.path.exists(address):
        os.remove(address)
    with open(server.log, "ab") as log:
        server.process = subprocess.Popen(
            [BINARY, "serve", "--data", server.data, "--listen", f"127.0.0.1:{port}",
             *server.options], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=environment())
    eventually(lambda: server.find_address(address), 30)


def test_many_items_on_two_workers(server, client, tmp_path, calls):
    documents = [client.upload(b"number %d" % n, operation="job") for n in range(40)]
    with start(server, tmp_path, calls, "upper", "--concurrency", "2") as first, \
            start(server, tmp_path, calls, "upper", "--concurrency", "2") as second:
        for number, document in enumerate(documents):
            assert client.wait(document, 60).status == "completed"
            assert client.text(document) == f"NUMBER {number}"
            assert len(client.item(document.item).history) == 1
        assert first.stop() == 0 and second.stop() == 0


# ---- starting ------------------------------------------------------------------------------------

def run_cli(server, *arguments):
    return subprocess.run([sys.executable, "-m", "docq.worker", *arguments],
                          env=python_environment(server.url), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)


@pytest.mark.parametrize("arguments, status, words", [
    ([], 2, "nothing to do"),
    (["handlers:upper"], 2, "--operation NAME"),
    (["--operation", "job"], 2, "needs a function"),
    (["--tasks"], 2, "--allow"),
    (["upper", "--operation", "job"], 1, "module:function"),
    (["handlers:nobody", "--operation", "job"], 1, "no nobody"),
    (["no_such_module:f", "--operation", "job"], 1, "No module named"),
    (["handlers:not_a_function", "--operation", "job"], 1, "cannot be called"),
    (["handlers:upper", "--operation", "unknown_operation"], 1, "unknown operation"),
])
def test_mistakes_are_told_at_the_start(server, arguments, status, words):
    done = run_cli(server, *arguments)
    assert done.returncode == status and words in done.stdout, done.stdout


def test_worker_in_a_program_of_ones_own(server, client, tmp_path, calls):
    import handlers
    import threading
    worker = Worker(server.url, handlers={"job": handlers.upper}, concurrency=1)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        document = client.upload(b"by program", operation="job")
        assert client.text(client.wait(document, 60)) == "BY PROGRAM"
    finally:
        worker.stop()
        thread.join(30)
    assert not thread.is_alive()
    with pytest.raises(TypeError, match="lambda"):
        Worker(server.url, handlers={"job": lambda job: None})
