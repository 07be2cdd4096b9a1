"""docq operation: what is set holds, for the queue and across restarts of the server."""
import json

import pytest

from harness import Server, docq, eventually, json_lines


def operations(data):
    return {row["name"]: row for row in json_lines(docq(data, "operation", "ls", "--json").stdout)}


def test_set_makes_changes_and_keeps_the_rest(tmp_path):
    data = tmp_path / "data"
    docq(data, "operation", "set", "shrink", "--max-attempts", 2, "--backoff-base", "100ms")
    made = operations(data)["shrink"]
    assert (made["kind"], made["max_attempts"], made["backoff_base_seconds"]) == ("remote", 2, 0.1)
    assert (made["crash_budget"], made["timeout_seconds"]) == (3, 600)
    docq(data, "operation", "set", "shrink", "--timeout", "90s", "--backoff-factor", "1.5")
    changed = operations(data)["shrink"]
    assert (changed["timeout_seconds"], changed["backoff_factor"]) == (90, 1.5)
    assert (changed["max_attempts"], changed["backoff_base_seconds"]) == (2, 0.1)
    docq(data, "operation", "set", "process", "--max-attempts", 7)
    assert operations(data)["process"]["kind"] == "builtin"
    assert operations(data)["process"]["max_attempts"] == 7
    assert "shrink" in docq(data, "operation", "ls").stdout


def test_the_policy_is_followed_and_survives_the_server(tmp_path):
    """serve makes its remote operations known, and must not reset one that is known already."""
    data = tmp_path / "data"
    docq(data, "operation", "set", "shrink", "--max-attempts", 2, "--backoff-base", "50ms")
    for attempt in (1, 2):
        with Server(data, "--remote-operations", "shrink,other", workers=0) as server:
            assert operations(data)["shrink"]["max_attempts"] == 2
            assert operations(data)["other"]["max_attempts"] == 5
            if attempt == 1:
                id = server.upload("a.txt", b"x", operation="shrink")["item"]["id"]
            lease = eventually(lambda: server.post("/v1/leases", {"operations": ["shrink"]})
                               .json()["leases"])[0]
            failed = server.post(f"/v1/leases/{lease['token']}/fail",
                                 {"error": {"code": "no_luck"}})
            assert failed.json()["status"] == ("pending" if attempt == 1 else "failed")
    with Server(data, workers=0) as server:
        assert server.item(id)["attempts"] == 2


@pytest.mark.parametrize("arguments, words", [
    (["set"], "needs a name"), (["sett", "a"], "did you mean operation set"), (["ls", "a"], "does not know"),
    (["set", "a", "--max-attempts", "0"], "--max-attempts"),
    (["set", "a", "--timeout", "soon"], "--timeout"),
    (["set", "a", "--backoff-cap", "0s"], "cannot be 0"),
    (["set", "a", "--backoff-factor", "0.5"], "from 1 to 100"),
    (["set", "process", "--timeout", "5m"], "document-time-max"),
])
def test_mistakes_change_nothing(tmp_path, arguments, words):
    data = tmp_path / "data"
    docq(data, "operation", "ls")
    before = json.dumps(operations(data))
    done = docq(data, "operation", *arguments, check=False)
    assert done.returncode == 2 and words in done.stderr, done.stderr
    assert json.dumps(operations(data)) == before


def test_a_name_that_is_none(tmp_path):
    done = docq(tmp_path / "data", "operation", "set", "Bad Name", check=False)
    assert done.returncode == 1 and "a-z 0-9 _ -" in done.stderr
