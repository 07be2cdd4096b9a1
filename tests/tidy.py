#!/usr/bin/env python3
"""The house rules that a program can check: floors, sizes, banned calls, SQL in its place.

    tidy.py [--self-test] [ROOT]

Prints one line a violation, `file:line: rule: what; remedy`, and exits 1 where there is one.
--self-test first plants one violation of each rule in a temporary tree and sees that each is found.
"""
import os
import re
import sys
import tempfile

# Who may include whom. Everybody may include <docq.h> and their own folder.
FLOORS = {
    "base": set(),
    "core": {"base"},
    "store": {"base", "core"},
    "client": {"base", "core"},
    "queue": {"base", "core", "store", "client"},
    "sandbox": {"base"},
    "extract": {"base"},
    "worker": {"base", "core", "sandbox"},
    "http": {"base", "core", "queue"},
    "cli": {"base", "core", "queue", "sandbox", "worker", "http"},
}
# Single includes that cross the floors, with the reason.
DOORS = {
    # docq-extract builds its own wall after loading its tables and before reading the document.
    ("src/extract/main.c", "sandbox/wall.h"),
}

# Which files may include a library's headers: (header pattern, path pattern).
LIBRARIES = [
    (r"uv\.h|uv/.*", r"src/http/.*"),
    (r"http_parser\.h", r"src/http/parser\.c|src/http/http1\.c|src/http/server\.c"),
    (r"sqlite3\.h", r"src/store/.*"),
    (r"libpq-fe\.h", r"src/store/postgres.*"),
    (r"poppler/.*|poppler-.*\.h", r"src/extract/.*\.cc"),
    (r"seccomp\.h|linux/seccomp\.h|linux/landlock\.h", r"src/sandbox/.*"),
    (r"curl/.*", r"src/client/.*|src/worker/handler_webhook\.c"),
    (r"openssl/.*", r"src/base/digest\.c"),
    (r"jansson\.h", r"src/(core|store|queue|client|http|cli|extract|worker)/.*"),
    (r"archive\.h|archive_entry\.h", r"src/extract/container\.c"),
    (r"zip\.h|libxml/.*|gumbo\.h|uchardet/.*|uchardet\.h", r"src/extract/.*"),
]
ONE_FILE_ONLY = ["http_parser.h"]

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
# The whole public interface is one header, so that a program needs one.
FILE_LINES_ALLOWED = {"include/docq.h": 800}
LINE_COLUMNS_MAX = 100

BANNED_CALLS = {
    "strcpy": "snprintf or memcpy with a checked size",
    "strcat": "snprintf or struct buf",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "gets": "fgets or getline",
    "strtok": "strspn and strcspn, or strsep",
    "atoi": "strtol with its end checked",
    "atol": "strtol with its end checked",
    "atof": "strtod with its end checked",
    "system": "posix_spawn with an argument list",
    "popen": "posix_spawn and a pipe",
    "tmpnam": "mkstemp or O_TMPFILE",
    "mktemp": "mkstemp or O_TMPFILE",
    "alloca": "an arena or a named maximum",
    "rand": "random_bytes",
    "srand": "random_bytes",
    "gmtime": "gmtime_r",
    "localtime": "localtime_r",
    "ctime": "clock_format",
    "asctime": "clock_format",
}
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED_CALLS) + r")\s*\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SQL = re.compile(r"^\s*(SELECT\s+\S|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|"
                 r"DELETE\s+FROM\s|CREATE\s+(UNIQUE\s+)?(TABLE|INDEX|TRIGGER|VIEW)\s|"
                 r"WITH\s+\w+\s+AS\s*\()")
# Put together here so that this file does not find itself.
LEFTOVER = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(" + "|".join(["wo" + "rk/", "tmp/bu" + "ild", "ho" + "me/",
                                                      "ro" + "ot/"]) + ")")

