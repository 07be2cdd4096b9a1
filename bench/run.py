#!/usr/bin/env python3
"""Measures docq on this machine, prints a table and writes it as JSON.

    run.py [--build DIR] [--quick] [--json FILE]

Every figure is the median of several runs, taken in turn with the baseline's (beanstalkd that
syncs each put), so that a slow moment of the machine meets both. The targets are the project's.
"""
import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CONNECTIONS, LOAD_THREADS = 64, 2
START_SECONDS_MAX = 30

# name, unit, target (None: for information), better: the larger or the smaller
ROWS = [
    ("enqueue_http_per_s", "durable enqueues a second over HTTP, 64 connections", 15000, max),
    ("beanstalkd_put_per_s", "baseline: beanstalkd -f0, 64 connections", None, max),
    ("upload_50k_per_s", "uploads of 50 KB a second, 64 connections", 4000, max),
    ("upload_50k_p99_ms", "the same, 99th percentile, ms", 30, min),
    ("enqueue_bulk_per_s", "bulk enqueue through the C API, 1,000 a call", 150000, max),
    ("drain_batch10_8_threads_per_s", "claim + complete, batches of 10, 8 threads", 20000, max),
    ("drain_batch10_1_thread_per_s", "the same, one thread", None, max),
    ("drain_single_8_threads_per_s", "claim + complete one by one, 8 threads", None, max),
    ("two_processes_server_per_s", "two processes at once, one by one: enqueues", 2000, max),
    ("two_processes_worker_per_s", "two processes at once, one by one: claim + complete", 2000, max),
    ("start_p50_ms", "enqueue to start on an idle queue, median, ms", None, min),
    ("start_p99_ms", "the same, 99th percentile, ms", 10, min),
    ("claim10_us_at_1000", "claim of 10 with 1,000 waiting, us", None, min),
    ("claim_deep_ratio", "the same with DEPTH waiting, ratio", 1.2, min),
    ("claim_finished_ratio", "the same with DEPTH finished, ratio", 1.2, min),
]


class Server:
    """`docq serve` on a free port and a data directory of its own."""

    def __init__(self, build, data, *options):
        address = os.path.join(data, "server.address")
        self.process = subprocess.Popen(
            [os.path.join(build, "docq"), "serve", "--quiet", "--data", data, "--listen",
             "127.0.0.1:0", *options], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS_MAX
        while not os.path.exists(address):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit("bench: the server did not start")
            time.sleep(0.01)
        with open(address, encoding="utf-8") as file:
            self.url = file.read().strip()

    def call(self, path, body=None, kind="application/json"):
        request = urllib.request.Request(self.url + path, data=body,
                                         headers={"Content-Type": kind} if body else {})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def load(self, seconds, *what):
        """wrk's figures, with every request answered as it should be."""
        done = subprocess.run(
            ["wrk", f"-t{LOAD_THREADS}", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s",
             os.path.join(ROOT, "bench", "load.lua"), self.url, "--", *map(str, what)],
            check=True, stdout=subprocess.PIPE, text=True)
        figures = json.loads(done.stdout.splitlines()[-1])
        if figures["errors"]:
            raise SystemExit(f"bench: {figures['errors']} requests failed: {what}")
        return figures

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)


