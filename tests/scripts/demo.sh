#!/bin/sh
# The demonstration: a node on the embedded log, a client that plays a file of purchases over HTTP, SIGKILL in the middle,
# then a check of the whole history. Takes the folder with the programs.
set -eu

programs=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
. tests/scripts/audit.sh

echo "A node on the embedded log; operator, shop, terminals and two settlers play a file of purchases with a limit of"
echo "100.00 a customer; half-way the node is killed with SIGKILL and started again on the same data."
echo
"$programs/examples/purchases" --kippu "$programs/kippu" --data "$folder/data" \
    --file examples/data/purchases-sample.txt --limit 100.00 --kill-at 0.5
echo
echo "Every record of every partition, read back and checked: chain, numbers, versions, one-time and limit rules. Then an auditor's"
echo "questions: why somebody was charged so much, what it was, what changed since, and evidence for whoever trusts nobody here."
echo
audit node spending users charged --data "$folder/data"
echo
echo "What a limit of 500.00 would have decided."
echo
"$programs/kippu" replay what-if --set limits=500.00 --users 3 --data "$folder/data"
