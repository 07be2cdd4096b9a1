"""Functions by name: what a worker in another process can find again, and nothing else."""
from __future__ import annotations

import importlib
import inspect
import json
from fnmatch import fnmatchcase
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

CALL_BYTES_MAX = 1 << 20  # of a task's function name and arguments as JSON
JSON_DEPTH_MAX = 32
OPERATION = "task"


class NotImportable(TypeError):
    """The function cannot be found by its name in another process."""


class NotJson(TypeError):
    """An argument is not JSON."""


def name_of(function: Any) -> str:
    """"module:function" of a function that a worker can import; else `NotImportable`."""
    shown = getattr(function, "__qualname__", None) or repr(function)
    advice = "a worker runs it in another process and finds it by its name"
    if not inspect.isfunction(function):
        raise NotImportable(f"{shown} is a {type(function).__name__}, no function: {advice}, so "
                            "pass a function that is defined with `def` in a module")
    if "<" in function.__qualname__:
        raise NotImportable(f"{shown} is a lambda or is defined inside another function: {advice}, "
                            "so define it with `def` at the top of a module")
    if function.__module__ == "__main__":
        raise NotImportable(f"{shown} is defined in the program's main file: {advice}, so move it "
                            "to a module that both import")
    name = f"{function.__module__}:{function.__qualname__}"
    if resolve(name) is not function:
        raise NotImportable(f"{name} is another object than the one given (it was decorated or "
                            f"replaced): {advice}, so pass what the module holds under that name")
    return name


def split_name(name: str) -> Tuple[str, str]:
    module, _, function = name.partition(":")
    if not module or not function:
        raise NotImportable(f"{name!r} is not module:function, such as app.tasks:send_mail")
    return module, function


def resolve(name: str) -> Any:
    """The object called module:function. The module is imported."""
    module, path = split_name(name)
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise NotImportable(f"the module {module} has no {path}; was it renamed after the task "
                                "was enqueued?") from None
    return found


def is_allowed(name: str, patterns: Sequence[str]) -> bool:
    """'app.*' allows app:mail and app.jobs:clean. Nothing is allowed without a pattern."""
    dotted = ".".join(split_name(name))
    return any(fnmatchcase(dotted, pattern) for pattern in patterns)


def resolve_allowed(name: str, patterns: Sequence[str]) -> Callable[..., Any]:
    """Imports a function for running it: its name must be allowed, and it must be a function that
    is defined there, so that app.jobs:os.system leads nowhere."""
    if not is_allowed(name, patterns):
        raise PermissionError(f"{name} is not allowed here; start the worker with --allow for it")
    found = resolve(name)
    module, path = split_name(name)
    if not inspect.isfunction(found) or found.__module__ != module or found.__qualname__ != path:
        raise PermissionError(f"{name} is no function that is defined in {module}")
    return found


def check_json(value: Any, where: str, depth: int = 0) -> None:
    """Only what comes back from JSON as it went in."""
    kind = type(value)
    if depth > JSON_DEPTH_MAX:
        raise NotJson(f"{where} is nested more than {JSON_DEPTH_MAX} deep")
    if value is None or kind in (bool, int, str):
        return
    if kind is float:
        if value != value or value in (float("inf"), float("-inf")):
            raise NotJson(f"{where} is {value}, which JSON cannot say")
    elif kind is list:
        for index, each in enumerate(value):
            check_json(each, f"{where}[{index}]", depth + 1)
    elif kind is dict:
        for key, each in value.items():
            if type(key) is not str:
                raise NotJson(f"{where} has the key {key!r}; keys are to be str")
            check_json(each, f"{where}[{key!r}]", depth + 1)
    else:
        remedy = {"tuple": "pass a list", "set": "pass a list", "bytes": "upload it as a document "
                  "and pass its id", "UploadFile": "upload it as a document and pass its id",
                  "datetime": "pass value.isoformat()", "date": "pass value.isoformat()",
                  "UUID": "pass str(value)", "Decimal": "pass str(value)",
                  "PosixPath": "pass str(value)"}.get(
                      kind.__name__, "pass an id, or the plain values that are needed")
        raise NotJson(f"{where} is a {kind.__name__}: a task runs in another process and takes "
                      f"only JSON (None, bool, int, float, str, list, dict); {remedy}")


def encode_call(function: Callable[..., Any], args: Sequence[Any],
                kwargs: Mapping[str, Any]) -> bytes:
    """The document of a task. What cannot run in another process is refused here and now."""
    name = name_of(function)
    for index, value in enumerate(args, 1):
        check_json(value, f"argument {index} of {name}")
    for key, value in kwargs.items():
        check_json(value, f"argument `{key}` of {name}")
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{name} cannot be called so: {error}") from None
    call = json.dumps({"function": name, "args": list(args), "kwargs": dict(kwargs)},
                      ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if len(call) > CALL_BYTES_MAX:
        raise NotJson(f"the arguments of {name} are {len(call)} bytes of JSON, {CALL_BYTES_MAX} at "
                      "most; upload what is large as a document and pass its id")
    return call


def decode_call(content: bytes) -> Tuple[str, List[Any], Dict[str, Any]]:
    """The other way; ValueError for what is no call."""
    call = json.loads(content)
    if not isinstance(call, dict) or set(call) != {"function", "args", "kwargs"} or not (
            isinstance(call["function"], str) and isinstance(call["args"], list) and
            isinstance(call["kwargs"], dict)):
        raise ValueError("a task is a JSON object of function, args and kwargs")
    return call["function"], call["args"], call["kwargs"]


def value_text(value: Any) -> Tuple[str, Optional[str]]:
    """(what a task returned, as JSON; a problem where it is none)"""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False), None
    except (TypeError, ValueError):
        return "null", (f"The function returned a {type(value).__name__}, which is not JSON and "
                        "was not kept.")
