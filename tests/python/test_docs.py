"""A stranger following docs/fastapi.md word for word: its own code blocks are written to files and
its commands run, in namespaces of their own: its ports are free there, and `kill` finds only what
the page started."""
import os
import re
import shutil
import subprocess
import sys
import time

import pytest

from harness import BUILD, ROOT, environment
from support import PACKAGE

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)
COMMAND_SECONDS_MAX = 60
SPOKEN_SECONDS_MAX = 30


def blocks(path):
    """[(language, text)] in their order."""
    with open(path, encoding="utf-8") as file:
        return BLOCK.findall(file.read())


def commands(text):
    """[(command, [lines of output that are shown])]"""
    found = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return found


def pattern_of(shown):
    """What is shown, where "..." stands for anything."""
    return re.compile(".*".join(re.escape(part) for part in "\n".join(shown).split("...")), re.S)


class Reader:
    """A shell that somebody types the document's commands into."""

    def __init__(self, checkout, tools):
        env = dict(environment(), PATH=f"{tools}:{os.environ['PATH']}", HOME=str(checkout),
                   PIP_NO_INDEX="1", PIP_NO_DEPS="1", PIP_NO_BUILD_ISOLATION="0",
                   PIP_TARGET=str(checkout / "site"), PYTHONPATH=str(checkout / "site"),
                   PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONUNBUFFERED="1")
        self.checkout = checkout
        self.shell = subprocess.Popen(
            ["unshare", "-rnpf", "--mount-proc", "--kill-child", "--",
             "bash", "-c", "ip link set lo up; bash --norc"],
            cwd=str(checkout), env=env, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        self.number = 0

    def said(self):
        with open(self.out, encoding="utf-8", errors="replace") as file:
            return file.read()

    def type(self, command, shown):
        self.number += 1
        self.out = self.checkout / f"out-{self.number}"
        self.out.touch()
        behind = command.endswith("&")
        line = command[:-1] if behind else command
        done = self.checkout / f"done-{self.number}"
        if behind:
            self.shell.stdin.write(f"{line} > {self.out} 2>&1 &\n")
        else:
            self.shell.stdin.write(f"{{ {line}\n}} > {self.out} 2>&1; echo $? > {done}\n")
        self.shell.stdin.flush()
        expected = pattern_of(shown)
        end = time.monotonic() + (SPOKEN_SECONDS_MAX if behind else COMMAND_SECONDS_MAX)
        while True:
            over = expected.search(self.said()) if behind else \
                done.exists() and done.read_text().strip()
            if over:
                break
            assert time.monotonic() < end, f"$ {command}\n{self.said()}"
            time.sleep(0.05)
        if not behind:
            assert done.read_text().strip() == "0", f"$ {command}\n{self.said()}"
            assert expected.search(self.said()), f"$ {command}\n{self.said()}\nnot: {shown}"

    def close(self):
        """Whatever runs in the process namespace of its own ends with its first process."""
        self.shell.stdin.close()
        try:
            self.shell.wait(30)
        finally:
            if self.shell.poll() is None:
                self.shell.kill()


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "docq"
    (folder / "clients").mkdir(parents=True)
    (folder / "build").symlink_to(BUILD)
    shutil.copytree(PACKAGE, folder / "clients" / "python",
                    ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture
def tools(tmp_path):
    """The names that the document uses, for the Python that runs this test."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name, words in {"python": "", "pip": "-m pip", "uvicorn": "-m uvicorn"}.items():
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        path.chmod(0o755)
    return folder


def follow(reader, folder, page, label=""):
    """Files are written below `folder` once it is there; blocks of others than `label` are only
    read. Returns the number of commands typed."""
    typed = 0
    for language, text in blocks(os.path.join(ROOT, "docs", page)):
        if language == "python":
            name = re.match(r"# ((?:\w+: )?)(\w+\.py)\n", text)
            compile(text, name.group(2), "exec")
            if name.group(1) == label:
                (folder / name.group(2)).write_text(text)
        elif language == "console":
            for command, shown in commands(text):
                reader.type(command, shown)
                typed += 1
        else:
            assert language == "sh", language  # shown, for the peer
    return typed


def test_fastapi_page_word_for_word(checkout, tools):
    reader = Reader(checkout, tools)
    try:
        assert follow(reader, checkout / "shop", "fastapi.md") >= 15
        check_untouched(reader)
    finally:
        reader.close()


@pytest.mark.parametrize("page", ["from-celery.md", "from-rq.md"])
def test_docq_side_of_the_comparisons(checkout, tools, page):
    reader = Reader(checkout, tools)
    try:
        assert follow(reader, checkout / "shop", page, "docq: ") >= 6
    finally:
        reader.close()


def check_untouched(reader):
    """The last application has no command of its own on the page."""
    reader.type("sed -i -e 's/from docq.fastapi import DurableTasks.*/from fastapi import "
                "BackgroundTasks/' -e 's/DurableTasks/BackgroundTasks/' app.py", [])
    reader.type("uvicorn app_untouched:app --port 8002 &", ["...Uvicorn running..."])
    reader.type("curl -X POST 'http://127.0.0.1:8002/orders/2?email=you@example.org'",
                ['{"order":2,"status":"pending"}'])
    reader.type("docq ls operation:task | grep -c jobs.send_receipt", ["2"])


def test_the_reader_notices_what_does_not_hold(checkout, tools):
    """Output that differs from what is shown, and a command that fails."""
    reader = Reader(checkout, tools)
    try:
        reader.type("echo one two", ["one...o"])
        with pytest.raises(AssertionError):
            reader.type("echo one two", ["one three"])
        with pytest.raises(AssertionError):
            reader.type("false", [])
    finally:
        reader.close()
