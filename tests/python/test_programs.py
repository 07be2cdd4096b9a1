"""The setting `programs`: a program of the administrator's own handles an operation, and costs one
attempt whatever it does."""
import os
import signal
import time

import pytest

from harness import Server, check_history, docq, eventually, processes


def script(folder, name, text):
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


@pytest.fixture
def serve(tmp_path):
    """serve(script's text, options...) -> a server whose workers run it for the operation `own`."""
    running = []

    def start(text, *options, arguments=""):
        path = script(tmp_path, "own.sh", text)
        running.append(Server(tmp_path / "data", "--programs", f"own={path} {arguments}",
                              *options, workers=1))
        docq(tmp_path / "data", "operation", "set", "own", "--backoff-base", "100ms",
             "--backoff-factor", 1)
        return running[0]
    yield start
    for server in running:
        server.stop()


def ended(server, content=b"hello", name="a.txt"):
    document = server.wait_done(server.upload(name, content, operation="own")["id"])
    return document, check_history(server.item(document["item"]["id"]))


def test_text_goes_in_and_comes_out(serve):
    server = serve("printf '%s|%s|%s|' \"$1\" \"$DOCQ_FILENAME\" \"$DOCQ_OPERATION\"; tr a-z A-Z\n"
                   "printf '\\fsecond page'", arguments="--loud")
    document, history = ended(server, name="b c.txt")
    assert document["status"] == "completed"
    assert server.text(document["id"]) == "--loud|b c.txt|own|HELLO\fsecond page"
    assert document["result"]["pages"] == 2
    assert server.upload("plain.txt", b"x")["item"]["operation"] == "process"  # still done as well
    assert history[0]["outcome"] == "completed"


def test_large_documents_and_texts(serve):
    server = serve("cat; cat /dev/null")
    content = b"many words in a row\n" * 200000
    document, _ = ended(server, content)
    assert server.text(document["id"]).encode() == content


def test_what_prints_nothing_leaves_the_text_alone(serve, tmp_path):
    server = serve(f"cat > {tmp_path}/seen")
    id = server.upload("keep.txt", b"words to keep")["id"]
    server.wait_done(id)
    assert server.post(f"/v1/documents/{id}/reprocess", {"operation": "own"}).status_code == 202
    assert server.wait_done(id)["item"]["operation"] == "own"
    assert (tmp_path / "seen").read_bytes() == b"words to keep"
    assert "words to keep" in server.text(id)


@pytest.mark.parametrize("text, status, code, attempts, words", [
    ("echo 'no such colour' >&2; exit 65", "failed", "damaged_document", 1, "no such colour"),
    ("exit 69", "failed", "unsupported_format", 1, "exit code 69"),
    ("echo tried >&2; exit 3", "failed", "handler_error", 5, "exit code 3.\ntried"),
    ("kill -9 $$", "failed", "quarantined", 3, None),
    ("printf '\\377\\376'", "failed", "output_invalid", 1, "UTF-8"),
    ("[ $DOCQ_ATTEMPT = 2 ] && exec echo second; exit 1", "completed", None, 2, None),
])
def test_ends(serve, text, status, code, attempts, words):
    document, history = ended(serve(text))
    assert document["status"] == status, document
    assert len(history) == attempts
    if code:
        assert document["item"]["error"]["code"] == code
    if words:
        assert words in document["item"]["error"]["message"]


def test_a_time_limit_kills_it_and_its_children(serve, tmp_path):
    server = serve(f"sleep 61 & echo $! > {tmp_path}/child; wait")
    docq(tmp_path / "data", "operation", "set", "own", "--timeout", "1s", "--crash-budget", 1)
    document, _ = ended(server)
    assert document["item"]["error"]["code"] == "quarantined"
    assert server.item(document["item"]["id"])["history"][0]["error"]["code"] == "time_limit"
    child = int((tmp_path / "child").read_text())
    eventually(lambda: child not in processes(), 5)


