"""The process dies at every system call of an upload and of a completion, one run for each.

strace kills it on entering call number N of a kind, for N = 1, 2, ... until a run is not hit; so
the death also falls between any two calls. Afterwards the data directory is opened again: what was
acknowledged exists and gets done, what was not is whole or absent.

DOCQ_EVERY=K tries only every K-th call in a fresh data directory (4; 1 in the soak).
"""
import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import BINARY, check_history, docq, environment, json_lines

# Calls that change what others can see, and those between which a death might matter.
CALLS = ("openat mkdir mkdirat write pwrite64 pwritev fdatasync fsync ftruncate fallocate "
         "sync_file_range rename renameat2 link linkat unlink unlinkat flock fcntl mmap munmap futex "
         "lseek close read pread64 sendfile copy_file_range memfd_create clone clone3 vfork "
         "waitid wait4 pidfd_open poll exit_group").split()
RUN_SECONDS_MAX = 60
CONTENT = b"acknowledged is durable\n" * 20
LARGE = b"a line of a document that gets a pack of its own\n" * 8000
PARALLEL = 5  # each waits for the disk most of its time

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")


def traced(folder, data, verb, *arguments, strace=()):
    """Runs a verb under strace, without following into the box."""
    command = ["strace", "-f", "-q", "-b", "execve", "-o", str(folder / "trace"), *strace, BINARY,
               verb, "--data", str(data), *map(str, arguments)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=environment(), timeout=RUN_SECONDS_MAX)


def count_calls(folder, data, verb, *arguments):
    """How often the busiest thread makes each call."""
    done = traced(folder, data, verb, *arguments)
    if done.returncode != 0 and b"PTRACE" in done.stderr:
        pytest.skip("this machine does not allow ptrace")
    assert done.returncode == 0, done.stderr.decode()
    counts = {}
    for line in (folder / "trace").read_text(errors="replace").splitlines():
        match = re.match(r"(\d+) +(\w+)\(", line)
        if match and match.group(2) in CALLS:
            counts[match.groups()] = counts.get(match.groups(), 0) + 1
    busiest = {}
    for (_, call), number in counts.items():
        busiest[call] = max(number, busiest.get(call, 0))
    return busiest


def every_death(tmp_path, prepare, verb, arguments, check, step=1):
    """prepare(folder) makes a data directory; check(data, stdout, context) looks at it after the
    death."""
    first = tmp_path / "count"
    first.mkdir()
    counts = count_calls(first, prepare(first), verb, *arguments)
    plan = [(call, n) for call, most in sorted(counts.items()) for n in range(1, most + 1)][::step]
    deaths = []

    def one(task):
        call, n = task
        folder = tmp_path / f"{call}-{n}"
        folder.mkdir()
        data = prepare(folder)
        done = traced(folder, data, verb, *arguments,
                      strace=("-e", f"inject={call}:signal=KILL:when={n}"))
        check(data, done.stdout.decode(), f"killed at {call} number {n}")
        shutil.rmtree(folder)
        deaths.append(done.returncode != 0)

    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(one, plan))
    print(f"{verb}: {sum(deaths)} deaths in {len(plan)} runs")
    assert sum(deaths) > len(plan) / 2


def documents_of(data):
    """None either where the death came before the data directory."""
    if not os.path.exists(os.path.join(data, "docq.db")):
        return []
    return json_lines(docq(data, "ls", "--json").stdout)


def check_upload(content):
    def check(data, stdout, context):
        acknowledged = stdout.split()
        documents = documents_of(data)
        assert len(documents) <= 1, context
        assert {d["id"] for d in documents} >= set(acknowledged), context
        for document in documents:  # also those that were durable but not yet acknowledged
            assert document["status"] == "pending", context
            got = docq(data, "get", document["id"], "-o", "-", check=False)
            assert got.stdout.encode() == content, context
        stats = docq(data, "process").stdout
        assert f'"completed":{len(documents)}' in stats.replace(" ", ""), (context, stats)
        for document in documents_of(data):
            assert (document["status"], document["item"]["attempts"]) == ("completed", 1), context
        fresh = docq(data, "upload", os.path.join(os.path.dirname(str(data)), "a.txt"))
        assert len(fresh.stdout.split()) == 1, context
    return check


@pytest.fixture(scope="module")
def initialised(tmp_path_factory):
    """A data directory that is not new."""
    data = tmp_path_factory.mktemp("initialised") / "data"
    docq(data, "process")
    return data


def test_upload_into_a_new_directory(tmp_path):
    file = tmp_path / "a.txt"
    file.write_bytes(CONTENT)

    def prepare(folder):
        (folder / "a.txt").write_bytes(CONTENT)
        return folder / "data"
    every_death(tmp_path, prepare, "upload", [file], check_upload(CONTENT),
                int(os.environ.get("DOCQ_EVERY", "4")))


@pytest.mark.parametrize("content", [CONTENT, LARGE], ids=["small", "large"])
def test_upload(tmp_path, initialised, content):
    file = tmp_path / "a.txt"
    file.write_bytes(content)

    def prepare(folder):
        (folder / "a.txt").write_bytes(content)
        return shutil.copytree(initialised, folder / "data")
    every_death(tmp_path, prepare, "upload", [file], check_upload(content))


def test_completion(tmp_path, initialised):
    """A worker dies at every call of claiming, handling and completing one document."""
    file = tmp_path / "a.txt"
    file.write_bytes(CONTENT)
    waiting = shutil.copytree(initialised, tmp_path / "waiting")
    id = docq(waiting, "upload", file).stdout.strip()

    def prepare(folder):
        return shutil.copytree(waiting, folder / "data")

    def check(data, stdout, context):
        before = json_lines(docq(data, "show", "--json", id).stdout)[0]
        assert before["status"] in ("pending", "in_progress", "completed"), (context, before)
        docq(data, "process")  # takes back at once what the dead one held
        after = json_lines(docq(data, "show", "--json", id).stdout)[0]
        history = check_history(after["item"])
        outcomes = [attempt["outcome"] for attempt in history]
        if before["status"] == "completed":
            assert outcomes == ["completed"], (context, outcomes)
        elif after["status"] == "pending":  # it waits for the end of its back-off
            assert outcomes == ["lost"] and after["item"]["crashes"] == 1, (context, after)
        else:
            assert after["status"] == "completed", (context, after)
            assert outcomes in (["completed"], ["lost", "completed"]), (context, outcomes)
        if after["status"] == "completed":
            assert docq(data, "text", id).stdout.strip() == CONTENT.decode().strip(), context
    every_death(tmp_path, prepare, "process", [], check)
