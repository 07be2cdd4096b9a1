"""Two servers and four workers on one database; every kind of process is killed at random, the
database's backends and the database itself among them. What got a 202 gets done, once to effect.

DOCQ_NODES=DOCUMENTS/KILLS sets the size (120/24), DOCQ_SEED the random choices.
"""
import os
import random
import signal
import sys
import threading
import time

import requests

from harness import Server, check_history, eventually, mix, workers_of
from postgres import Postgres

DONE_SECONDS_MAX = 240
CRASH_BUDGET = 3


class Uploads:
    """Uploads each sample to one node or the other until it is answered with 202."""

    def __init__(self, servers, samples):
        self.servers, self.samples = servers, list(samples)
        self.acknowledged, self.error = {}, None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            for number, sample in enumerate(self.samples):
                self.upload(number, sample)
        except AssertionError as error:
            self.error = error

    def upload(self, number, sample):
        while True:
            try:
                answer = requests.post(self.servers[number % 2].url + "/v1/documents", timeout=60,
                                       files={"file": (sample.name, sample.content)})
            except requests.RequestException:
                time.sleep(0.05)
                number += 1
                continue
            # 500: the one answer that says that the outcome of a commit is not known
            assert answer.status_code in (202, 500, 503), answer.text
            if answer.status_code == 202:
                self.acknowledged[answer.json()["id"]] = sample
                return
            number += 1


def strike(chance, servers, database):
    kind = chance.choice(["server", "worker", "worker", "backend", "backend", "backend",
                          "database"])
    if kind == "server":
        victim = chance.choice(servers)
        victim.kill()
        while True:
            try:
                victim.start()
                break
            except AssertionError:  # it waits a few seconds for the database, then says so
                time.sleep(0.5)
    elif kind == "database":
        database.kill()
        time.sleep(chance.uniform(0, 0.5))
        database.start()
    else:
        victims = (workers_of(chance.choice(servers).data) if kind == "worker"
                   else database.children())
        if not victims:
            return None
        try:
            os.kill(chance.choice(victims), signal.SIGKILL)
        except ProcessLookupError:
            return None
    return kind


def release_quarantined(server, acknowledged):
    """Whose worker was killed as often as the crash budget allows was unlucky: once more."""
    unlucky = 0
    for id in acknowledged:
        document = server.document(id)
        error = document["item"]["error"] or {}
        if document["status"] == "failed" and error.get("code") == "quarantined":
            item = server.item(document["item"]["id"])
            assert len(check_history(item)) >= CRASH_BUDGET, item
            assert server.post(f"/v1/items/{item['id']}/retry").status_code == 200
            unlucky += 1
    return unlucky


def check(server, database, acknowledged):
    def calm():
        stats = server.get("/v1/queue/stats").json()
        return stats["pending"] + stats["in_progress"] == 0
    eventually(calm, DONE_SECONDS_MAX, 0.2)
    if release_quarantined(server, acknowledged):
        eventually(calm, DONE_SECONDS_MAX, 0.2)
    for id, sample in acknowledged.items():
        document = server.document(id)
        assert document["status"] == sample.status, (document, sample.name)
        history = check_history(server.item(document["item"]["id"]))
        assert server.get(f"/v1/documents/{id}/content").content == sample.content
        if not sample.error:
            assert sum(attempt["outcome"] == "completed" for attempt in history) == 1
            assert server.text(id).count(sample.word) == 1
    # The counts, kept as sums of changes, are those of the rows.
    counted = {(row[0], row[1]): int(row[2]) for row in database.sql(
        "SELECT operation, status, sum(number) FROM (SELECT operation, status, number FROM "
        "docq.counter UNION ALL SELECT operation, status, number FROM docq.counter_change) c "
        "WHERE status <> 'documents' GROUP BY 1, 2 HAVING sum(number) <> 0")}
    there = {(row[0], row[1]): int(row[2]) for row in database.sql(
        "SELECT operation, status, count(*) FROM docq.item GROUP BY 1, 2")}
    assert counted == there


def test_nodes(tmp_path):
    count, kills = map(int, os.environ.get("DOCQ_NODES", "120/24").split("/"))
    seed = int(os.environ.get("DOCQ_SEED", random.randrange(1 << 30)))
    print(f"nodes: {count} documents, {kills} kills, DOCQ_SEED={seed}", file=sys.stderr)
    chance, killed = random.Random(seed), {}
    with Postgres() as database:
        servers = [Server(tmp_path / f"node{i}", "--url", database.url(), "--lease-time", "5s",
                          workers=2) for i in range(2)]
        uploads = Uploads(servers, mix(count, seed))
        while sum(killed.values()) < kills:
            time.sleep(chance.uniform(0.05, 0.8))
            kind = strike(chance, servers, database)
            if kind:
                killed[kind] = killed.get(kind, 0) + 1
        uploads.thread.join(timeout=DONE_SECONDS_MAX)
        assert not uploads.thread.is_alive() and not uploads.error, uploads.error
        print(f"nodes: killed {killed}", file=sys.stderr)
        assert len(uploads.acknowledged) == count
        check(servers[0], database, uploads.acknowledged)
        for server in servers:
            server.stop()
