"""The systemd unit: sound, hard by systemd's own measure, and no harder than docq can bear. The
last is found out by tracing a server that does everything, and comparing its system calls with what
the unit allows."""
import glob
import os
import re
import signal
import subprocess

import pytest

from harness import BINARY, BUILD, ROOT, Server, eventually, workers_of

EXPOSURE_MAX = 20  # tenths of systemd's scale, on which 100 is a unit without any hardening
UNIT = os.path.join(BUILD, "dist", "docq.service")


def unit():
    """{key: value} of the unit; a key that comes twice is joined."""
    found = {}
    with open(UNIT, encoding="utf-8") as file:
        for line in file:
            if "=" in line and not line.startswith("#"):
                key, value = line.strip().split("=", 1)
                found[key] = (found.get(key, "") + " " + value).strip()
    return found


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60,
                          env=dict(os.environ, LC_ALL="C.UTF-8"))


def test_exposure():
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", UNIT)
    assert done.returncode == 0, done.stdout[-400:]
    assert "Overall exposure level for docq.service" in done.stdout


def test_unit_is_sound(tmp_path):
    """systemd reads it without complaint, its program exists where it says, and takes its words."""
    with open(UNIT, encoding="utf-8") as file:
        text = file.read()
    command = re.search(r"^ExecStart=(\S+)(.*)$", text, re.M)
    assert command.group(1).endswith("/bin/docq")
    copy = tmp_path / "docq.service"
    copy.write_text(text.replace(command.group(1), BINARY))
    said = [line for line in analyze("verify", "--man=no", str(copy)).stdout.splitlines()
            if "docq" in line]
    assert said == []
    copy.write_text(text.replace(command.group(1), BINARY) + "\n[Service]\nNoNewPrivilege=yes\n")
    assert "NoNewPrivilege" in analyze("verify", "--man=no", str(copy)).stdout
    verb, *options = command.group(2).split()
    assert verb == "serve" and options == ["--data", "/var/lib/docq"]


def test_sysusers(tmp_path):
    """The user that the unit names is made, in a tree of its own."""
    (tmp_path / "etc").mkdir()
    done = subprocess.run(["systemd-sysusers", f"--root={tmp_path}",
                           os.path.join(ROOT, "dist", "docq.sysusers")], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    passwd = (tmp_path / "etc" / "passwd").read_text()
    assert re.search(rf"^{unit()['User']}:.*:/var/lib/docq:", passwd, re.M)


def calls_of(group, seen=None):
    """The system calls of a set such as @system-service, its subsets included."""
    seen = set() if seen is None else seen
    if not group.startswith("@"):
        return {group}
    if group in seen:
        return set()
    seen.add(group)
    lines = [line.strip() for line in analyze("syscall-filter", group).stdout.splitlines()[1:]]
    return set().union(*(calls_of(line, seen) for line in lines if line and line[0] != "#"))


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    """[system call as strace prints it] of a server, its worker and its boxes, doing everything."""
    folder = tmp_path_factory.mktemp("service")
    log, data = folder / "trace", folder / "data"
    with Server(data, workers=1) as server:
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-s", "200", "-o", str(log), "-p",
                                   ",".join(map(str, [server.process.pid, *workers_of(data)]))],
                                  stderr=subprocess.PIPE)
        eventually(lambda: traced(server.process.pid) and all(map(traced, workers_of(data))))
        done = []
        for path in glob.glob(os.path.join(ROOT, "samples", "*")):
            with open(path, "rb") as file:
                done.append(server.upload(os.path.basename(path), file.read())["id"])
        for id in done:
            assert server.wait_done(id, 120)
        assert {server.document(id)["status"] for id in done} == {"completed", "failed"}
        worker = workers_of(data)[0]
        os.kill(worker, signal.SIGKILL)  # its successor is started under the trace
        eventually(lambda: workers_of(data) not in ([], [worker]))
        server.wait_done(server.upload("a.txt", b"after the kill")["id"], 120)
        server.post("/v1/cron/process-document-queue")
        server.post("/v1/queue/purge", {"older": "1d"})
        server.stop()
        tracer.wait(60)
    lines = log.read_text(errors="replace").splitlines()
    calls = [line.split(None, 1)[1] for line in lines if " " in line]
    assert any(call.startswith("execve(") for call in calls) and len(calls) > 5000
    return [call for call in calls if re.match(r"\w+\(", call)], str(data)


def traced(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return "TracerPid:\t0\n" not in file.read()


def test_every_system_call_is_allowed(trace):
    allowed = set().union(*(calls_of(word) for word in unit()["SystemCallFilter"].split()))
    assert {"read", "unshare", "landlock_restrict_self"} <= allowed and "mount" not in allowed
    used = {call.split("(")[0] for call in trace[0]}
    assert {"fdatasync", "epoll_wait", "clone", "execve"} & used
    assert used <= allowed, sorted(used - allowed)


def test_restrictions_are_kept(trace):
    calls, data = trace
    families = {match.group(1) for call in calls
                if (match := re.match(r"socket(?:pair)?\((AF_\w+)", call))}
    assert families <= set(unit()["RestrictAddressFamilies"].split())
    spaces = {flag for call in calls if re.match(r"(unshare|clone3?)\(", call)
              for flag in re.findall(r"CLONE_NEW(\w+)", call)}
    allowed = set(unit()["RestrictNamespaces"].split())
    assert spaces and {space.lower() for space in spaces} <= allowed
    for call in calls:  # MemoryDenyWriteExecute
        assert not re.match(r"(pkey_)?mprotect\(.*PROT_EXEC", call), call
        assert not re.match(r"mmap\(.*PROT_WRITE\|PROT_EXEC", call), call


def test_files_are_where_the_unit_lets_them_be(trace):
    """ProtectSystem=strict, PrivateDevices: written is below the data directory. Which start of the
    machine this is stands outside what ProcSubset=pid would leave of /proc."""
    calls, data = trace
    opened = [match.groups() for call in calls
              if (match := re.match(r'openat\([^,]*, "(/[^"]*)", (\S+?)[,)].*= \d', call))]
    written = {path for path, flags in opened if re.search(r"O_(WRONLY|RDWR|CREAT)", flags)}
    assert any(path.startswith(data) for path in written)
    for path in written:
        assert path.startswith((data, "/dev/null", "/proc/self/", "/tmp/")), path
    assert "/proc/sys/kernel/random/boot_id" in {path for path, _ in opened}
    assert "ProcSubset" not in unit()
