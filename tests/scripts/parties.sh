# Functions for scripts that run several parties on this machine, each a node of its own; read in with `.`. They want the folder with
# the programs in $programs, and a folder of their own in $folder.

. tests/scripts/audit.sh

# Ends every process that was started here, one that stands still too.
end_all() {
    for file in "$folder"/*.pid; do
        if [ -e "$file" ]; then kill -KILL "$(cat "$file")" 2>"$folder/ended" || :; fi
    done
    wait 2>"$folder/ended"
}

# until_it WORDS COMMAND…: waits until a command succeeds, for three minutes and more.
until_it() {
    words=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 3600 ] || fail "three minutes have passed, and it is not so that $words"
        sleep 0.05
    done
}

# serves NAME: whether a node serves. Ends where it cannot.
serves() {
    [ -s "$folder/$1.ready" ] || {
        kill -0 "$(cat "$folder/$1.pid")" 2>"$folder/ended" || fail "the node $1 does not start: $(cat "$folder/$1.log")"
        false
    }
}

# start NAME: starts a node on a directory of its own, and waits until it serves. Its address stays the same from the first start on.
start() {
    rm -f "$folder/$1.ready"
    listen=127.0.0.1:0
    if [ -e "$folder/$1.url" ]; then listen=$(sed 's|^.*://||' "$folder/$1.url"); fi
    "$programs/kippu" serve --name "$1" --data "$folder/$1" --listen "$listen" --ready-file "$folder/$1.ready" \
        --trace-filter error >>"$folder/$1.log" 2>&1 &
    echo $! >"$folder/$1.pid"
    until_it "the node $1 starts" serves "$1"
    sed 's|^[^:/]*:[0-9]*$|http://&|' "$folder/$1.ready" >"$folder/$1.url"
}

# signal NAME SIGNAL: sends a signal to a node.
signal() {
    kill -s "$2" "$(cat "$folder/$1.pid")"
}

# ended NAME: waits until a node has ended, and tells how.
ended() {
    pid=$(cat "$folder/$1.pid")
    rm "$folder/$1.pid"
    wait "$pid"
}

# Where a node answers.
url() {
    cat "$folder/$1.url"
}

# call NAME PATH …: calls a node as its operator; the rest is for the example `call`.
call() {
    name=$1 path=$2
    shift 2
    "$programs/examples/call" "$(url "$name")$path" --patience-secs 180 --key-file "$folder/$name/operator.key" "$@"
}

# guest NAME PATH …: calls a node as anybody, without a key.
guest() {
    name=$1 path=$2
    shift 2
    "$programs/examples/call" "$(url "$name")$path" --patience-secs 180 "$@"
}

# A key for a command that is given once: it follows from what is asked.
key() {
    echo "$*" | sha256sum | cut -c 1-40
}

# post NAME PATH BODY …: gives a command to a node as its operator.
post() {
    name=$1 path=$2 body=$3
    shift 3
    call "$name" "$path" --give "$(key "$name $path $body")" --body "$body" "$@" ||
        fail "the node $name does not take $path $body"
}

# knows NAME OTHER ROLE…: registers another party by the card that its node gives.
knows() {
    name=$1 other=$2
    shift 2
    for role; do
        set -- "$@" --role "$role"
        shift
    done
    "$programs/kippu" peer card --server "$(url "$other")" >"$folder/$other.card"
    "$programs/kippu" peer add "$folder/$other.card" "$@" --server "$(url "$name")" --key-file "$folder/$name/operator.key" \
        >>"$folder/peers"
}

# A node's party.
party() {
    guest "$1" /.well-known/kippu-party.json --show /party
}

# owes_nothing NAME: waits until a node has told other parties all that it owes them.
owes_nothing() {
    call "$1" /v1/activities --until '/data=[]' || fail "the node $1 cannot tell others what it owes them"
}