SOURCE = (".c", ".h", ".cc", ".cpp")
TEXT = SOURCE + (".py", ".sh", ".md", ".sql", ".def", ".build", ".in", ".txt", ".yml")
SKIPPED_FOLDERS = re.compile(r"^(\.git|build.*|docq-data|__pycache__|node_modules|\.pytest_cache)$")
DATA_FOLDERS = ("samples/", "tests/fuzz/seeds/", "tests/fuzz/corpus/")


def strip(text):
    """Blanks comments and the insides of literals; lines and columns stay where they are.
    Returns (code, strings) with strings = [(line, value)], neighbouring literals joined."""
    out, strings = [], []
    i, line, end = 0, 1, len(text)
    joinable = False
    while i < end:
        c = text[i]
        if text.startswith("/*", i):
            stop = text.find("*/", i + 2)
            stop = end if stop < 0 else stop + 2
            out.append(re.sub(r"[^\n]", " ", text[i:stop]))
            line += text.count("\n", i, stop)
            i = stop
        elif text.startswith("//", i):
            stop = text.find("\n", i)
            stop = end if stop < 0 else stop
            out.append(" " * (stop - i))
            i = stop
        elif c == '"' or (c == "'" and not (i and text[i - 1].isalnum())):
            j = i + 1
            while j < end and text[j] != c and text[j] != "\n":
                j += 2 if text[j] == "\\" else 1
            value = text[i + 1:j].replace("\\n", "\n").replace("\\t", "\t")
            if c == '"':
                if joinable:
                    strings[-1] = (strings[-1][0], strings[-1][1] + value)
                else:
                    strings.append((line, value))
                joinable = True
            out.append(c + re.sub(r"[^\n]", " ", text[i + 1:j]) + c)
            line += text.count("\n", i, min(j + 1, end))
            i = j + 1
        else:
            if not c.isspace():
                joinable = False
            out.append(c)
            line += c == "\n"
            i += 1
    return "".join(out), strings


