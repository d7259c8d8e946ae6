#!/bin/sh
# The demonstration of purchases between parties: five nodes, each with a directory, keys and a port of its own; terminals buy, and
# much goes wrong. Ends with exit code 0 only if everything came as it is to come. Takes the folder with the programs.
set -eu

programs=$1
folder=$(mktemp -d)
trap 'end_all; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
. tests/scripts/parties.sh

nodes="authenticator reference shop settler rival"

# product SKU: the id of a product.
product() {
    call shop /v1/products --rows sku,id | awk -v sku="$1" '$1 == sku { print $2 }'
}

# with_file SKU NAME: lets a product come with a file.
with_file() {
    echo "This is \"$2\", as it was bought in the demonstration." >"$folder/$1.txt"
    sha256=$(sha256sum "$folder/$1.txt" | cut -d ' ' -f 1)
    call shop "/v1/blobs/$sha256" --put "$folder/$1.txt"
    content="{\"name\":\"$1.txt\",\"media_type\":\"text/plain\",\"sha256\":\"$sha256\",\"size\":$(wc -c <"$folder/$1.txt")}"
    post shop "/v1/products/$(product "$1")/change" "{\"name\":\"$2\",\"kind\":\"digital\",\"genre\":\"Sounds\",\"contents\":[$content]}"
}

# subscriber NAME LIMIT MEMBERS: enrols somebody with a limit in cents; the id is in NAME.user then.
subscriber() {
    limit="{\"source\":\"fixed\",\"amount\":$2,\"currency\":\"EUR\"}"
    post authenticator /v1/users "{\"login\":\"$1\",\"limit\":$limit$3}" --show /id >"$folder/$1.user"
}

# terminal NAME MEMBERS: makes a terminal, which has a key at the authentication server alone.
terminal() {
    post authenticator /v1/clients "{\"role\":\"terminal\",\"name\":\"terminal of $1\"$2}" --show /key >"$folder/$1.key"
    expect 0 "2 settlement servers" user init "$1" --authenticator "$(url authenticator)" --key-file "$folder/$1.key" \
        --settler "$(url settler)" --settler "$(url rival)"
}

# terminal_of NAME LIMIT MEMBERS: both, where the terminal stores who its user is.
terminal_of() {
    subscriber "$@"
    terminal "$1" ",\"user\":\"$(cat "$folder/$1.user")\""
}

# user COMMAND NAME …: runs `kippu-user terminal COMMAND` with somebody's terminal.
user() {
    what=$1 name=$2
    shift 2
    "$programs/kippu-user" terminal "$what" --dir "$folder/$name" "$@"
}

# account NAME RESERVED CHARGED: waits until so much stands in somebody's account.
account() {
    path=/v1/users/$(cat "$folder/$1.user")
    call authenticator "$path" --until "/charged=$3" &&
        call authenticator "$path" --until "/reserved=$2" ||
        fail "$1 was to have $3 cents charged and $2 reserved"
}

# kept NAME PURCHASE MEMBER: what a terminal keeps of a purchase.
kept() {
    sed -n "s/^ *\"$3\": \"\(.*\)\",\{0,1\}$/\1/p" "$folder/$1/purchases/$2/purchase.json" | head -n 1
}

# present NODE OFFER KEY: presents the token of Ben's approval with this offer, as anybody could who has both.
present() {
    body="{\"issuer\":\"$issuer\",\"token\":\"$token\",\"offer\":\"$2\"}"
    guest "$1" /v1/settlements --give "$(key "$1 $3")" --body "$body" --show /id --show /capability
}

# refused NODE MEMBERS KEY REASON: presents Ben's approval where it comes to be refused for this reason.
refused() {
    body="{\"issuer\":\"$issuer\",\"token\":\"$token\",$2}"
    guest "$1" /v1/settlements --give "$(key "$1 $3")" --body "$body" --show /id --show /capability >"$folder/opened" ||
        fail "the node $1 does not take an approval"
    id=$(sed -n 1p "$folder/opened") capability=$(sed -n 2p "$folder/opened")
    guest "$1" "/v1/settlements/$id" --key "$capability" --until /state=refused || fail "a settlement is not refused"
    reason=$(guest "$1" "/v1/settlements/$id" --key "$capability" --show /reason)
    [ "$reason" = "$4" ] || fail "a settlement is refused for $reason, not $4"
}

# sum NODE VIEW STATE MEMBER: what stands there, in cents.
sum() {
    call "$1" "/v1/$2" --rows "state,$4" | awk -v state="$3" '$1 == state { sum += $2 } END { print sum + 0 }'
}

