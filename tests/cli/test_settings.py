"""Settings: flag > environment > docq.conf > default, each told with its place."""
import os
import re

import pytest

from harness import ROOT, Server, environment, eventually, json_lines
from test_verbs import run


def config(data, *arguments, **variables):
    done = run("config", "--json", "--data", data, *arguments, env=dict(environment(), **variables))
    assert done.returncode == 0, done.stderr
    return {row["name"]: (row["value"], row["from"]) for row in json_lines(done.stdout)}


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_precedence(data):
    assert config(data)["workers"] == ("1", "default")
    (data / "docq.conf").write_text("# mine\nworkers = 2   # two\nlog-level = debug\n")
    found = config(data)
    assert found["workers"] == ("2", f"{data}/docq.conf:2")
    assert found["log-level"] == ("debug", f"{data}/docq.conf:3")
    assert config(data, DOCQ_WORKERS="3")["workers"] == ("3", "DOCQ_WORKERS")
    assert config(data, "--workers", "4", DOCQ_WORKERS="3")["workers"] == ("4", "--workers")
    assert config(data, "--workers=4", "workers")["workers"] == ("4", "--workers")
    assert set(config(data, "workers", "listen")) == {"workers", "listen"}


def test_config_file_elsewhere(data, tmp_path):
    (data / "docq.conf").write_text("workers = 2\n")
    other = tmp_path / "other.conf"
    other.write_text("workers = 5\n")
    assert config(data, "--config", other)["workers"] == ("5", f"{other}:1")
    assert config(data, DOCQ_CONFIG=str(other))["workers"] == ("5", f"{other}:1")
    other.write_text(f"data = {data}\n")
    found = run("config", "--json", "data", "--config", other)
    assert json_lines(found.stdout)[0]["value"] == str(data)
    done = run("config", "--config", tmp_path / "missing.conf")
    assert done.returncode == 2 and "missing.conf" in done.stderr and "fix:" in done.stderr


def test_data_by_environment(data):
    found = json_lines(run("config", "data", "--json",
                           env=dict(environment(), DOCQ_DATA=str(data))).stdout)
    assert (found[0]["value"], found[0]["from"]) == (str(data), "DOCQ_DATA")


@pytest.mark.parametrize("line,said", [
    ("worker = 2", 'did you mean "workers"?'), ("lisen = x", 'did you mean "listen"?'),
    ("colour = red", "docq config --sample"), ("workers 2", 'no "="'), ("workers = two", "0..64"),
    ("workers = 65", "0..64"), ("workers = -1", "0..64"), ("workers =", "0..64"),
    ("memory-max = 1", "64MiB"), ("memory-max = much", "MiB"), ("lease-time = soon", "30s"),
    ("log-level = loud", "error, warn, info, debug"), ("data = elsewhere", "--config"),
    ("= 3", "unknown setting"), ("workers = " + "9" * 30, "0..64"),
    ("listen = " + "x" * 5000, "too long"), ("listen = a\0b", "NUL")])
def test_bad_lines(data, line, said):
    """File and line, what is wrong, what mends it; exit code 2, nothing done."""
    (data / "docq.conf").write_text("# first\n" + line + "\n")
    done = run("upload", __file__, "--data", data)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{data}/docq.conf:2:" in done.stderr
    assert said in done.stderr and "\n  fix: " in done.stderr, done.stderr
    assert os.listdir(data) == ["docq.conf"]


@pytest.mark.parametrize("name,value,said", [
    ("DOCQ_WORKERS", "many", "DOCQ_WORKERS: workers cannot be"),
    ("DOCQ_LOG_LEVEL", "", "DOCQ_LOG_LEVEL"), ("DOCQ_LEASE_TIME", "1ms", "100ms..")])
def test_bad_variables(data, name, value, said):
    done = run("ls", "--data", data, env=dict(environment(), **{name: value}))
    assert done.returncode == 2 and said in done.stderr and "fix:" in done.stderr, done.stderr


def test_a_slip_in_a_variable_is_mentioned(data):
    done = run("config", "workers", "--data", data, env=dict(environment(), DOCQ_WORKER="2"))
    assert done.returncode == 0 and "did you mean DOCQ_WORKERS?" in done.stderr


def test_sample_holds_every_setting_and_changes_none(data):
    sample = run("config", "--sample").stdout
    (data / "docq.conf").write_text(sample)
    before = config(data)
    assert {place for name, (_, place) in before.items() if name != "data"} == {"default"}
    assert all(f"\n#{name} = " in sample for name in before)
    (data / "docq.conf").write_text("\n".join(
        re.sub(r"^#(?=[a-z-]+ = )", "", line) for line in sample.splitlines()
        if not line.startswith("#data =")))
    after = config(data)
    assert {n: v for n, (v, _) in after.items()} == {n: v for n, (v, _) in before.items()}
    assert all("docq.conf:" in place for name, (_, place) in after.items() if name != "data")


def test_table_and_limits_agree():
    """Every field of struct http_limits is a setting of the same name, handed over by serve."""
    with open(os.path.join(ROOT, "src", "http", "http.h"), encoding="utf-8") as file:
        body = file.read().split("struct http_limits {", 1)[1].split("};", 1)[0]
    fields = re.findall(r"^\s+[a-z0-9_]+ (\w+);", body, flags=re.M)
    assert len(fields) > 15
    names = {row["name"] for row in json_lines(run("config", "--json").stdout)}
    assert {field.replace("_", "-") for field in fields} <= names
    with open(os.path.join(ROOT, "src", "cli", "serve.c"), encoding="utf-8") as file:
        handed = re.findall(r"X\(\w+, (\w+)\)", file.read())
    assert sorted(handed) == sorted(fields)


def test_worker_gets_the_servers_settings(tmp_path):
    """What the server was told reaches the processes it starts."""
    (tmp_path / "slow").write_text("#!/bin/sh\nexec sleep 30\n")
    (tmp_path / "slow").chmod(0o755)
    with Server(tmp_path / "data", "--extractor", tmp_path / "slow", "--document-time-max", "1s",
                "--grace", "0s", workers=1) as server:
        id = server.upload("a.txt", b"x")["id"]
        item = server.document(id)["item"]["id"]

        def ended():
            return [attempt for attempt in server.item(item)["history"] if attempt["ended_at"]]
        assert eventually(ended, 30)[0]["limit"] == "time"