class Tidy:
    def __init__(self, root):
        self.root = root
        self.found = []
        self.included_by = {header: set() for header in ONE_FILE_ONLY}

    def report(self, path, line, rule, what, remedy):
        self.found.append((path, line, rule, what, remedy))

    def files(self):
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(f for f in folders if not SKIPPED_FOLDERS.match(f))
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), self.root)
                if not path.startswith(DATA_FOLDERS):
                    yield path

    def run(self):
        for path in self.files():
            if not (path.endswith(TEXT) or os.path.basename(path) == "Makefile"):
                continue
            with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
                text = file.read()
            self.any_text(path, text)
            if path.endswith(SOURCE):
                self.source(path, text)
        for header, users in self.included_by.items():
            for path in sorted(users)[1:]:
                self.report(path, 1, "library", f"<{header}> is included by more than one file",
                            f"only {sorted(users)[0]} includes it")
        self.readmes()
        return self.found

    def any_text(self, path, text):
        for number, line in enumerate(text.split("\n"), 1):
            if LEFTOVER.search(line) and path != "tests/tidy.py":
                self.report(path, number, "leftover", "unfinished work is marked here",
                            "finish it, or open an issue and say so in plain words")
            if MACHINE_PATH.search(line):
                self.report(path, number, "machine path", "names a place on one machine",
                            "use a relative path, a setting or a temporary folder")

    def source(self, path, text):
        code, strings = strip(text)
        lines = text.split("\n")
        if path.startswith(("src/", "include/", "tests/", "bench/")) and \
                not text.startswith(("/*", "//") if path.endswith(".cc") else "/*"):
            self.report(path, 1, "opening comment", "the file does not say what it is for",
                        "begin with a /* comment */ of a sentence or more")
        most = FILE_LINES_ALLOWED.get(path, FILE_LINES_MAX)
        if len(lines) - 1 > most:
            self.report(path, most + 1, "file size", f"{len(lines) - 1} lines",
                        f"a file is a subject of at most {most} lines; split it")
        for number, line in enumerate(lines, 1):
            if len(line) > LINE_COLUMNS_MAX:
                self.report(path, number, "line width", f"{len(line)} columns",
                            f"at most {LINE_COLUMNS_MAX}; run `make format`")
        self.includes(path, text)
        self.functions(path, code)
        for number, line in enumerate(code.split("\n"), 1):
            call = BANNED_CALL.search(line)
            if call and not line.lstrip().startswith("#"):
                self.report(path, number, "banned call", f"{call.group(1)}()",
                            f"use {BANNED_CALLS[call.group(1)]}")
            if re.search(r"\bgoto\b", line):
                self.report(path, number, "goto", "a jump", "return early; let autoclose and autobuf "
                            "clean up")
        if not path.startswith("tests/"):
            for number, value in strings:
                if SQL.match(value):
                    self.report(path, number, "SQL", f'"{value.split()[0]} ..." in C',
                                "give it a name in src/store/sql/")

    def includes(self, path, text):
        code = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
        parts = path.split("/")
        room = parts[1] if parts[0] == "src" and len(parts) > 2 else None
        for number, line in enumerate(code.split("\n"), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            header = match.group(2)
            if header in self.included_by and path.startswith("src/"):
                self.included_by[header].add(path)
            if room:
                self.floor(path, room, number, header)
            if not path.startswith("src/"):
                continue
            for pattern, allowed in LIBRARIES:
                if re.fullmatch(pattern, header) and not re.fullmatch(allowed, path):
                    self.report(path, number, "library", f"<{header}> does not belong here",
                                f"only {allowed} may include it; ask it through a header of ours")

    def floor(self, path, room, number, header):
        other = header.split("/")[0]
        if room not in FLOORS:
            self.report(path, number, "floors", f"src/{room} has no floor",
                        "add it to FLOORS in tests/tidy.py and to ARCHITECTURE.md")
        elif header.startswith(".."):
            self.report(path, number, "floors", f'"{header}" climbs out of its folder',
                        "include it by its folder's name")
        elif "/" in header and other in FLOORS and other != room and \
                other not in FLOORS[room] and (path, header) not in DOORS:
            allowed = ", ".join(sorted(FLOORS[room])) or "nothing"
            self.report(path, number, "floors", f'"{header}" stands above src/{room}',
                        f"src/{room} may include {allowed}; see ARCHITECTURE.md")

    def functions(self, path, code):
        """A function opens and closes with a brace in column 0."""
        lines = code.split("\n")
        start = None
        for number, line in enumerate(lines, 1):
            if line.startswith("{"):
                start = number
            elif line.startswith("}") and start:
                size = number - start + 1
                if size > FUNCTION_LINES_MAX and not line.startswith("};"):
                    self.report(path, start, "function size", f"{size} lines",
                                f"a function is a screen of at most {FUNCTION_LINES_MAX} lines")
                start = None

    def readmes(self):
        src = os.path.join(self.root, "src")
        for room in sorted(os.listdir(src)) if os.path.isdir(src) else []:
            folder = os.path.join(src, room)
            if os.path.isdir(folder) and not os.path.exists(os.path.join(folder, "README.md")):
                self.report(f"src/{room}", 1, "README", "the folder does not explain itself",
                            "write README.md: what it promises, what it must not know")


# One planted file for each rule: (rule, path, text). The last ones must stay silent.
OPEN = "/* A file for the self-test. */\n"
PLANTED = [
    ("floors", "src/core/a.c", OPEN + '#include "store/store.h"\n'),
    ("floors", "src/base/b.c", OPEN + '#include "core/state.h"\n'),
    ("floors", "src/http/c.c", OPEN + '#include "store/store.h"\n'),
    ("floors", "src/extract/d.c", OPEN + '#include "sandbox/wall.h"\n'),
    ("floors", "src/cellar/e.c", OPEN + "#include <stdio.h>\n"),
    ("floors", "src/queue/f.c", OPEN + '#include "../http/server.h"\n'),
    ("library", "src/queue/a.c", OPEN + "#include <sqlite3.h>\n"),
    ("library", "src/cli/b.c", OPEN + "#include <uv.h>\n"),
    ("library", "src/http/c.c", OPEN + "#include <openssl/evp.h>\n"),
    ("library", "src/extract/d.c", OPEN + "#include <poppler/cpp/poppler-document.h>\n"),
    ("library", "src/worker/e.c", OPEN + "#include <seccomp.h>\n"),
    ("function size", "src/base/a.c", OPEN + "int f(void)\n{\n" + "    ;\n" * 69 + "}\n"),
    ("file size", "src/base/a.c", OPEN + "int x;\n" * 600),
    ("line width", "src/base/a.c", OPEN + "/* " + "x" * 97 + " */\n"),
    ("opening comment", "src/base/a.c", "int x;\n"),
    ("goto", "src/base/a.c", OPEN + "int f(void)\n{\n    goto out;\n}\n"),
    ("SQL", "src/queue/a.c", OPEN + 'const char *q = "SELECT id FROM items";\n'),
    ("SQL", "src/store/b.c", OPEN + 'const char *q = "UPDATE"\n    " items SET x = 1";\n'),
    ("leftover", "src/base/a.c", OPEN + "/* TO" + "DO: later */\n"),
    ("leftover", "docs/a.md", "FIX" + "ME\n"),
    ("machine path", "tools/a.sh", "cd /wo" + "rk/main\n"),
    ("machine path", "src/base/a.c", OPEN + 'const char *p = "/ho' + 'me/ana";\n'),
    ("README", "src/attic/README.txt", "no page\n"),
] + [("banned call", "src/base/a.c", OPEN + f"int f(void)\n{{\n    {name}(x);\n}}\n")
     for name in BANNED_CALLS]
SILENT = [
    ("src/extract/main.c", OPEN + '#include "base/fd.h"\n#include "sandbox/wall.h"\n'),
    ("src/worker/a.c", OPEN + '#include "core/policy.h"\n#include "sandbox/box.h"\n'
                              "#include <docq.h>\n#include <sys/wait.h>\n"),
    ("src/base/a.c", OPEN + "/* strcpy(a, b) and goto in a comment */\n"
                            "int f(void)\n{\n    my_system(x);\n    o->system(x);\n"
                            '    puts("strcpy(x); goto y; Select a file, update set");\n'
                            "    return strtol_like(gmtime_r(x));\n}\n"),
    ("src/base/b.c", OPEN + "int f(void)\n{\n" + "    ;\n" * 68 + "}\n"),
    ("src/base/c.c", OPEN + "static const int rows[] =\n{\n" + "    1,\n" * 100 + "};\n"),
    ("src/store/sql/items.sql", "SELECT id FROM items\n"),
]


def planted(files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in files:
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
            room = "/".join(path.split("/")[:2])
            if path.startswith("src/") and not path.startswith("src/attic"):
                with open(os.path.join(root, room, "README.md"), "w", encoding="utf-8") as file:
                    file.write("A page.\n")
        return Tidy(root).run()


def self_test():
    wrong = []
    for rule, path, text in PLANTED:
        found = {found_rule for _, _, found_rule, _, _ in planted([(path, text)])}
        if found != {rule}:
            wrong.append(f"self-test: {path}: expected {rule!r}, found {sorted(found)}\n{text[:200]}")
    two = planted([("src/http/parser.c", OPEN + "#include <http_parser.h>\n"),
                   ("src/http/server.c", OPEN + "#include <http_parser.h>\n")])
    if [rule for _, _, rule, _, _ in two] != ["library"]:
        wrong.append(f"self-test: http_parser.h in two files: {two}")
    quiet = planted(SILENT)
    wrong += [f"self-test: false alarm {found}" for found in quiet]
    return wrong


def main(arguments):
    wrong = []
    if arguments and arguments[0] == "--self-test":
        wrong = self_test()
        arguments = arguments[1:]
    root = arguments[0] if arguments else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = Tidy(root).run()
    for path, line, rule, what, remedy in found:
        print(f"{path}:{line}: {rule}: {what}; {remedy}")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if found or wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