# How many of Eve's requests have their answer.
answered() {
    cat "$folder"/eve/purchases/*/purchase.json 2>"$folder/ended" | grep -cE '"at": "(approved|over)"' || :
}

# Whether so many have.
has_answered() {
    [ "$(answered)" -ge "$1" ]
}

scene() {
    echo
    echo "$1. $2"
}

echo "Five nodes start: an authentication server, a financial reference, a shop, its settlement server, a rival settlement server."
for node in $nodes; do start "$node"; done
knows authenticator shop shop settler
knows authenticator settler settler
knows authenticator rival settler
knows authenticator reference reference
knows reference authenticator authenticator
knows shop authenticator authenticator
knows shop settler settler
knows shop rival settler
for node in settler rival; do
    knows $node authenticator authenticator
    knows $node shop shop
done

echo "The shop reads its catalogue, and names both settlement servers; subscribers are enrolled, each with a terminal."
post shop /v1/shop-terms/set "{\"settlers\":[\"$(party settler)\",\"$(party rival)\"],\"currency\":\"EUR\"}"
# They wait for long, since this is no test of speed.
for node in settler rival; do post $node /v1/settler-terms/set '{"order":"settle_first","wait_secs":60}'; done
expect 0 "" "$programs/kippu" shop import examples/data/catalogue-sample.csv --server "$(url shop)" \
    --key-file "$folder/shop/operator.key"
with_file rain "Rain on a tin roof"
with_file kettle "The kettle"
rain=$(product rain) kettle=$(product kettle)
terminal_of ada 10000 ""
terminal_of ben 10000 ""
subscriber cleo 10000 ',"pin":"204060"'
terminal cleo ""
for standing in good bad; do
    post reference /v1/credits "{\"number\":\"number-$standing\",\"standing\":\"$standing\"}"
    reference="{\"party\":\"$(party reference)\",\"number\":\"number-$standing\"}"
    terminal_of "$standing" 10000 ",\"policy\":\"both\",\"reference\":$reference"
done
terminal_of eve 2475 ""
shop=$(url shop)

scene 1 "Ada buys a file: offer, her consent, approval, settlement, file."
expect 0 "settlement server: settled 9.90 EUR" user buy ada --shop "$shop" --product "$rain" --yes --purchase first
cmp "$folder/rain.txt" "$folder/ada/purchases/first/files/rain.txt" || fail "the file is not the one that the shop sells"
account ada 0 990
echo "   9.90 is charged, the file is the shop's own, and the books of both servers say the same."

scene 2 "Ben's terminal lowers a price by a cent, in the shop's offer and in purchase information of its own."
expect 0 "approved until" user approve ben --shop "$shop" --product "$rain" --yes --purchase first
statement=$(kept ben first statement)
token=$(kept ben first token)
issuer=$(kept ben first issuer)
# The parts of the offer are written in base64url without padding.
content=${statement#*.}
content=$(echo "${content%.*}===" | tr '_-' '/+' | base64 -d 2>"$folder/padding" || :)
case $content in *'"price":990'*) ;; *) fail "the offer cannot be read: $content" ;; esac
altered=$(printf %s "$content" | sed 's/990/989/g' | base64 -w 0 | tr '/+' '_-' | tr -d =)
altered=${statement%%.*}.$altered.${statement##*.}
expect 1 offer-not-genuine "$programs/examples/call" "$(url authenticator)/v1/approvals" --key-file "$folder/ben.key" \
    --give "$(key altered)" --body "{\"offer\":\"$altered\"}"
expect 1 offer-not-valid present settler "$altered" altered
account ben 990 0
echo "   Authentication server and settlement server refuse the altered offer: the shop's signature does not hold."
post authenticator /v1/clients "{\"role\":\"terminal\",\"name\":\"another\",\"user\":\"$(cat "$folder/ben.user")\"}" --show /key \
    >"$folder/other.key"
"$programs/examples/call" "$(url authenticator)/v1/approvals" --key-file "$folder/other.key" --give "$(key own)" \
    --body '{"amount":989,"currency":"EUR","purchase":{"description":"rain"}}' --show /token >"$folder/own" ||
    fail "989 cents are not approved"
offered=$token token=$(cat "$folder/own")
items="[{\"product\":\"$rain\",\"quantity\":1,\"price\":989}]"
refused settler "\"purchase\":{\"shop\":\"$(party shop)\",\"currency\":\"EUR\",\"items\":$items}" own price-differs
owes_nothing settler
token=$offered
account ben 990 0
echo "   The shop compares the terminal's own purchase information with its catalogue: refused, nothing is charged."

scene 3 "Ben's approval is used, and then once more at both settlement servers."
expect 0 "settlement server: settled 9.90 EUR" user hand-over ben first
expect 1 already-presented present settler "$statement" again
refused rival "\"offer\":\"$statement\"" again already-redeemed
owes_nothing rival
account ben 0 990
echo "   It settles once: the same server has it already, the other one is told that it was redeemed."

scene 4 "An approval that is good for a second is handed over after its time."
expect 0 "approved until" user approve ada --shop "$shop" --product "$rain" --yes --purchase late --expires-in-secs 1
approval=$(kept ada late id)
call authenticator "/v1/approvals/$approval" --until /state=expired || fail "the approval does not expire"
expect 1 approval-expired user hand-over ada late
account ada 0 990
echo "   The authentication server says so, the settlement is refused, and nothing is charged."

scene 5 "Cleo types her PIN wrong, and then right."
echo 111111 >"$folder/wrong.pin"
echo 204060 >"$folder/right.pin"
expect 1 not-identified user buy cleo --shop "$shop" --product "$kettle" --yes --login cleo --pin-file "$folder/wrong.pin"
account cleo 0 0
expect 0 "settlement server: settled 0.99 EUR" \
    user buy cleo --shop "$shop" --product "$kettle" --yes --login cleo --pin-file "$folder/right.pin"
account cleo 0 99
echo "   With the wrong one nothing is approved; with the right one she buys for 0.99."

scene 6 "The authentication server asks the financial reference about two buyers."
expect 1 credit-refused user buy bad --shop "$shop" --product "$rain" --yes
account bad 0 0
expect 0 "settlement server: settled 9.90 EUR" user buy good --shop "$shop" --product "$rain" --yes
account good 0 990
echo "   The one who does not pay what he owes is refused; the other one buys for 9.90."

scene 7 "Eve asks 50 times at once for 0.99, with a limit of 24.75; the authentication server is killed meanwhile."
for number in $(seq 50); do
    "$programs/kippu-user" terminal approve --dir "$folder/eve" --shop "$shop" --product "$kettle" --yes --purchase "n-$number" \
        >"$folder/eve-$number.said" 2>&1 &
    echo $! >"$folder/eve-$number.pid"
done
until_it "Eve has ten answers" has_answered 10
signal authenticator KILL
ended authenticator 2>"$folder/ended" || :
answered=$(answered)
start authenticator
approved=''
for number in $(seq 50); do
    exited=0
    ended "eve-$number" || exited=$?
    case $exited in
        0) approved="$approved $number" ;;
        1) grep -q limit-exceeded "$folder/eve-$number.said" || fail "Eve: $(cat "$folder/eve-$number.said")" ;;
        *) fail "Eve, exit $exited: $(cat "$folder/eve-$number.said")" ;;
    esac
done
count=$(echo "$approved" | wc -w)
[ "$count" = 25 ] || fail "$count of Eve's 50 requests are approved, not 25"
account eve 2475 0
for number in $approved; do
    "$programs/kippu-user" terminal hand-over --dir "$folder/eve" "n-$number" >"$folder/eve-$number.said" 2>&1 &
    echo $! >"$folder/eve-$number.pid"
done
for number in $approved; do ended "eve-$number" || fail "Eve, hand-over: $(cat "$folder/eve-$number.said")"; done
owes_nothing settler
account eve 0 2475
echo "   25 are approved and settled, 25 refused, as the limit says; $answered were answered before the SIGKILL."

scene 8 "The permission comes late: the authentication server stands still for longer than a settlement waits."
post settler /v1/settler-terms/set '{"order":"settle_first","wait_secs":1}'
expect 0 "approved until" user approve ada --shop "$shop" --product "$rain" --yes --purchase still
approval=$(kept ada still id)
signal authenticator STOP
expect 1 timed-out user hand-over ada still
echo "   The terminal is told that the settlement is over, while the authentication server still says nothing."
signal authenticator CONT
owes_nothing settler
call authenticator "/v1/approvals/$approval" --until /state=released || fail "the approval is not released"
account ada 0 990
echo "   It goes on, and whatever it permits now is too late: nothing is settled, and what was reserved is free again."

scene 9 "The shop's own node settles too, with a settler's terms of its own."
knows shop shop shop settler
post shop /v1/shop-terms/set "{\"settlers\":[\"$(party shop)\"],\"currency\":\"EUR\"}"
post shop /v1/settler-terms/set '{"order":"settle_first","wait_secs":60}'
expect 0 "settlement server: settled 9.90 EUR" \
    user buy ada --shop "$shop" --settler "$shop" --product "$rain" --yes --purchase last
owes_nothing shop
account ada 0 1980
echo "   One node is shop and settlement server: Ada's purchase comes out the same."

echo
sold=0
for name in ada ben cleo good bad eve; do
    charged=$(call authenticator "/v1/users/$(cat "$folder/$name.user")" --show /charged)
    sold=$((sold + charged))
done
approved=$(($(sum authenticator approvals settled settled_amount) + $(sum authenticator approvals redeemed amount)))
settled=0
for node in settler rival shop; do settled=$((settled + $(sum $node settlements settled settled_amount))); done
delivered=$(sum shop offers delivered total)
echo "The books, in cents: $sold charged to subscribers and $approved approved and used, as the authentication server says;"
echo "$settled settled, as the settlement servers say; $delivered delivered, as the shop says."
[ "$sold $approved $settled $delivered" = "6534 6534 6534 6534" ] || fail "the books do not agree, or are not 6534 each"

echo
echo "The nodes are stopped, and every record of every history is checked: chain, numbers, versions, one-time and limit rules. Then an"
echo "auditor's questions to each party: why something is as it is, what it was, what changed since, and evidence of it."
for node in $nodes; do
    signal $node TERM
    ended $node || fail "the node $node did not end well: $(cat "$folder/$node.log")"
done
echo
audit authenticator spending users charged --data "$folder/authenticator"
audit reference credits credits '' --data "$folder/reference"
audit shop offers offers '' --data "$folder/shop"
audit settler settlements settlements '' --data "$folder/settler"
audit rival settlements settlements '' --data "$folder/rival"
echo
echo "Everything came as it is to come."
