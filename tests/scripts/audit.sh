# Functions for the demonstrations: what is to be said, and the audit with which each of them ends. Read in with `.`. They want the
# folder with the programs in $programs, and a folder of their own in $folder.

# Says what is wrong, and ends.
fail() {
    echo "$(basename "$0" .sh): $*" >&2
    exit 1
}

# expect CODE WORDS COMMAND…: runs a command that ends with this exit code and says these words. What it says is in $said then.
expect() {
    code=$1 words=$2
    shift 2
    exited=0
    said=$("$@" 2>&1) || exited=$?
    [ "$exited" = "$code" ] || fail "exit $exited, not $code, of $* : $said"
    case $said in
        *"$words"*) ;;
        *) fail "\"$words\" was to be said by $* : $said" ;;
    esac
}

# replay COMMAND …: runs `kippu replay COMMAND` on the history that is audited.
replay() {
    "$programs/kippu" replay "$@" $history
}

# audit NAME VIEW FAMILY FIELD WHERE…: audits the history of the party NAME, of a node that is stopped, and shows what it says. VIEW has a
# row for each entity of FAMILY; of the first whose FIELD is not 0 it is told why that is so, what the entity is, what changed
# since it began, and evidence of it is given and checked. An empty FIELD asks for the last event of the first one. WHERE is how the
# commands of `kippu replay` find the history, with the data directory that has the keys; it has no blanks.
audit() {
    name=$1 view=$2 family=$3 field=$4
    shift 4
    history=$*
    evidence=$folder/evidence-$name
    expect 0 "verify: sound" replay verify
    verified=$(echo "$said" | tail -n 1)
    expect 0 "check: 0 findings" replay check
    echo "$name: $verified, $(echo "$said" | tail -n 1)"
    expect 0 "rows of $view" replay as-of "$view"
    id=$(echo "$said" | grep -v "\"$field\":0[,}]" | head -n 1 | cut -d ' ' -f 1)
    expect 0 "because of" replay why "$family/$id" ${field:+"$field"}
    echo "$said" | head -n 3
    since=$(replay history "$family/$id" | head -n 1 | cut -d ' ' -f 1)
    expect 0 "$family/$id v" replay as-of "$family/$id" --at "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    echo "$said" | head -n 1
    expect 0 "changed between" replay diff "$since" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" --family "$family"
    echo "$said" | tail -n 1
    expect 0 "checkpoint: a new one" replay checkpoint --out "$evidence" --begin
    key=$(echo "$said" | sed -n 's/^key //p')
    expect 0 "evidence: " replay evidence export "$family/$id" --tiles "$evidence" --out "$evidence.json"
    expect 0 "evidence: verified" "$programs/kippu" replay evidence verify "$evidence.json" --key "$key"
    echo "$said" | tail -n 1
}
