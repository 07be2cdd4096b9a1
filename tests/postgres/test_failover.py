"""A primary with a synchronous standby dies under load; the standby is promoted. Nothing that was
acknowledged is lost, and the service is back within five seconds of the promotion."""
import signal
import sys
import threading
import time

import requests

from harness import Server, eventually
from postgres import USER, Postgres

BACK_SECONDS_MAX = 5
LOAD_SECONDS = 4
UPLOADERS = 4


class Load:
    """Uploads small documents as fast as it can, and notes what was acknowledged and when."""

    def __init__(self, server):
        self.server, self.stop = server, False
        self.acknowledged, self.odd = [], []
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(UPLOADERS)]
        for thread in self.threads:
            thread.start()

    def run(self, me):
        number = 0
        while not self.stop:
            number += 1
            try:
                answer = requests.post(self.server.url + "/v1/documents", timeout=60,
                                       files={"file": (f"{me}-{number}.txt", b"some words\n")})
            except requests.RequestException as error:
                self.odd.append(str(error))
                continue
            if answer.status_code == 202:
                self.acknowledged.append((answer.json()["id"], time.monotonic()))
            elif answer.status_code not in (500, 503):
                self.odd.append(answer.text)

    def finish(self):
        self.stop = True
        for thread in self.threads:
            thread.join(timeout=60)
        assert not self.odd, self.odd[:3]


def synchronous_pair():
    primary = Postgres(settings=["synchronous_standby_names=*", "wal_level=replica"])
    # Until there is a standby, commits would wait for one.
    primary.settings, wanted = ["synchronous_standby_names="], primary.settings
    primary.start()
    standby = Postgres(copy_of=primary)
    primary.kill(signal.SIGINT)
    primary.settings = wanted
    primary.start()
    standby.start()
    eventually(lambda: primary.sql("SELECT sync_state FROM pg_stat_replication") == [("sync",)])
    return primary, standby


def test_failover(tmp_path):
    primary, standby = synchronous_pair()
    try:
        url = (f"postgresql://{USER}@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/postgres"
               "?target_session_attrs=read-write")
        with Server(tmp_path / "data", "--url", url, workers=0) as server:
            load = Load(server)
            time.sleep(LOAD_SECONDS)
            primary.kill()
            before = len(load.acknowledged)
            assert before > 0
            # Nobody answers for the store now, and readiness says so.
            eventually(lambda: requests.get(server.url + "/readyz", timeout=30).status_code == 503)
            standby.promote()
            promoted = time.monotonic()
            eventually(lambda: load.acknowledged[-1][1] > promoted, 30)
            back = next(at for _, at in load.acknowledged if at > promoted) - promoted
            assert requests.get(server.url + "/readyz", timeout=30).status_code == 200
            time.sleep(1)
            load.finish()
            there = {row[0] for row in standby.sql("SELECT id FROM docq.document")}
            lost = [id for id, _ in load.acknowledged if id not in there]
            print(f"failover: {before} acknowledged before, {len(load.acknowledged) - before} "
                  f"after, {len(lost)} lost, back {back:.2f} s after the promotion", file=sys.stderr)
            assert not lost
            assert back < BACK_SECONDS_MAX
            # Unknown outcomes were settled: no document is there twice.
            names = standby.sql("SELECT filename, count(*) FROM docq.document GROUP BY 1 "
                                "HAVING count(*) > 1")
            assert not names
    finally:
        primary.remove()
        standby.remove()
