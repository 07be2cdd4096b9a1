#!/usr/bin/env bash
# Installs the Debian 12 packages that building and testing need, and only those that are missing.
# Where nothing is missing it needs neither root nor a network.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

packages="
build-essential
gcc
g++
clang
clang-format
clang-tidy
libclang-rt-14-dev
meson
ninja-build
pkg-config
python3
python3-pytest
python3-requests
libuv1-dev
libhttp-parser-dev
libsqlite3-dev
libpq-dev
postgresql
python3-psycopg2
libseccomp-dev
libpoppler-cpp-dev
poppler-data
libzip-dev
libxml2-dev
libgumbo-dev
libuchardet-dev
libjansson-dev
libcurl4-openssl-dev
libssl-dev
python3-jsonschema
libcmocka-dev
strace
wrk
beanstalkd
sqlite3
qpdf
python3-pip
python3-setuptools
python3-wheel
python3-mypy
python3-httpx
python3-fastapi
python3-uvicorn
python3-multipart
systemd
zsh
fish
man-db
groff-base
libarchive-dev
chromium
fonts-dejavu-core
"

# The admin page is built with node; one that is there already, from wherever, will do.
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    packages="$packages nodejs npm"
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "install-deps: this is not Debian; install the counterparts of these yourself:" >&2
    echo $packages >&2
    exit 0
fi

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $packages 2>/dev/null |
    sed -n 's/^installed //p') || true
missing=""
for package in $packages; do
    case "
$installed
" in
    *"
$package
"*) ;;
    *) missing="$missing $package" ;;
    esac
done
if [ -z "$missing" ]; then
    exit 0
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install-deps: missing packages; run as root: apt-get install$missing" >&2
        exit 1
    fi
    as_root="sudo env DEBIAN_FRONTEND=noninteractive LC_ALL=C"
fi

echo "install-deps: installing$missing" >&2
$as_root apt-get update -q
$as_root apt-get install -y -q --no-install-recommends $missing
