"""Every verb: exit codes, what goes to stdout and what to stderr, JSON, abbreviated ids."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from harness import BINARY, ROOT, Server, docq, environment, json_lines

NOBODY = "00000000-0000-7000-8000-000000000000"


def verbs():
    """The names in verbs.c, so that a new verb is tested the day it is added."""
    with open(os.path.join(ROOT, "src", "cli", "verbs.c"), encoding="utf-8") as file:
        table = file.read().split("const struct verb verbs[]", 1)[1]
    found = re.findall(r'^\s+\{"([a-z]+)", "', table, flags=re.M)
    assert len(found) > 20
    return found


def run(*arguments, env=None, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([BINARY, *map(str, arguments)], env=env or environment(), text=True,
                          capture_output=True, timeout=60, **options)


# ---- help ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("verb", verbs())
def test_help_of_every_verb(verb, tmp_path):
    """`help VERB` and `VERB --help` say the same, on stdout, and do nothing."""
    helped, asked = run("help", verb), run(verb, "--help", cwd=tmp_path)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert helped.stdout == asked.stdout and asked.returncode == 0
    assert helped.stdout.startswith(f"usage: docq {verb}")
    assert "--data path" in helped.stdout and "--json" in helped.stdout
    assert not os.listdir(tmp_path)


def test_help():
    text = run("help").stdout
    assert text == run("--help").stdout == run("-h").stdout
    for verb in verbs():
        assert re.search(rf"^  {verb} +\S", text, flags=re.M), verb
    assert "exit codes:" in text
    done = run("help", "nonsense")
    assert done.returncode == 2 and "unknown verb" in done.stderr


def test_version():
    assert re.fullmatch(r"docq \d+\.\d+\.\d+\n", run("version").stdout)
    assert run("--version").stdout == run("-V").stdout == run("version").stdout
    assert json.loads(run("version", "--json").stdout)["version"] in run("version").stdout


def test_completion_is_bash():
    script = run("completion").stdout
    done = subprocess.run(["bash", "-c", script + "\nCOMP_WORDS=(docq up); COMP_CWORD=1; _docq; "
                           'echo "${COMPREPLY[@]}"; COMP_WORDS=(docq upload --wa); COMP_CWORD=2; '
                           '_docq; echo "${COMPREPLY[@]}"'], capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["upload", "--wait"], done


# ---- the command line itself ---------------------------------------------------------------------

@pytest.mark.parametrize("arguments,said", [
    ((), "no verb given"), (("uplod",), 'did you mean "upload"?'), (("frobnicate",), "docq help"),
    (("ls", "--limt", "3"), 'did you mean "--limit"?'), (("ls", "--limit"), "--limit needs a value"),
    (("ls", "-Z"), 'unknown option "-Z"'), (("ls", "--json=1"), "--json takes no value"),
    (("ls", "--limit", "x"), "limit"), (("ls", "--limit", "-1"), "limit"),
    (("upload",), "needs more"), (("show",), "needs more"), (("stats", "extra"), "stats"),
    (("upload", "x", "--priority", "1001"), "priority"),
    (("upload", "x", "--metadata", "[1]"), "JSON object"),
    (("purge",), "--older"), (("purge", "--older", "soon"), "older"),
    (("purge", "--older", "1d", "--status", "pending"), "status"),
    (("wait", NOBODY, "--timeout", "soon"), "timeout"), (("show", "xyz!"), "not an id"),
    (("show", "abc"), "not an id"), (("token", "nw"), 'did you mean token new'),
    (("token", "new"), "--scope"), (("token", "new", "--scope", "reed"), "unknown scope"),
    (("token", "revoke"), "token ls"), (("config", "worker"), 'did you mean "workers"?'),
    (("text", NOBODY, "--page", "0"), "page"), (("text", NOBODY, "--page", "3-2"), "page"),
    (("process", "--limit", "-1"), "limit"), (("serve", "--workers", "65"), "0..64"),
    (("serve", "--listen"), "needs a value"), (("retry", "failed", NOBODY), "cannot be mixed"),
    (("ls", "--log-level", "loud"), "log-level")])
def test_usage(arguments, said, tmp_path):
    """Exit code 2, all of it on stderr, with a remedy, and no data directory made."""
    done = run(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert said in done.stderr and re.search(r"^  fix: \S", done.stderr, flags=re.M), done.stderr
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("verb,code", [
    ("show", 5), ("text", 5), ("get", 5), ("wait", 5), ("retry", 5), ("cancel", 5), ("rm", 5),
    ("reprocess", 5)])
def test_not_found(store, verb, code):
    done = store.run(verb, NOBODY)
    assert (done.returncode, done.stdout) == (code, "")
    assert "fix:" in done.stderr


@pytest.mark.parametrize("verb", ["ls", "show", "stats", "reprocess", "text", "get", "wait", "retry",
                                  "cancel", "rm", "pause", "resume", "purge"])
def test_no_data_directory(verb, tmp_path):
    """A verb that only looks or changes makes none."""
    more = {"ls": [], "stats": [], "pause": [], "resume": [], "purge": ["--older", "1d"]}
    done = run(verb, "--data", tmp_path / "none", *more.get(verb, [NOBODY]))
    assert (done.returncode, done.stdout) == (5, "")
    assert "docq serve" in done.stderr and not os.listdir(tmp_path)


def test_server_unreachable(tmp_path):
    done = run("healthcheck", "--data", tmp_path / "data")
    assert done.returncode == 69 and "fix:" in done.stderr
    server = Server(tmp_path / "data", workers=0)
    assert run("healthcheck", "--data", tmp_path / "data").returncode == 0
    ready = json.loads(run("healthcheck", "--data", tmp_path / "data", "--json").stdout)
    assert ready["ready"] is True and ready["address"] == server.url
    server.kill()  # its address file stays behind
    done = run("healthcheck", "--data", tmp_path / "data")
    assert done.returncode == 69 and "nobody answers" in done.stderr


# ---- JSON and ids --------------------------------------------------------------------------------

def test_json_is_one_object_a_line(store):
    ids = list(store.ids.values())
    for arguments, count in ((("ls",), 7), (("ls", "--items"), 7), (("show", *ids), 7),
                             (("stats",), 1), (("text", ids[0]), 1), (("doctor",), None),
                             (("config",), None), (("version",), 1)):
        done = store.run(*arguments, "--json")
        lines = done.stdout.splitlines()
        assert all(isinstance(json.loads(line), dict) for line in lines), arguments
        assert count is None or len(lines) == count, arguments
    shown = json.loads(store.run("show", "-j", ids[0]).stdout)
    assert shown["status"] == "completed" and shown["result"]["pages"] == 1


def test_abbreviated_ids(store):
    id = store.ids["letter.pdf"]
    for length in range(len(id), 3, -1):
        done = store.run("show", "--json", id[:length])
        if done.returncode == 0:
            assert json.loads(done.stdout)["id"] == id
            continue
        # too short for one document alone: said so, and nothing is shown
        assert (done.returncode, done.stdout) == (1, "") and "several" in done.stderr, done
    assert json.loads(store.run("show", "--json", id.upper()).stdout)["id"] == id
    item = json.loads(store.run("show", "--json", id).stdout)["item"]["id"]
    assert json.loads(store.run("show", "--json", item).stdout)["id"] == item


def test_no_colour_and_no_escape_in_a_pipe(store):
    plain = dict(environment(), TERM="xterm-256color")
    plain.pop("NO_COLOR", None)
    for verb in ("ls", "stats", "help", "doctor"):
        arguments = [verb] if verb == "help" else [verb, "--data", store.data]
        assert "\033" not in run(*arguments, env=plain).stdout


def test_hostile_names_cannot_steer_the_terminal(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("x")
    id = docq(tmp_path / "data", "upload", path, "--name", "\u202eevil\u009b31m.txt").stdout.strip()
    for verb in (("ls",), ("show", id), ("wait", id, "--timeout", "1ms"), ("process", "--json"),
                 ("wait", id)):
        done = docq(tmp_path / "data", *verb, check=False)
        assert not {"\u009b", "\u202e"} & set(done.stdout + done.stderr), verb
    assert "evil" in docq(tmp_path / "data", "ls").stdout


def test_quiet(store):
    assert store.run("ls", "owner:nobody").stderr
    assert store.run("ls", "owner:nobody", "--quiet").stderr == ""
    assert store.run("show", NOBODY, "-q").stderr, "errors are told all the same"


# ---- documents -----------------------------------------------------------------------------------

def test_upload(tmp_path):
    files = [tmp_path / name for name in ("a.txt", "b c.txt")]
    for file in files:
        file.write_text(f"content of {file.name}")
    data = tmp_path / "data"
    done = docq(data, "upload", *files)
    ids = done.stdout.split()
    assert len(ids) == 2 and "2 queued" in done.stderr
    done = docq(data, "upload", files[0], "--json", "--priority", "-5", "--owner", "me",
                "--metadata", '{"case": 17}', "--name", "other.txt", "--operation", "reprocess")
    document = json.loads(done.stdout)
    assert (document["filename"], document["owner"], document["metadata"]) == \
        ("other.txt", "me", {"case": 17})
    assert (document["item"]["priority"], document["item"]["operation"]) == (-5, "reprocess")
    piped = subprocess.run([BINARY, "upload", "-", "--data", data], input=b"from a pipe",
                           capture_output=True, env=environment(), timeout=30)
    id = piped.stdout.decode().strip()
    assert json.loads(docq(data, "show", "--json", id).stdout)["filename"] == "stdin"
    assert docq(data, "get", id, "-o", "-").stdout == "from a pipe"


def test_upload_goes_on_behind_a_bad_file(tmp_path):
    (tmp_path / "good.txt").write_text("good")
    done = docq(tmp_path / "data", "upload", tmp_path / "missing.txt", tmp_path,
                tmp_path / "good.txt", check=False)
    assert done.returncode in (1, 5) and len(done.stdout.split()) == 1
    assert "No such file" in done.stderr and "Is a directory" in done.stderr


@pytest.mark.parametrize("arguments,said", [
    (("--operation", "nonsense"), "known are"), (("--operation", "No Name"), "a-z"),
    (("--owner", "o" * 200), "128"), (("--name", "n" * 5000), "1024"),
    (("--name", "a\nb"), "control"), (("--upload-bytes-max", "3"), "3"),
    (("--disk-reserve", "1000TiB"), "disk-reserve")])
def test_upload_refused(tmp_path, arguments, said):
    (tmp_path / "a.txt").write_text("four")
    done = docq(tmp_path / "data", "upload", tmp_path / "a.txt", *arguments, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr, done.stderr
    assert json.loads(docq(tmp_path / "data", "stats", "--json").stdout)["documents"] == 0


def test_show(store):
    text = store.run("show", store.ids["broken.pdf"]).stdout
    assert "damaged_document" in text and "broken.pdf" in text and "failed" in text
    text = store.run("show", store.ids["waiting.txt"]).stdout
    assert "due" in text and "pending" in text
    assert "completed" in store.run("show", store.ids["good.txt"]).stdout


def test_ls_filters(store):
    for filter, names in (("completed", 3), ("failed", 1), ("pending", 2), ("cancelled", 1),
                          ("owner:urgent", 1), ("error:damaged_document", 1), ("since:1h", 7),
                          ("before:1h", 0), ("operation:process", 7),
                          (f"document:{store.ids['good.txt']}", 1)):
        for option in ((), ("--items",)):
            rows = json_lines(store.run("ls", "--json", filter, *option).stdout)
            assert len(rows) == names, (filter, option)
    assert len(json_lines(store.run("ls", "--json", "pending", "owner:urgent").stdout)) == 1
    assert len(json_lines(store.run("ls", "--json", "--limit", "3").stdout)) == 3
    assert "more" in store.run("ls", "--limit", "3").stderr
    names = [row["filename"] for row in json_lines(store.run("ls", "--json").stdout)]
    assert names == list(reversed(store.ids)), "newest first"
    for bad in ("nonsense", "colour:red", "since:soon", "owner:"):
        done = store.run("ls", bad)
        assert done.returncode == 1 and done.stdout == "" and "docq:" in done.stderr


def test_text_and_get(store, tmp_path):
    assert store.run("text", store.ids["good.txt"]).stdout.strip() == "a good text"
    assert "a letter" in store.run("text", store.ids["letter.pdf"], "--page", "1").stdout
    done = store.run("text", store.ids["waiting.txt"])
    assert (done.returncode, done.stdout) == (1, "") and "fix:" in done.stderr
    done = store.run("get", store.ids["good.txt"], cwd=tmp_path)
    assert (tmp_path / "good.txt").read_text() == "a good text\n" and "wrote" in done.stderr
    done = store.run("get", store.ids["good.txt"], cwd=tmp_path)
    assert done.returncode == 1 and "fix: name another file" in done.stderr
    (tmp_path / "other").write_text("longer than what comes into it, to be overwritten whole")
    store.run("get", store.ids["good.txt"], "-o", tmp_path / "other")
    assert (tmp_path / "other").read_text() == "a good text\n"


def test_wait(store):
    assert store.run("wait", store.ids["good.txt"], store.ids["page.html"]).returncode == 0
    for name in ("broken.pdf", "cancelled.txt"):
        done = store.run("wait", store.ids["good.txt"], store.ids[name])
        assert done.returncode == 3 and len(done.stdout.splitlines()) == 2
    begun = time.monotonic()
    done = store.run("wait", store.ids["waiting.txt"], "--timeout", "500ms")
    assert done.returncode == 4 and 0.4 < time.monotonic() - begun < 5
    assert "1 of 1 not done" in done.stderr and "fix:" in done.stderr and done.stdout == ""


# ---- the operator's hand -------------------------------------------------------------------------

@pytest.fixture
def fresh(tmp_path):
    """Three waiting documents."""
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text(name)
    ids = docq(tmp_path / "data", "upload", *sorted(tmp_path.glob("*.txt"))).stdout.split()

    def call(*arguments, **options):
        return docq(tmp_path / "data", *arguments, check=False, **options)
    call.ids, call.data = ids, str(tmp_path / "data")
    call.counts = lambda: {k: v for k, v in json.loads(call("stats", "--json").stdout).items()
                           if k in ("pending", "completed", "failed", "cancelled") and v}
    return call


def test_cancel_retry_rm(fresh):
    done = fresh("cancel", fresh.ids[0])
    assert done.returncode == 0 and done.stdout.endswith("  cancelled\n")
    done = fresh("cancel", fresh.ids[0])
    assert done.returncode == 1 and "fix:" in done.stderr
    assert fresh("retry", fresh.ids[0]).stdout.endswith("  pending\n")
    assert fresh("retry", fresh.ids[0]).returncode == 1
    assert fresh("cancel", "pending").stdout == "3 cancelled\n"
    assert fresh("cancel", "pending").stdout == "0 cancelled\n"
    assert json.loads(fresh("retry", "cancelled", "since:1h", "--json").stdout) == {"count": 3}
    assert fresh.counts() == {"pending": 3}
    for verb in ("cancel", "retry", "rm"):
        done = fresh(verb, "")
        assert done.returncode == 1 and "empty filter" in done.stderr
    item = json.loads(fresh("show", "--json", fresh.ids[1]).stdout)["item"]["id"]
    done = fresh("rm", item)
    assert done.returncode == 1 and fresh.ids[1] in done.stderr
    assert fresh("rm", fresh.ids[1], fresh.ids[2]).stdout.count("removed") == 2
    assert fresh("show", fresh.ids[1]).returncode == 5
    assert fresh.counts() == {"pending": 1}


def test_pause_and_resume(fresh):
    assert "paused" in fresh("pause").stderr
    assert json.loads(fresh("process").stdout)["claimed"] == 0
    assert "paused" in fresh("show", fresh.ids[0]).stdout
    fresh("resume")
    fresh("pause", "process")
    assert json.loads(fresh("process").stdout)["claimed"] == 0
    assert fresh("pause", "nonsense").returncode == 1
    fresh("resume", "process")
    assert json.loads(fresh("process", "--limit", "1").stdout)["completed"] == 1
    assert json.loads(fresh("process").stdout)["completed"] == 2


def test_reprocess(fresh):
    fresh("process")
    done = fresh("reprocess", fresh.ids[0], "--json", "--priority", "3")
    item = json.loads(done.stdout)["item"]
    assert (item["operation"], item["priority"], item["status"]) == ("reprocess", 3, "pending")
    again = json.loads(fresh("reprocess", fresh.ids[0], "--json").stdout)["item"]
    assert again["id"] == item["id"], "one waits for a document and operation"
    fresh("process")
    assert len(fresh("show", fresh.ids[0]).stdout.splitlines()) > 5
    assert fresh.counts() == {"completed": 4}


def test_purge(fresh):
    fresh("process")
    assert fresh("purge", "--older", "1h").stdout == "0 removed\n"
    assert fresh("purge", "--older", "0s", "--status", "failed").stdout == "0 removed\n"
    assert fresh("purge", "--older", "0s", "--status", "completed").stdout == "3 removed\n"
    assert len(json_lines(fresh("ls", "--json").stdout)) == 3, "documents stay"
    fresh("reprocess", fresh.ids[0])
    fresh("process")
    assert json.loads(fresh("purge", "--older", "0s", "--with-documents", "--json").stdout) == \
        {"count": 1}
    assert fresh("show", fresh.ids[0]).returncode == 5


def test_process_prints_its_statistics(fresh):
    done = fresh("process", "--max-seconds", "30")
    stats = json.loads(done.stdout)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1
    assert (stats["claimed"], stats["completed"], stats["failed"]) == (3, 3, 0)


def test_worker_ends_in_order(fresh):
    worker = subprocess.Popen([BINARY, "worker", "--data", fresh.data], env=environment(),
                              stderr=subprocess.PIPE, text=True)
    assert fresh("wait", *fresh.ids, "--timeout", "60s").returncode == 0
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    worker.stderr.close()


# ---- tokens, doctor ------------------------------------------------------------------------------

def test_tokens(tmp_path):
    data = tmp_path / "data"
    done = docq(data, "token", "new", "--scope", "upload,read", "--name", "camera", "--expires",
                "90d")
    secret = done.stdout.strip()
    assert re.fullmatch(r"dq_[0-9a-f]{16}_[0-9a-f]{64}", secret)
    assert "not shown again" in done.stderr and secret not in done.stderr
    listed = docq(data, "token", "ls").stdout
    assert "camera" in listed and "upload,read" in listed and secret[20:] not in listed
    row = json.loads(docq(data, "token", "ls", "--json").stdout)
    assert (row["id"], row["state"], row["scopes"]) == (secret.split("_")[1], "live", "upload,read")
    assert row["expires_at"] and row["revoked_at"] is None
    assert docq(data, "token", "revoke", row["id"]).stdout == f"{row['id']}  revoked\n"
    assert json.loads(docq(data, "token", "ls", "--json").stdout)["state"] == "revoked"
    assert docq(data, "token", "revoke", "0" * 16, check=False).returncode == 5
    docq(data, "token", "new", "--scope", "read", "--expires", "1ms")
    time.sleep(0.01)
    rows = json_lines(docq(data, "token", "ls", "--json").stdout)
    assert sorted(row["state"] for row in rows) == ["expired", "revoked"]


def test_doctor(store, tmp_path):
    done = store.run("doctor", "--json")
    findings = {row["check"]: row for row in json_lines(done.stdout)}
    assert done.returncode == 0
    assert set(findings) >= {"data directory", "store", "disk space", "extractor", "sandbox",
                             "clock", "open files", "fsync"}
    assert "7 documents" in findings["store"]["detail"]
    assert all(row["fix"] for row in findings.values() if row["level"] != "ok")
    assert docq(tmp_path / "none", "doctor").returncode == 0
    assert not (tmp_path / "none").exists()
    for option, check in ((("--extractor", "/bin/false"), "extractor"),
                          (("--extractor", "/none"), "extractor"),
                          (("--disk-reserve", "1000TiB"), "disk space")):
        done = store.run("doctor", "--json", *option)
        found = next(row for row in json_lines(done.stdout) if row["check"] == check)
        assert (done.returncode, found["level"]) == (1, "fail") and found["fix"]
