#!/usr/bin/env python3
"""Turns src/store/sql/*.sql into a header: an enum and a table of named statements.

A statement begins at `-- name: NAME` and ends at the next one; comment lines are dropped.
"""
import pathlib
import sys


def statements(path):
    name, lines = None, []
    for line in path.read_text().splitlines():
        if line.startswith("-- name: "):
            if name:
                yield name, "\n".join(lines)
            name, lines = line[len("-- name: "):].strip(), []
        elif not line.startswith("--") and line.strip():
            lines.append(line)
    if name:
        yield name, "\n".join(lines)


def main():
    output, *inputs = map(pathlib.Path, sys.argv[1:])
    found = [pair for path in inputs for pair in statements(path)]
    names = [name for name, _ in found]
    assert len(names) == len(set(names)), "a statement's name is used twice"
    out = ["/* Generated from src/store/sql by tools/sqlgen.py. */", "#ifndef STORE_SQL_H",
           "#define STORE_SQL_H", "", "enum sql {"]
    out += [f"    SQL_{name.upper()}," for name in names]
    out += ["    SQL_MAX", "};", "", "struct sql_row {", "    const char *name, *text;", "};", "",
            "static const struct sql_row sql_rows[SQL_MAX] = {"]
    for name, text in found:
        quoted = "\\n\"\n     \"".join(line.replace("\\", "\\\\").replace('"', '\\"')
                                       for line in text.splitlines())
        out.append(f'    {{"{name}",\n     "{quoted}"}},')
    out += ["};", "", "#endif", ""]
    output.write_text("\n".join(out))


main()