def test_cancelling_kills_it(serve, tmp_path):
    server = serve(f"echo $$ > {tmp_path}/pid; exec sleep 62")
    item = server.upload("a.txt", b"x", operation="own")["item"]["id"]
    pid = int(eventually(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    assert server.post(f"/v1/items/{item}/cancel").status_code == 200
    eventually(lambda: pid not in processes(), 15)
    assert server.item(item)["status"] == "cancelled"


def test_it_holds_three_descriptors_and_no_environment_of_ours(serve):
    os.environ["DOCQ_TEST_SECRET"] = "secret"
    try:
        server = serve("ls /proc/self/fd | wc -l; env | sort")
        document, _ = ended(server)
    finally:
        del os.environ["DOCQ_TEST_SECRET"]
    lines = server.text(document["id"]).splitlines()
    assert lines[0].strip() == "4"  # 0, 1, 2 and the folder that ls reads
    names = {line.split("=")[0] for line in lines[1:]}
    assert names <= {"DOCQ_ATTEMPT", "DOCQ_CONTENT_TYPE", "DOCQ_DOCUMENT_ID", "DOCQ_FILENAME",
                     "DOCQ_OPERATION", "LANG", "OMP_THREAD_LIMIT", "PATH", "PWD", "SHLVL", "_",
                     "OLDPWD"}


def test_killed_worker_is_replaced_and_the_program_goes_with_it(serve, tmp_path):
    server = serve(f"echo $$ >> {tmp_path}/pids; [ $DOCQ_ATTEMPT = 1 ] && exec sleep 63; echo done")
    id = server.upload("a.txt", b"x", operation="own")["id"]
    pid = int(eventually(lambda: (tmp_path / "pids").exists() and
                         (tmp_path / "pids").read_text().split())[0])
    worker = processes()[pid][0]
    os.kill(worker, signal.SIGKILL)
    eventually(lambda: pid not in processes(), 5)
    document = server.wait_done(id)
    assert document["status"] == "completed"
    outcomes = [a["outcome"] for a in check_history(server.item(document["item"]["id"]))]
    assert outcomes == ["lost", "completed"]


def test_process_and_worker_run_programs_without_a_server(tmp_path):
    data, path = tmp_path / "data", script(tmp_path, "own.sh", "tr a-z A-Z")
    (tmp_path / "a.txt").write_bytes(b"quiet")
    docq(data, "operation", "set", "own")
    docq(data, "upload", tmp_path / "a.txt", "--operation", "own")
    assert '"claimed":0' in docq(data, "process").stdout  # nobody here has a program for it
    done = docq(data, "process", "--programs", f"own={path}")
    assert '"completed":1' in done.stdout
    id = docq(data, "ls", "completed").stdout.split("\n")[1].split()[0]
    assert docq(data, "text", id).stdout.strip() == "QUIET"


def test_a_program_may_take_the_place_of_extraction(tmp_path):
    data, path = tmp_path / "data", script(tmp_path, "own.sh", "echo mine")
    (tmp_path / "a.txt").write_bytes(b"theirs")
    docq(data, "upload", tmp_path / "a.txt")
    assert '"completed":1' in docq(data, "process", "--programs", f"process={path}").stdout
    id = docq(data, "ls").stdout.split("\n")[1].split()[0]
    assert docq(data, "text", id).stdout.strip() == "mine"


@pytest.mark.parametrize("setting, words", [
    ("own", "has no ="), ("own=", "whole path"), ("own=true", "whole path"),
    ("own=/no/such/program", "cannot be executed"), ("Own!=/bin/true", "a-z 0-9"),
    ("a=/bin/true " + "x " * 70, "more than 64 words"),
    (";".join(f"a{n}=/bin/true" for n in range(40)), "one too many"),
])
def test_mistakes_are_told_at_the_start(tmp_path, setting, words):
    for verb in ("serve", "process"):
        began = time.monotonic()
        done = docq(tmp_path / "data", verb, "--programs", setting, check=False, timeout=30)
        assert done.returncode == 1 and words in done.stderr, done.stderr
        assert time.monotonic() - began < 20
