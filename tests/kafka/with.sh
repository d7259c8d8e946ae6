#!/bin/sh
# Runs a command with KAFKA_BROKERS set: to the brokers of whoever set it before, or to one of its own that is stopped
# and deleted afterwards.
#
#   with.sh cargo test --release
set -eu

if [ -n "${KAFKA_BROKERS:-}" ]; then
    echo "kafka: using $KAFKA_BROKERS" >&2
    exec "$@"
fi
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'sh "$here/kafka.sh" stop "$dir"; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
KAFKA_BROKERS=$(sh "$here/kafka.sh" start "$dir")
export KAFKA_BROKERS
echo "kafka: one broker at $KAFKA_BROKERS" >&2
"$@"
