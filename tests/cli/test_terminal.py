"""On a terminal: colours, progress, questions. A pseudo-terminal stands in for one."""
import os
import pty
import re
import select
import subprocess
import time

from harness import BINARY, Server, docq, environment

SECONDS_MAX = 60


def on_terminal(*arguments, env=None, keys=b"", stdout_is_terminal=True):
    """(exit code, what the terminal saw, what stdout got where that is a pipe)."""
    master, slave = pty.openpty()
    variables = {**environment(), "TERM": "xterm-256color", **(env or {})}
    if not (env or {}).get("NO_COLOR"):
        variables.pop("NO_COLOR", None)
    process = subprocess.Popen([BINARY, *map(str, arguments)], stdin=slave, stderr=slave,
                               stdout=slave if stdout_is_terminal else subprocess.PIPE,
                               env=variables, close_fds=True)
    os.close(slave)
    os.write(master, keys)
    seen, end = b"", time.monotonic() + SECONDS_MAX
    while time.monotonic() < end:
        ready, _, _ = select.select([master], [], [], 0.1)
        try:
            piece = os.read(master, 65536) if ready else b""
        except OSError:
            break
        seen += piece
        if not piece and process.poll() is not None:
            break
    out = process.stdout.read() if process.stdout else b""
    code = process.wait(timeout=10)
    os.close(master)
    return code, seen.decode(), out.decode()


def test_colours_on_a_terminal_only(store):
    _, seen, _ = on_terminal("ls", "--data", store.data)
    assert "\033[32m" in seen and "\033[31m" in seen
    for env, flag in (({"NO_COLOR": "1"}, ()), ({"TERM": "dumb"}, ()), ({}, ("--no-color",))):
        _, seen, _ = on_terminal("ls", "--data", store.data, *flag, env=env)
        assert "\033[3" not in seen and "good.txt" in seen, (env, flag)
    _, seen, out = on_terminal("ls", "--data", store.data, stdout_is_terminal=False)
    assert "\033" not in out and "good.txt" in out and "good.txt" not in seen


def test_empty_no_color_is_none(store):
    """no-color.org: only a variable that is not empty counts."""
    _, seen, _ = on_terminal("ls", "--data", store.data, env={"NO_COLOR": ""})
    assert "\033[3" in seen


def test_questions(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    data = tmp_path / "data"
    id = docq(data, "upload", tmp_path / "a.txt").stdout.strip()
    code, seen, _ = on_terminal("rm", id, "--data", data, keys=b"n\n")
    assert code == 1 and "[y/N]" in seen and "nothing done" in seen
    code, seen, _ = on_terminal("cancel", "pending", "--data", data, keys=b"\n")
    assert code == 1 and "1 matching item?" in seen
    code, seen, _ = on_terminal("cancel", "pending", "--data", data, "--yes")
    assert code == 0 and "[y/N]" not in seen and "1 cancelled" in seen
    code, seen, _ = on_terminal("rm", id, "--data", data, keys=b"y\n")
    assert code == 0 and "removed" in seen
    assert docq(data, "show", id, check=False).returncode == 5


def test_upload_and_wait_shows_how_it_goes(tmp_path):
    """A line for each file while it is under way, one in the end; the bars go to stderr alone."""
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(f"text {number}")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4\nbroken\n1 0 obj\n")
    with Server(tmp_path / "data", workers=1) as server:
        docq(server.data, "pause")
        resume = subprocess.Popen(["sh", "-c", 'sleep 1; exec "$@"', "sh", BINARY, "resume", "--data",
                                   server.data], env=environment(), stderr=subprocess.DEVNULL)
        code, seen, out = on_terminal("upload", *sorted(tmp_path.glob("*.txt")),
                                      tmp_path / "bad.pdf", "--wait", "--data", server.data,
                                      stdout_is_terminal=False)
        resume.wait(timeout=10)
    assert code == 3
    assert re.search("\033\\[\\d+A\033\\[J", seen), "lines are drawn anew"
    assert all(f"{number}.txt" in seen for number in range(3))
    lines = out.splitlines()
    assert len(lines) == 4 and "\033" not in out
    assert sum("completed" in line for line in lines) == 3
    assert sum("failed" in line and "damaged_document" in line for line in lines) == 1


def test_waiting_without_a_worker_is_said(tmp_path):
    (tmp_path / "a.txt").write_text("a")
    id = docq(tmp_path / "data", "upload", tmp_path / "a.txt").stdout.strip()
    done = docq(tmp_path / "data", "wait", id, "--timeout", "4s", check=False)
    assert done.returncode == 4 and "no worker is running" in done.stderr


def test_text_cannot_steer_the_terminal(tmp_path):
    (tmp_path / "a.txt").write_bytes("harmless \033[31m red \u009b0m \a end\n".encode())
    id = docq(tmp_path / "data", "upload", tmp_path / "a.txt").stdout.strip()
    docq(tmp_path / "data", "process")
    _, seen, _ = on_terminal("text", id, "--data", tmp_path / "data")
    assert "harmless" in seen and "end" in seen
    assert not set("\033\a\u009b") & set(seen)
