#!/usr/bin/env python3
"""Builds the admin UI from web/ and turns it into a table in C.

    build-web.py SOURCE OUTPUT.c DEPFILE

Without node, or without the packages and a way to get them, the table holds one page that says so:
the server is whole without its UI.
"""
import os
import shutil
import subprocess
import sys
import tempfile

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
FALLBACK = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>docq</title>
<h1>docq was built without its admin page</h1>
<p>To have it: install <code>nodejs</code> and <code>npm</code> (<code>make deps</code> does), remove
the build directory, and run <code>make</code> again. The API and the command line are complete.</p>
"""


def bundle(source, out):
    """None, or why there is no bundle."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node:
        return "node is not installed"
    modules, lock = (os.path.join(source, name) for name in ("node_modules", "package-lock.json"))
    stamp = os.path.join(modules, ".package-lock.json")
    if not os.path.exists(stamp) or os.path.getmtime(stamp) < os.path.getmtime(lock):
        if not npm:
            return "npm is not installed"
        done = subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=source,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            return "npm ci failed: " + done.stdout.strip()[-2000:]
        os.utime(stamp)
    done = subprocess.run([node, "build.mjs", out], cwd=source, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit("build-web: " + done.stderr)  # a fault in the page itself is no reason to go on
    return None


def array(name, data):
    rows = [", ".join(map(str, data[i:i + 24])) for i in range(0, len(data), 24)] or ["0"]
    return f"static const unsigned char {name}[] = {{\n" + ",\n".join(rows) + "};\n"


def table(files):
    out = ["/* Made from web/ by tools/build-web.py. */\n#include \"http/assets.h\"\n"]
    rows = []
    for i, (name, variants) in enumerate(sorted(files.items())):
        row = []
        for kind in ("", ".br", ".gz"):
            data = variants.get(kind, b"")
            symbol = f"asset_{i}{kind.replace('.', '_')}"
            if data:
                out.append(array(symbol, data))
            row.append(f"{symbol}, {len(data)}" if data else "NULL, 0")
        hashed = "true" if name.startswith("app-") else "false"
        kind = TYPES[os.path.splitext(name)[1]]
        rows.append(f'    {{"{name}", "{kind}", {hashed}, {{{{{row[0]}}}, {{{row[1]}}}, {{{row[2]}}}}}}},')
    out.append("const struct asset asset_table[] = {\n" + "\n".join(rows) + "\n};\n")
    out.append("const size_t asset_count = sizeof asset_table / sizeof asset_table[0];\n")
    return "\n".join(out)


def main():
    source, output, depfile = sys.argv[1:]
    inputs = [os.path.join(folder, name)
              for folder, folders, names in os.walk(source) for name in names
              if "node_modules" not in folder and "dist" not in os.path.relpath(folder, source)]
    files = {}
    with tempfile.TemporaryDirectory() as out:
        why = bundle(source, out)
        if why:
            print(f"build-web: {why}; docq is built without its admin page", file=sys.stderr)
            files["index.html"] = {"": FALLBACK.encode()}
        for name in sorted(os.listdir(out)):
            base, kind = os.path.splitext(name)
            variant = kind if kind in (".br", ".gz") else ""
            if os.path.splitext(base if variant else name)[1] in TYPES:
                with open(os.path.join(out, name), "rb") as file:
                    files.setdefault(base if variant else name, {})[variant] = file.read()
    with open(output, "w", encoding="utf-8") as file:
        file.write(table(files))
    with open(depfile, "w", encoding="utf-8") as file:
        file.write(f"{output}: " + " ".join(p.replace(" ", "\\ ") for p in inputs) + "\n")


main()
