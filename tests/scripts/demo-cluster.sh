#!/bin/sh
# The demonstration of several nodes: three share a topic on Apache Kafka, a client plays a file of purchases over HTTP at
# all of them, one node after the other is killed, then a check of the whole history. Runs next to tests/kafka/with.sh.
# Takes the folder with the programs and the file.
set -eu

programs=$1
file=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
. tests/scripts/audit.sh
log="kafka://$KAFKA_BROKERS/demo-$$"

echo "Three nodes share the topic $log; operator, shop, terminals and two settlers play"
echo "$file with a limit of 100.00 a customer; after 2 seconds, and every 10 from then on, a node is killed"
echo "with SIGKILL, and the others take over what it served."
echo
"$programs/examples/purchases" --kippu "$programs/kippu" --data "$folder/data" --log "$log" --accept-single-copy \
    --nodes 3 --kill-every 10 --file "$file" --limit 100.00
echo
echo "Every record of every partition, read back and checked: chain, numbers, versions, one-time and limit rules. Then an auditor's"
echo "questions: why somebody was charged so much, what it was, what changed since, and evidence for whoever trusts nobody here."
echo
audit cluster spending users charged --log "$log" --accept-single-copy --data "$folder/data"
