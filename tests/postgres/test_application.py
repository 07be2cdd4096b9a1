"""docq.enqueue() in an application's own transaction, and ten nodes that start at once."""
import os
import re
import subprocess
import sys

import psycopg2
import pytest

from harness import BINARY, ROOT, Server, environment, eventually
from postgres import Postgres

EXAMPLE = os.path.join(ROOT, "examples", "postgres", "enqueue.py")


@pytest.fixture(scope="module")
def database():
    with Postgres() as server:
        yield server


def run_example(*arguments):
    return subprocess.run([sys.executable, EXAMPLE, *arguments], capture_output=True, text=True,
                          check=True).stdout.strip()


def newest_schema():
    """The highest N of the statements postgres_N: each is one version of the schema."""
    folder = os.path.join(ROOT, "src", "store", "sql", "postgres")
    found = []
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            found += [int(number) for number in re.findall(r"^-- name: postgres_(\d+)$", file.read(),
                                                           flags=re.M)]
    assert sorted(found) == list(range(1, len(found) + 1))
    return max(found)


def test_ten_nodes_start_at_once(database, tmp_path):
    nodes = [subprocess.Popen([BINARY, "stats", "--url", database.url()], env=environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
             for _ in range(10)]
    for node in nodes:
        output, _ = node.communicate(timeout=60)
        assert node.returncode == 0, output
    assert database.sql("SELECT value FROM docq.meta WHERE key = 'schema'") == \
        [(str(newest_schema()),)]


def test_the_example_enqueues_and_rolls_back(database, tmp_path):
    with Server(tmp_path / "data", "--url", database.url()) as server:
        document = server.upload("a.txt", b"plain words\n")["id"]
        eventually(lambda: server.document(document)["status"] == "completed")
        before = database.sql("SELECT count(*) FROM docq.item")
        assert "rolled back" in run_example(database.url(), document, "--roll-back")
        assert database.sql("SELECT count(*) FROM docq.item") == before
        assert database.sql("SELECT to_regclass('purchase')") == [("",)]
        item = run_example(database.url(), document)
        eventually(lambda: server.item(item)["status"] == "completed")
        assert database.sql("SELECT count(*) FROM purchase") == [("1",)]
        stats = server.get("/v1/queue/stats").json()
        assert (stats["completed"], stats["pending"]) == (2, 0)


def test_one_waits_and_refusals_name_the_fault(database, tmp_path):
    with Server(tmp_path / "data", "--url", database.url(), workers=0) as server:
        document = server.upload("b.txt", b"more words\n")
    connection = psycopg2.connect(database.url())
    cursor = connection.cursor()
    ask = "SELECT docq.enqueue(%s, %s, %s)"
    cursor.execute(ask, (document["id"], "process", 7))
    assert cursor.fetchone()[0] == document["item"]["id"]
    cursor.execute(ask, (document["id"], "reprocess", 0))
    first = cursor.fetchone()[0]
    cursor.execute(ask, (document["id"], "reprocess", 0))
    assert cursor.fetchone()[0] == first
    cursor.execute("SELECT priority FROM docq.item WHERE id = %s", (document["item"]["id"],))
    assert cursor.fetchone()[0] == 7
    connection.commit()
    for wrong, message in [((document["id"], "nosuch", 0), "unknown operation"),
                           ((document["id"], "process", 5000), "priority"),
                           (("01890000-0000-7000-8000-000000000000", "process", 0),
                            "no document")]:
        with pytest.raises(psycopg2.Error, match=message):
            cursor.execute(ask, wrong)
        connection.rollback()
    connection.close()


def test_an_open_transaction_of_the_application_blocks_nobody(database, tmp_path):
    """Who enqueues the same work meanwhile is told to come again; all else goes on."""
    with Server(tmp_path / "data", "--url", database.url(), workers=0) as server:
        one = server.upload("c.txt", b"one\n")["id"]
        two = server.upload("d.txt", b"two\n")["id"]
        connection = psycopg2.connect(database.url())
        connection.cursor().execute("SELECT docq.enqueue(%s, 'reprocess')", (one,))
        assert server.post("/v1/items", {"document_id": two, "operation": "reprocess"}).ok
        refused = server.post("/v1/items", {"document_id": one, "operation": "reprocess"})
        assert refused.status_code == 503, refused.text
        connection.rollback()
        connection.close()
        assert server.post("/v1/items", {"document_id": one, "operation": "reprocess"}).ok
