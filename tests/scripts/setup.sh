#!/bin/sh
# Installs what this machine lacks and says what it does: for building RocksDB and Kafka's client, with `kafka` also for
# running Apache Kafka itself, and with `clients` for the HTTP clients of other languages, for proxies, for the browser that plays
# purchases, and for clocks that differ. The tests do both.
set -eu

if ! command -v cargo >/dev/null 2>&1; then
    echo "setup: there is no cargo. Install Rust 1.95 or later from https://rustup.rs, then try again." >&2
    exit 1
fi

has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    (ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null) | grep -q 'libclang[-.0-9]*\.so' && return 0
    # Not libclang-cpp, which is another library and comes without this one.
    for folder in /usr/lib/llvm*/lib /usr/lib* /usr/local/lib; do
        for library in "$folder"/libclang.so* "$folder"/libclang-[0-9]*.so*; do
            [ -e "$library" ] && return 0
        done
    done
    [ "$(uname)" = Darwin ] && xcode-select -p >/dev/null 2>&1
}

missing=
command -v c++ >/dev/null 2>&1 && command -v make >/dev/null 2>&1 || missing="$missing build-essential"
command -v clang >/dev/null 2>&1 || has_libclang || missing="$missing clang"
has_libclang || missing="$missing libclang-dev"
command -v pkg-config >/dev/null 2>&1 || missing="$missing pkg-config"
if [ "${1:-}" = clients ]; then
    command -v python3 >/dev/null 2>&1 && python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
    command -v node >/dev/null 2>&1 || missing="$missing nodejs"
    command -v npm >/dev/null 2>&1 || missing="$missing npm"
    command -v javac >/dev/null 2>&1 || missing="$missing default-jdk-headless"
    command -v mvn >/dev/null 2>&1 || missing="$missing maven"
    command -v go >/dev/null 2>&1 || missing="$missing golang-go"
    command -v curl >/dev/null 2>&1 || missing="$missing curl"
    command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
    command -v jq >/dev/null 2>&1 || missing="$missing jq"
    command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
    command -v haproxy >/dev/null 2>&1 || [ -x /usr/sbin/haproxy ] || missing="$missing haproxy"
    command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
    command -v chromedriver >/dev/null 2>&1 || missing="$missing chromium-driver"
    command -v espeak-ng >/dev/null 2>&1 || missing="$missing espeak-ng"
    command -v faketime >/dev/null 2>&1 || missing="$missing faketime"
fi
if [ "${1:-}" = kafka ]; then
    command -v java >/dev/null 2>&1 || missing="$missing default-jre-headless"
    command -v mvn >/dev/null 2>&1 || missing="$missing maven"
    command -v python3 >/dev/null 2>&1 || missing="$missing python3"
    command -v kcat >/dev/null 2>&1 || missing="$missing kcat"
    command -v jq >/dev/null 2>&1 || missing="$missing jq"
fi
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: this machine lacks (by Debian's names):$missing. Install them, then try again." >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "setup: as root, run: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "setup: installing$missing"
$as_root apt-get update -q
# shellcheck disable=SC2086 # a list of packages
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
