#!/usr/bin/env python3
"""Runs every test and ends with one line: `N passed, N failed`.

Stages: the tests in C, the same under the sanitizers, the fuzz targets, the tests in Python.
A stage that breaks counts as one failure. --soak runs the long form of fuzzing and crash tests.
"""
import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Without -Werror: the checks that the sanitizers put into the code make gcc see ghosts.
SANITIZERS = {
    "asan": ["-Dwerror=false", "-Db_lundef=false", "-Db_sanitize=address,undefined"],
    "tsan": ["-Dwerror=false", "-Db_lundef=false", "-Db_sanitize=thread"],
}
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:die_after_fork=0",
}
PYTHON_SUITES = [
    "http",
    "cli",
    "mission",
    "client",
    "python",
    "dist",
    "search",
    "web",
    "crash",
    "postgres",
]
STAGE_SECONDS_MAX = 1500
SOAK_FUZZ_SECONDS = 900
FUZZ_SECONDS = 10


class Totals:
    def __init__(self):
        self.passed, self.failed, self.skipped, self.names = 0, 0, 0, []

    def add(self, stage, passed, failed=(), skipped=0):
        self.passed += passed
        self.failed += len(failed)
        self.skipped += skipped
        self.names += [f"{stage}: {name}" for name in failed]


def run(command, timeout=STAGE_SECONDS_MAX, **options):
    try:
        return subprocess.run(command, cwd=ROOT, timeout=timeout, **options).returncode
    except subprocess.TimeoutExpired:
        print(f"run-tests: stopped after {timeout} s: {' '.join(command)}", flush=True)
        return 1


def count_junit(totals, stage, path, code):
    """Counts the cases of a JUnit file; a non-zero exit without a failed case is one failure."""
    passed, skipped, failed = 0, 0, []
    try:
        cases = list(xml.parse(path).iter("testcase"))
    except (OSError, xml.ParseError):
        cases = []
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(case.get("name"))
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    if code != 0 and not failed:
        failed.append("the stage itself")
    totals.add(stage, passed, failed, skipped)


def meson_tests(totals, stage, build, arguments=(), env=None):
    log = os.path.join(ROOT, build, "meson-logs", "testlog.junit.xml")
    if os.path.exists(log):
        os.remove(log)
    code = run(["meson", "test", "-C", build, "--print-errorlogs", *arguments], env=env)
    count_junit(totals, stage, log, code)


def sanitized(totals, base, name):
    build = f"{base}-{name}"
    env = dict(os.environ, **SANITIZER_OPTIONS)
    if not os.path.exists(os.path.join(ROOT, build, "build.ninja")):
        code = run(["meson", "setup", build, *SANITIZERS[name]], stdout=subprocess.DEVNULL)
        if code != 0:
            return totals.add(name, 0, ["meson setup"])
    meson_tests(totals, name, build, ["--no-suite", "plain", "--timeout-multiplier", "4"], env)


def fuzz(totals, build, seconds):
    command = ["tools/fuzz.sh", f"{build}-fuzz", str(seconds)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="", flush=True)
    lines = done.stdout.splitlines()
    failed = [line.split()[1] for line in lines if line.startswith("failed ")]
    if done.returncode != 0 and not failed:
        failed = ["the stage itself"]
    totals.add("fuzz", sum(line.startswith("ok ") for line in lines), failed)


def python_tests(totals, build, suites):
    env = dict(os.environ, DOCQ_BINARY=os.path.join(ROOT, build, "docq"), PYTHONDONTWRITEBYTECODE="1")
    for suite in suites:
        folder = os.path.join("tests", suite)
        if not os.path.isdir(os.path.join(ROOT, folder)):
            continue
        log = os.path.join(ROOT, build, f"pytest-{suite}.xml")
        if os.path.exists(log):
            os.remove(log)
        code = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                    f"--junitxml={log}", folder], env=env,
                   timeout=STAGE_SECONDS_MAX * (4 if "DOCQ_STORM" in env else 1))
        count_junit(totals, suite, log, 0 if code == 5 else code)  # 5: no tests there


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("--soak", action="store_true")
    options = parser.parse_args()
    totals = Totals()
    stages = [
        ("tests in C", lambda: meson_tests(totals, "C", options.build)),
        ("AddressSanitizer", lambda: sanitized(totals, options.build, "asan")),
        ("ThreadSanitizer", lambda: sanitized(totals, options.build, "tsan")),
        ("fuzzing", lambda: fuzz(totals, options.build, FUZZ_SECONDS)),
        ("tests in Python", lambda: python_tests(totals, options.build, PYTHON_SUITES)),
    ]
    if options.soak:
        os.environ.setdefault("DOCQ_STORM", "2000/300")
        os.environ.setdefault("DOCQ_EVERY", "1")
        stages = [
            ("fuzzing", lambda: fuzz(totals, options.build, SOAK_FUZZ_SECONDS)),
            ("crashes", lambda: python_tests(totals, options.build, ["crash"])),
        ]
    for title, stage in stages:
        started = time.monotonic()
        print(f"== {title}", flush=True)
        stage()
        print(f"== {title}: {time.monotonic() - started:.0f} s", flush=True)
    for name in totals.names:
        print(f"FAILED {name}")
    if totals.skipped:
        print(f"{totals.skipped} skipped")
    print(f"{totals.passed} passed, {totals.failed} failed")
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
