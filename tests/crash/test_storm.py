"""Server, workers and boxes are killed at random while documents arrive. What got a 202 gets done.

DOCQ_STORM=DOCUMENTS/KILLS sets the size (500/50), DOCQ_SEED the random choices.
"""
import os
import random
import signal
import stat
import sys
import threading
import time

import requests

from harness import (BUILD, Server, boxes_of, check_history, docq, eventually, mix, workers_of)

DONE_SECONDS_MAX = 300
CRASH_BUDGET = 3
UPLOADERS = 4


class Uploads:
    """Uploads each sample until it is answered with 202, at the pace that release() sets."""

    def __init__(self, server, samples):
        self.server, self.waiting = server, list(reversed(list(enumerate(samples))))
        self.lock, self.allowed = threading.Semaphore(0), threading.Lock()
        self.acknowledged, self.errors = {}, []
        self.threads = [threading.Thread(target=self.run) for _ in range(UPLOADERS)]
        self.stopped = False
        for thread in self.threads:
            thread.start()

    def release(self, count):
        for _ in range(count):
            self.lock.release()

    def run(self):
        while True:
            self.lock.acquire()
            with self.allowed:
                if not self.waiting or self.stopped:
                    return
                number, sample = self.waiting.pop()
            try:
                self.upload(sample)
            except AssertionError as error:
                self.errors.append(error)

    def upload(self, sample):
        while not self.stopped:
            try:
                answer = requests.post(self.server.url + "/v1/documents", timeout=30,
                                       files={"file": (sample.name, sample.content)})
            except requests.RequestException:
                time.sleep(0.02)
                continue
            assert answer.status_code in (202, 503), answer.text
            if answer.status_code == 202:
                self.acknowledged[answer.json()["id"]] = sample
                return

    def finish(self):
        self.release(len(self.waiting) + UPLOADERS)
        for thread in self.threads:
            thread.join(timeout=120)
            assert not thread.is_alive()
        assert not self.errors, self.errors


def strike(chance, server, data, killed):
    """Kills one process with SIGKILL; a dead server is started again."""
    kind = chance.choice(["server", "worker", "worker", "box", "box", "box"])
    if kind == "server":
        server.kill()
        time.sleep(chance.uniform(0, 0.1))
        server.start()
    else:
        victims = (workers_of if kind == "worker" else boxes_of)(data)
        if not victims:
            return False
        try:
            os.kill(chance.choice(victims), signal.SIGKILL)
        except ProcessLookupError:
            return False
    killed[kind] = killed.get(kind, 0) + 1
    return True


def slowed_extractor(folder):
    """docq-extract after a nap, so that boxes live long enough to be killed."""
    path = folder / "slowed-extract"
    path.write_text(f"""#!/usr/bin/python3 -SE
import os, random, sys, time
time.sleep(random.uniform(0, 0.2))
os.execv({os.path.join(BUILD, "docq-extract")!r}, ["docq-extract"] + sys.argv[1:])
""")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_storm(tmp_path):
    count, kills = map(int, os.environ.get("DOCQ_STORM", "500/50").split("/"))
    seed = int(os.environ.get("DOCQ_SEED", random.randrange(1 << 30)))
    print(f"storm: {count} documents, {kills} kills, DOCQ_SEED={seed}", file=sys.stderr)
    chance, data, killed = random.Random(seed), tmp_path / "data", {}
    server = Server(data, "--extractor", slowed_extractor(tmp_path), "--lease-time", "5s",
                    workers=2)
    uploads = Uploads(server, mix(count, seed))
    released = 0
    while sum(killed.values()) < kills:
        target = count * (sum(killed.values()) + 1) // kills
        uploads.release(target - released)
        released = target
        time.sleep(chance.uniform(0.02, 0.4))
        strike(chance, server, data, killed)
    uploads.finish()
    print(f"storm: killed {killed}", file=sys.stderr)
    assert len(uploads.acknowledged) == count

    def calm():
        stats = server.get("/v1/queue/stats").json()
        return stats["pending"] + stats["in_progress"] == 0
    with server:
        eventually(calm, DONE_SECONDS_MAX, 0.1)
        unlucky = release_quarantined(server, uploads.acknowledged)
        eventually(calm, DONE_SECONDS_MAX, 0.1)
        documents = all_documents(server)
        assert set(uploads.acknowledged) <= set(documents)
        for id, sample in uploads.acknowledged.items():
            check_outcome(server, documents[id], sample)
        for document in documents.values():
            assert document["status"] in ("completed", "failed"), document
        stats = server.get("/v1/queue/stats").json()
        assert stats["in_progress"] == stats["pending"] == 0
        assert stats["completed"] + stats["failed"] == len(documents)
        print(f"storm: {len(documents)} documents, {unlucky} released from quarantine",
              file=sys.stderr)
    assert docq(data, "process").returncode == 0


def release_quarantined(server, acknowledged):
    """A document whose handler was killed as often as the crash budget allows is quarantined, as
    it should be. It was the storm's fault, so it gets another chance."""
    unlucky = 0
    for id in acknowledged:
        document = server.document(id)
        error = document["item"]["error"] or {}
        if document["status"] == "failed" and error.get("code") == "quarantined":
            item = server.item(document["item"]["id"])
            crashes = [a for a in check_history(item)
                       if a["outcome"] in ("lost", "retried", "failed")]
            assert len(crashes) >= CRASH_BUDGET, item
            assert server.post(f"/v1/items/{item['id']}/retry").status_code == 200
            unlucky += 1
    return unlucky


def all_documents(server):
    found, cursor = {}, None
    while True:
        page = server.get("/v1/documents", params={"limit": 100, **({"cursor": cursor} if cursor
                                                                   else {})}).json()
        found.update({document["id"]: document for document in page["documents"]})
        cursor = page["next"]
        if not cursor:
            return found


def check_outcome(server, document, sample):
    assert document["status"] == sample.status, (document, sample.name)
    assert document["filename"] == sample.name
    item = server.item(document["item"]["id"])
    history = check_history(item)
    assert history, item
    assert server.get(f"/v1/documents/{document['id']}/content").content == sample.content
    if sample.error:
        assert item["error"]["code"] == sample.error, item
        assert history[-1]["outcome"] == "failed", item
    else:
        assert sum(attempt["outcome"] == "completed" for attempt in history) == 1, item
        assert server.text(document["id"]).count(sample.word) == 1
