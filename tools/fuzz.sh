#!/usr/bin/env bash
# fuzz.sh BUILD SECONDS: builds every tests/fuzz/fuzz_*.c with clang's fuzzer, AddressSanitizer and
# UndefinedBehaviorSanitizer, and runs each for so many seconds. Prints `ok NAME` or `failed NAME`.
# Each begins with tests/fuzz/seeds/NAME; the extractor's seeds are the samples.
set -eu
cd "$(dirname "$0")/.."
build=$1
seconds=$2

if [ ! -f "$build/build.ninja" ]; then
    CC=clang CXX=clang++ meson setup "$build" -Dfuzz=true -Db_lundef=false \
        -Db_sanitize=address,undefined \
        -Dc_args=-fsanitize=fuzzer-no-link -Dcpp_args=-fsanitize=fuzzer-no-link >/dev/null
fi
ninja -C "$build" fuzz-targets >"$build/fuzz-build.log" 2>&1 || {
    tail -n 60 "$build/fuzz-build.log"
    echo "failed build"
    exit 1
}

run_one() {
    name=$1
    corpus=$build/corpus/$name
    seeds=tests/fuzz/seeds/$name
    mkdir -p "$corpus" "$build/found"
    test -d "$seeds" || seeds=""
    test "$name" != fuzz_extract || seeds="$seeds samples"
    if "$build/tests/fuzz/$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
        -artifact_prefix="$build/found/$name-" "$corpus" $seeds >"$build/$name.log" 2>&1; then
        echo "ok $name"
    else
        tail -n 60 "$build/$name.log"
        echo "failed $name"
    fi
}

# Two at a time: libFuzzer uses one processor.
running=0
for source in tests/fuzz/fuzz_*.c; do
    test -e "$source" || continue
    run_one "$(basename "$source" .c)" &
    running=$((running + 1))
    if [ "$running" -ge 2 ]; then
        wait -n
        running=$((running - 1))
    fi
done
wait
