#!/usr/bin/env python3
"""Turns src/store/sql into a header: an enum and a table of named statements, each with its text
for SQLite and its text for PostgreSQL.

    sqlgen.py OUTPUT INPUT.sql...

A statement begins at `-- name: NAME` and ends at the next one; comment lines are dropped. A file
in a folder `postgres` gives PostgreSQL's text: for a name that is SQLite's too where the dialects
or the locks differ, else for PostgreSQL alone. All other statements are the same for both, but for
`?1` (`$1`) and INDEXED BY (PostgreSQL has no such hint); schema_N stays SQLite's. A statement of
PostgreSQL's without text does nothing there; one whose text is `-- unsupported` is refused.
"""
import pathlib
import re
import sys

UNSUPPORTED = "-- unsupported"


def statements(path):
    name, lines = None, []
    for line in path.read_text().splitlines():
        if line.startswith("-- name: "):
            if name:
                yield name, "\n".join(lines)
            name, lines = line[len("-- name: "):].strip(), []
        elif line == UNSUPPORTED:
            lines.append(line)
        elif not line.startswith("--") and line.strip():
            lines.append(line)
    if name:
        yield name, "\n".join(lines)


def translated(text):
    return re.sub(r" INDEXED BY \w+", "", re.sub(r"\?(\d+)", r"$\1", text))


def quoted(text):
    if text is None or text == UNSUPPORTED:
        return "NULL"
    lines = (line.replace("\\", "\\\\").replace('"', '\\"') for line in text.splitlines())
    return '"' + '\\n"\n     "'.join(lines) + '"'


def main():
    output, *inputs = map(pathlib.Path, sys.argv[1:])
    rows = {}
    for path in inputs:
        postgres = path.parent.name == "postgres"
        for name, text in statements(path):
            row = rows.setdefault(name, [None, None])
            assert row[postgres] is None, f"the statement's name {name} is used twice"
            row[postgres] = text
    for name, row in rows.items():
        if row[1] is None and not name.startswith("schema_"):
            row[1] = translated(row[0])
    out = ["/* Generated from src/store/sql by tools/sqlgen.py. */", "#ifndef STORE_SQL_H",
           "#define STORE_SQL_H", "", "enum sql {"]
    out += [f"    SQL_{name.upper()}," for name in rows]
    out += ["    SQL_MAX", "};", "", "/* A text that is NULL is not for that engine. */",
            "struct sql_row {", "    const char *name, *text, *postgres;", "};", "",
            "static const struct sql_row sql_rows[SQL_MAX] = {"]
    out += [f'    {{"{name}",\n     {quoted(row[0])},\n     {quoted(row[1])}}},'
            for name, row in rows.items()]
    out += ["};", "", "#endif", ""]
    output.write_text("\n".join(out))


main()