def rate(figures):
    return figures["requests"] / (figures["microseconds"] / 1e6)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def beanstalkd(build, folder, seconds):
    program = shutil.which("beanstalkd") or "/usr/bin/beanstalkd"
    port, log = free_port(), os.path.join(folder, "beanstalkd")
    os.makedirs(log)
    process = subprocess.Popen([program, "-l", "127.0.0.1", "-p", str(port), "-b", log, "-f0"],
                               stdin=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        done = subprocess.run([os.path.join(build, "bench", "bench_beanstalkd"), str(port),
                               str(CONNECTIONS), str(seconds)],
                              check=True, stdout=subprocess.PIPE, text=True)
        return rate(json.loads(done.stdout))
    finally:
        process.terminate()
        process.wait(timeout=30)
        shutil.rmtree(log)


def measure_enqueue(build, folder, runs, seconds):
    """In turn: docq over HTTP, beanstalkd. The number of waiting items is compared with what was
    answered, so that nothing is counted that was not stored."""
    data, ids = os.path.join(folder, "enqueue"), os.path.join(folder, "ids")
    subprocess.run([os.path.join(build, "bench", "bench_queue"), data, "documents",
                    str(30000 * seconds * runs)], check=True, stdout=open(ids, "w", encoding="ascii"))
    ours, baseline = [], []
    with open(ids, encoding="ascii") as file:
        lines = file.readlines()
    share = len(lines) // runs
    with Server(build, data, "--workers", "0", "--remote-operations", "bench") as server:
        for run in range(runs):
            part = os.path.join(folder, "part")
            with open(part, "w", encoding="ascii") as file:
                file.writelines(lines[run * share:(run + 1) * share])
            before = server.call("/v1/queue/stats")["pending"]
            figures = server.load(seconds, "enqueue", part)
            stored = server.call("/v1/queue/stats")["pending"] - before
            if stored < figures["requests"]:
                raise SystemExit(f"bench: {figures['requests']} answered, {stored} stored")
            ours.append(rate(figures))
            baseline.append(beanstalkd(build, folder, seconds))
    shutil.rmtree(data)
    return {"enqueue_http_per_s": ours, "beanstalkd_put_per_s": baseline}


def measure_upload(build, folder, runs, seconds):
    data, rates, tails = os.path.join(folder, "upload"), [], []
    with Server(build, data, "--workers", "0", "--remote-operations", "bench") as server:
        for _ in range(runs):
            figures = server.load(seconds, "upload", 50 * 1024)
            rates.append(rate(figures))
            tails.append(figures["p99_us"] / 1000)
    shutil.rmtree(data)
    return {"upload_50k_per_s": rates, "upload_50k_p99_ms": tails}


def measure_start(build, folder, runs, samples):
    """From the commit of an upload to the claim by the worker process, by the store's own clock."""
    data, halves, tails = os.path.join(folder, "start"), [], []
    with Server(build, data, "--workers", "1") as server:
        for _ in range(runs):
            ids = []
            for number in range(samples):
                ids.append(server.call(f"/v1/documents?filename={number}.txt", b"short",
                                       "application/octet-stream")["item"]["id"])
                time.sleep(0.02)
            while server.call("/v1/queue/stats")["completed"] < (len(halves) + 1) * samples:
                time.sleep(0.05)
            items = [server.call(f"/v1/items/{id}") for id in ids]
            waits = sorted(since(item["created_at"], item["started_at"]) for item in items)
            halves.append(statistics.median(waits))
            tails.append(waits[int(len(waits) * 0.99)])
    shutil.rmtree(data)
    return {"start_p50_ms": halves, "start_p99_ms": tails}


def since(begin, end):
    """Milliseconds between two RFC 3339 times of microseconds."""
    def microseconds(text):
        head, _, fraction = text.rstrip("Z").partition(".")
        seconds = time.mktime(time.strptime(head, "%Y-%m-%dT%H:%M:%S"))
        return int(seconds) * 1000000 + int((fraction + "000000")[:6])
    return (microseconds(end) - microseconds(begin)) / 1000


def measure_queue(build, folder, depth):
    data = os.path.join(folder, "queue")
    done = subprocess.run([os.path.join(build, "bench", "bench_queue"), data, "rates", str(depth)],
                          check=True, stdout=subprocess.PIPE, text=True)
    shutil.rmtree(data)
    found = json.loads(done.stdout)
    found["claim_deep_ratio"] = found["claim10_us_deep"] / found["claim10_us_at_1000"]
    found["claim_finished_ratio"] = found["claim10_us_finished"] / found["claim10_us_at_1000"]
    return {name: [value] for name, value in found.items()}


def table(medians, depth):
    print(f"{'':58} {'median':>10} {'target':>10}")
    for name, title, target, better in ROWS:
        if name not in medians:
            continue
        value = medians[name]
        good = target is None or (value >= target if better is max else value <= target)
        digits = 0 if value >= 1000 else 2
        print(f"{title.replace('DEPTH', f'{depth:,}'):58} {value:>10,.{digits}f} "
              f"{'' if target is None else f'{target:,}':>10} {'' if good else 'missed'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--quick", action="store_true", help="short runs, to see that it works")
    parser.add_argument("--json", default=None, help="default: bench.json in the build directory")
    options = parser.parse_args()
    build = os.path.join(ROOT, options.build)
    runs, seconds, samples, depth = (2, 1, 50, 20000) if options.quick else (5, 4, 500, 1000000)
    found = {}
    with tempfile.TemporaryDirectory(dir=build) as folder:
        for title, step in [
            ("enqueue over HTTP, and the baseline",
             lambda: measure_enqueue(build, folder, runs, seconds)),
            ("uploads", lambda: measure_upload(build, folder, runs, seconds)),
            ("enqueue to start", lambda: measure_start(build, folder, min(runs, 3), samples)),
            ("the queue through its C API", lambda: measure_queue(build, folder, depth)),
        ]:
            print(f"bench: {title} ...", file=sys.stderr, flush=True)
            found.update(step())
    medians = {name: statistics.median(values) for name, values in found.items()}
    table(medians, depth)
    path = options.json or os.path.join(build, "bench.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"medians": medians, "runs": found, "depth": depth, "quick": options.quick}, file,
                  indent=2)
        file.write("\n")
    print(f"written to {os.path.relpath(path)}", file=sys.stderr)


if __name__ == "__main__":
    main()
