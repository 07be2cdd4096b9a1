#!/usr/bin/env python3
"""A PostgreSQL of its own for a test: started in a temporary folder, thrown away afterwards.

    postgres.py COMMAND [ARGUMENT...]

runs the command with DOCQ_TEST_POSTGRES = its URL and ends with the command's exit code. Tests in
Python use the class. fsync is on: what is tested is durability.
"""
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_SECONDS_MAX = 60
USER = "docq"


def binaries():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
    if found:
        return found[-1]
    on_path = shutil.which("initdb")
    return os.path.dirname(on_path) if on_path else None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """One server. It may not run as root: then it runs as the user `postgres` of the package."""

    def __init__(self, folder=None, settings=(), copy_of=None):
        self.bin = binaries()
        if not self.bin:
            raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
        self.root = folder or tempfile.mkdtemp(prefix="docq-pg-")
        self.data = os.path.join(self.root, "data")
        self.port = free_port()
        self.settings = list(settings)
        self.process = None
        self.account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        os.makedirs(self.root, exist_ok=True)
        if self.account:
            os.chown(self.root, self.account.pw_uid, self.account.pw_gid)
        os.chmod(self.root, 0o755)
        if copy_of:
            self.tool("pg_basebackup", "-D", self.data, "-h", copy_of.root, "-p",
                      str(copy_of.port), "-U", USER, "-R", "-X", "stream", "-c", "fast")
        else:
            self.tool("initdb", "-D", self.data, "-U", USER, "-A", "trust", "-E", "UTF8",
                      "--no-locale")

    def demote(self):
        if self.account:
            os.setgroups([])
            os.setgid(self.account.pw_gid)
            os.setuid(self.account.pw_uid)

    def tool(self, name, *arguments):
        subprocess.run([os.path.join(self.bin, name), *arguments], check=True, cwd="/",
                       preexec_fn=self.demote, stdout=subprocess.DEVNULL)

    def start(self):
        settings = ["listen_addresses=127.0.0.1", f"port={self.port}", f"unix_socket_directories={self.root}",
                    "fsync=on", "max_connections=200", "shared_buffers=64MB", *self.settings]
        command = [os.path.join(self.bin, "postgres"), "-D", self.data]
        for setting in settings:
            command += ["-c", setting]
        with open(os.path.join(self.root, "log"), "ab") as log:
            self.process = subprocess.Popen(command, cwd="/", preexec_fn=self.demote, stdout=log,
                                            stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS_MAX
        while subprocess.run([os.path.join(self.bin, "pg_isready"), "-q", "-h", self.root, "-p",
                              str(self.port), "-U", USER]).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                with open(os.path.join(self.root, "log"), encoding="utf-8", errors="replace") as log:
                    raise RuntimeError("PostgreSQL did not start:\n" + log.read()[-2000:])
            time.sleep(0.05)
        return self

    def url(self, database="postgres"):
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def sql(self, text, database="postgres"):
        """The rows of one statement, each a tuple of texts."""
        done = subprocess.run(["psql", self.url(database), "-AtXq", "-v", "ON_ERROR_STOP=1", "-c", text],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return [tuple(line.split("|")) for line in done.stdout.splitlines()]

    def promote(self):
        self.tool("pg_ctl", "-D", self.data, "-w", "promote")

    def children(self, pattern=rf"\b{USER} postgres 127\.0\.0\.1"):
        """Process ids of the server's backends; with pattern "", of all its processes."""
        listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
                                capture_output=True, text=True).stdout
        return [int(line.split()[0]) for line in listed.splitlines() if re.search(pattern, line)]

    def kill(self, how=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            family = self.children("") if how == signal.SIGKILL else []
            self.process.send_signal(how)
            self.process.wait()
            for pid in family:  # all at once, as when the machine loses its power
                try:
                    os.kill(pid, how)
                except ProcessLookupError:
                    pass
            while any(os.path.exists(f"/proc/{pid}") for pid in family):
                time.sleep(0.01)
        self.process = None

    def remove(self):
        self.kill(signal.SIGQUIT)
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()


def main(command):
    with Postgres() as server:
        return subprocess.run(command, env=dict(os.environ, DOCQ_TEST_POSTGRES=server.url())).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
