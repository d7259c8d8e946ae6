#!/bin/sh
# Licences, bans and sources of what we depend on; advisories too where their database can be reached.
set -eu

if ! command -v cargo-deny >/dev/null 2>&1; then
    echo "deny: not checked, for there is no cargo-deny here (cargo install --locked cargo-deny)"
    exit 0
fi
cargo deny --all-features check bans licenses sources
if ! cargo deny --all-features fetch >/dev/null 2>&1; then
    echo "deny: advisories not checked, for their database cannot be reached from here"
    exit 0
fi
cargo deny --all-features check advisories
