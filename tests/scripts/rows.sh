#!/bin/sh
# Every requirement with the tests that show it. A test shows a row by a doc comment, `/// Shows F3, F9.`, above its
# function; invariants are named the same way after `Keeps`. Ends with `rows: N of 304`.
set -eu

find . -name '*.rs' -not -path './target/*' | LC_ALL=C sort | LC_ALL=C xargs awk '
    BEGIN {
        split("A 57 B 57 C 38 D 43 E 59 F 50", list, " ")
        for (i = 1; i < 12; i += 2) {
            areas[(i + 1) / 2] = list[i]
            rows[list[i]] = list[i + 1]
            all += list[i + 1]
        }
        # As ARCHITECTURE.md has them.
        promises = split("L1 L2 L3 L4 L5 E1 E2 E3 E4 P1 P2 P3 R1 R2 R3 T1 T2 S1 S2", invariants, " ")
        for (i in invariants) known[invariants[i]] = 1
    }
    FNR == 1 { pending = ""; kept = "" }
    /^[ \t]*\/\/\/ (Shows|Keeps) [A-Z][0-9]/ {
        sentences = split($0, sentence, ".")
        for (i = 1; i <= sentences; i++) {
            text = sentence[i]
            gsub(/[,\/ \t]+/, " ", text)
            if (text ~ /^ Shows /) pending = pending substr(text, 7)
            else if (text ~ /^ Keeps /) kept = kept substr(text, 7)
        }
        next
    }
    /^[ \t]*(pub(\([a-z]+\))? )?(async )?fn [a-z_0-9]+/ && (pending != "" || kept != "") {
        name = $0
        sub(/^[ \t]*(pub(\([a-z]+\))? )?(async )?fn /, "", name)
        sub(/[^a-z_0-9].*$/, "", name)
        test = substr(FILENAME, 3) "::" name
        count = split(pending, shown, " ")
        for (i = 1; i <= count; i++) {
            row = shown[i]
            area = substr(row, 1, 1)
            number = substr(row, 2)
            # Four invariants have the names of four rows, which are therefore written with a zero.
            if (row ~ /^E[1-4]$/) number = "no row but an invariant"
            if (row ~ /^E0[1-4]$/) { number = number + 0 ""; row = area number }
            if (!(area in rows) || number !~ /^[1-9][0-9]*$/ || number + 0 > rows[area] + 0) {
                print "rows: there is no row " row ", which " test " claims to show" > "/dev/stderr"
                bad = 1
            }
            if (row in tests) tests[row] = tests[row] "\n      " test; else tests[row] = test
        }
        count = split(kept, shown, " ")
        for (i = 1; i <= count; i++) {
            id = shown[i]
            if (!(id in known)) {
                print "rows: there is no invariant " id ", which " test " claims to keep" > "/dev/stderr"
                bad = 1
            }
            if (id in keepers) keepers[id] = keepers[id] "\n      " test; else keepers[id] = test
        }
        pending = ""
        kept = ""
    }
    END {
        for (a = 1; a <= 6; a++) for (n = 1; n <= rows[areas[a]]; n++) {
            row = areas[a] n
            if (row in tests) done++
            printf "%-4s  %s\n", row, row in tests ? tests[row] : "-"
        }
        print ""
        for (i = 1; i <= promises; i++) {
            id = invariants[i]
            if (id in keepers) held++
            printf "%-4s  %s\n", id, id in keepers ? keepers[id] : "-"
        }
        printf "\ninvariants: %d of %d\nrows: %d of %d\n", held, promises, done, all
        exit bad
    }'
