"""Handlers and tasks that tests have run by workers."""
import ctypes
import os
import time

from docq import Permanent, Result, Retry

CALLS = os.environ.get("CALLS_FILE", "")


def note(*words):
    """One line in the file that the test reads; appended in one write."""
    with open(CALLS, "ab", buffering=0) as file:
        file.write((" ".join(map(str, words)) + "\n").encode())


def upper(job):
    return job.content().decode().upper()


def whole_result(job):
    return Result(pages=["one", "two"], metadata={"made_by": "test"}, problems=["a small one"])


def nothing(job):
    return None


def held(job):
    """Holds the interpreter's lock for the seconds that the document says: no other thread of this
    process runs meanwhile."""
    seconds = float(job.content())
    note("start", os.getpid())
    ctypes.PyDLL(None).usleep(int(seconds * 1e6))
    note("end", os.getpid())
    return "held"


def slow(job):
    note("start", os.getpid())
    time.sleep(float(job.content()))
    note("end", os.getpid())
    return "slept"


def patient(job):
    """Stops by itself once it is called off."""
    note("start", os.getpid())
    try:
        for step in range(600):
            job.progress(step, 600, "waiting")
            time.sleep(0.1)
    except BaseException as error:
        note(type(error).__name__)
        raise


def retry_once(job):
    if job.attempt == 1:
        raise Retry("not yet", after=1)
    return f"attempt {job.attempt}"


def give_up(job):
    raise Permanent("no_colour", "the picture has no colour")


def broken(job):
    raise KeyError("missing")


def crash(job):
    if job.attempt == 1:
        os.kill(os.getpid(), 11)
    return "survived"


def not_a_result(job):
    return 42


async def later(job):
    return "from a coroutine"


# ---- tasks ---------------------------------------------------------------------------------------

def add(a, b=0):
    note("add", a, b)
    return a + b


async def greet(name):
    return {"hello": name}


def returns_object():
    return object()


os_system = os.system
not_a_function = {"a": 1}
