#!/usr/bin/env bash
# lint.sh BUILD: clang-format must change nothing and clang-tidy must be silent.
# lint.sh --format: lets clang-format change what it wants.
set -eu
cd "$(dirname "$0")/.."

sources() {
    find include src tests bench \( -name '*.c' -o -name '*.h' -o -name '*.cc' \) | sort
}

if [ "${1:-build}" = --format ]; then
    sources | xargs clang-format -i
    exit 0
fi
build=${1:-build}
sources | xargs clang-format --dry-run -Werror

# Only files that the build compiles, each once, one process a processor.
"${PYTHON:-/usr/bin/python3}" - "$build/compile_commands.json" <<'END' |
import json, os, sys
entries = json.load(open(sys.argv[1]))
files = {os.path.normpath(os.path.join(e["directory"], e["file"])) for e in entries}
print("\n".join(sorted(files)))
END
    xargs -P "$(nproc)" -n 4 clang-tidy -p "$build" --quiet
