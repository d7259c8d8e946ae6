#!/bin/sh
# The cases of the log's contract, per backend, as the test binaries list them. Every backend has all of them. Takes cargo's
# flags.
set -eu

cargo test --quiet "$@" --lib -- --list 2>/dev/null | awk '
    BEGIN {
        backends = split("kafka memory rocksdb", order, " ")
        for (i = 1; i <= backends; i++) count[order[i]] = 0
    }
    /^log::backends::[a-z_]+::[a-z_0-9]+: test$/ {
        sub(/: test$/, "")
        split($0, part, "::")
        if (!(part[3] in count)) order[++backends] = part[3]
        count[part[3]]++
        cases[part[3]] = cases[part[3]] "  " part[4] "\n"
    }
    END {
        for (i = 1; i <= backends; i++) printf "contract of the log, %s:\n%s", order[i], cases[order[i]]
        for (i = 1; i <= backends; i++) {
            printf "contract of the log: %s %d cases\n", order[i], count[order[i]]
            if (count[order[i]] != count[order[1]]) different = 1
        }
        if (!count[order[1]] || different) { print "contract of the log: the backends differ"; exit 1 }
    }'
