#!/bin/sh
# The demonstration of a main site and its partner sites: three nodes, each with a directory, keys and a port of its own. Ends with exit
# code 0 only if everything came as it is to come. Takes the folder with the programs.
set -eu

programs=$1
folder=$(mktemp -d)
trap 'end_all; rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
. tests/scripts/parties.sh

nodes="main c d"
month=2026-10

# log KIND DAY COUNT: so many requests to pages below /KIND/, each by another client, as a server writes them.
log() {
    awk -v kind="$1" -v day="$2" -v count="$3" 'BEGIN {
        for (n = 0; n < count; n++)
            printf "198.51.%d.%d - - [%02d/Oct/2026:%02d:%02d:00 +0900] \"GET /%s/p%d HTTP/1.1\" 200 %d \"-\" \"Mozilla/5.0\"\n",
                n / 250, n % 250, day, n / 60 % 24, n % 60, kind, n % 3, 500 + n
    }'
}

# import NAME FILE …: has the lines of a file certified at a partner.
import() {
    name=$1 file=$2
    shift 2
    "$programs/kippu" access import "$folder/$file" --contract "$(contract "$name")" --source "www-$name" --server "$(url "$name")" \
        --key-file "$folder/$name/operator.key" "$@"
}

# fees COMMAND NAME …: `kippu fees COMMAND` at a node.
fees() {
    what=$1 name=$2
    shift 2
    "$programs/kippu" fees "$what" "$@" --server "$(url "$name")" --key-file "$folder/$name/operator.key"
}

# contract NAME: the contract with a partner.
contract() {
    cat "$folder/$1.contract"
}

# propose NAME NUMBER FROM TERMS: the main site proposes terms to a partner, which accepts them as its own node shows them.
propose() {
    body="{\"partner\":\"$(party "$1")\",\"number\":$2,\"from\":\"$3\",\"terms\":$4}"
    post main /v1/contracts "$body" --show /id --show /sha256 >"$folder/proposed"
    sed -n 1p "$folder/proposed" >"$folder/$1.contract"
    hash=$(sed -n 2p "$folder/proposed")
    owes_nothing main
    post "$1" "/v1/contracts/$(contract "$1")/accept" "{\"number\":$2,\"sha256\":\"$hash\"}"
    owes_nothing "$1"
}

# same NAME: whether the main site and a partner compute the same, which is then in main.NAME.json and NAME.NAME.json.
same() {
    for node in main "$1"; do
        fees compute $node --contract "$(contract "$1")" --month $month >"$folder/$node.$1.json" 2>"$folder/$node.said" || :
    done
    cmp -s "$folder/main.$1.json" "$folder/$1.$1.json" && [ -s "$folder/main.$1.json" ]
}

# agreed NAME: the total that both the main site and the partner compute, from their own logs.
agreed() {
    owes_nothing "$1"
    owes_nothing main
    # Views follow the log by a moment.
    until_it "the main site and $1 compute the same" same "$1"
    expect 0 "fees verify: equal" fees verify "$1" "$folder/main.$1.json"
    sed 's/.*"total":\(-\{0,1\}[0-9]*\).*/\1/' "$folder/main.$1.json"
}

# Whether the main site's page is shown by both partners.
is_brought() {
    [ "$(call main /v1/page-deliveries --rows path,state | grep -c applied)" = 2 ]
}

# has_page NAME SHA256: whether a partner shows the page with these bytes.
has_page() {
    call "$1" /v1/pages --rows path,sha256 | grep -q "^tie-up/offers.html[[:space:]]*$2$"
}

# is_page FILE SHA256: whether a file has these bytes.
is_page() {
    [ "$(sha256sum "$1" | cut -d ' ' -f 1)" = "$2" ]
}

# is_stated NAME STATE: whether a node has a statement of the month in this state.
is_stated() {
    [ "$(call "$1" /v1/fee-statements --rows state | grep -c "^$2$")" = 1 ]
}

# shop ARTICLE STATE: a visitor of d buys one, which is to end so.
shop() {
    visitors=$((visitors + 1))
    request=$(call d /site/tie-up/offers.html --give "$(key "visitor $visitors")" --body "{\"kind\":\"buy\",\"article\":\"$1\"}" --show /id)
    until_it "the request for $1 is $2" is_request "$request" "$2"
    echo "$1: $(call d "/v1/page-requests/$request" --show /mode --show /state | tr '\n' ' ')"
}

# is_request ID STATE: whether a request of d is in a state.
is_request() {
    call d /v1/page-requests --rows id,state | grep -q "^$1[[:space:]]*$2$"
}

# sold NAME: what a site sold from its stock.
sold() {
    call "$1" /v1/stocks --rows article,sold | grep -v "[[:space:]]0$" | sort | tr '\t\n' '  ' | sed 's/ *$//'
}

# Whether the main site has in its books what d told it, and d knows.
collected() {
    [ "$(call main /v1/collections --rows state | grep -c received)" = "$(call d /v1/collections --rows state | grep -c transferred)" ] &&
        ! call d /v1/collections --rows state | grep -q owed
}

# member NAME COMMAND BODY SHOWN [SHOWN]: says something at a site as a member, and shows members of the answer.
member() {
    guest "$1" "/v1/contracts/$(contract "$1")/members/$2" --give "$(key "member $*")" --body "$3" --show "$4" \
        ${5+--show "$5"}
}

# visit PATH BODY SHOWN: does something during the visit at d.
visit() {
    "$programs/examples/call" "$(url d)/v1/$1" --patience-secs 180 --key-file "$folder/visit.key" --give "$(key "visit $*")" --body "$2" --show "$3"
}

# was_bought: whether the main site knows of the purchase.
was_bought() {
    call main /v1/member-actions --rows kind,item,amount | grep -q "^purchase[[:space:]]*book[[:space:]]*800$"
}

scene() {
    echo
    echo "$1. $2"
}

echo "A main site and a partner site start, each of another operator; they know each other."
for node in main d; do start "$node"; done
knows main d partner_site
knows d main main_site

scene 1 "The main site proposes terms, and d accepts them. It makes a kit for c, which was altered on its way; then c begins by the one that was not."
terms=$(cat examples/data/terms.json)
propose d 1 2026-10-01T00:00:00+09:00 "$terms"
"$programs/kippu" kit make --name c --terms examples/data/terms.json --from 2026-10-01T00:00:00+09:00 --out "$folder/c.kit" \
    --server "$(url main)" --key-file "$folder/main/operator.key"
sed 's/Welcome/Defaced/' "$folder/c.kit" >"$folder/altered.kit"
expect 1 "it was altered" "$programs/kippu" init --kit "$folder/altered.kit" --data "$folder/c"
[ ! -e "$folder/c" ] || fail "something was made by a kit that was altered"
"$programs/kippu" init --kit "$folder/c.kit" --data "$folder/c"
start c
"$programs/kippu" kit join --accept "$folder/c.kit" --server "$(url c)" --key-file "$folder/c/operator.key" >"$folder/joined"
cat "$folder/joined"
sed 's/^contract \([^:]*\):.*/\1/' "$folder/joined" >"$folder/c.contract"
owes_nothing c
echo "The contract of c is $(contract c), and that of d $(contract d), at both of their sites."

scene 2 "The main site writes a page. It is brought to both partners, who show it; then it is changed on the disk of c, and restored."
echo "<h1>Offers of the month</h1>" >"$folder/offers.html"
page=$(sha256sum "$folder/offers.html" | cut -d ' ' -f 1)
call main "/v1/blobs/$page" --put "$folder/offers.html"
post main /v1/pages "{\"path\":\"tie-up/offers.html\",\"sha256\":\"$page\",\"media_type\":\"text/html\",\"tie_up\":true}"
until_it "both partners show the page" is_brought
for partner in c d; do until_it "$partner has the page in its view" has_page $partner "$page"; done
kept=$(find "$folder/c" -type f -path '*blobs*' -size -2k | while read -r file; do
    sha256sum "$file" | grep "^$page" | cut -d ' ' -f 3-
done)
echo "<h1>Defaced</h1>" >"$kept"
until_it "the page is restored" is_page "$kept" "$page"
echo "Both show it at /site/tie-up/offers.html, and c has it again as it was written."

scene 3 "The partners' servers were visited: as many requests to tie-up pages at both, more to originals at c."
log tie-up 10 90 >"$folder/c-10.log"
log own 11 60 >"$folder/c-11.log"
log tie-up 10 90 >"$folder/d-10.log"
log own 11 10 >"$folder/d-11.log"
for file in c-10 c-11 d-10 d-11; do
    expect 0 "certified" import "${file%-*}" $file.log
    echo "$said"
done

scene 4 "The same file comes again, and later one that has grown: what is known counts once."
expect 0 "0 certified" import c c-10.log
echo "$said"
log tie-up 12 5 >>"$folder/c-10.log"
expect 0 "1 certified" import c c-10.log
echo "$said"

scene 5 "Main site and partner compute the fee, each from its own log, and come to the same bytes."
of_c=$(agreed c) of_d=$(agreed d)
echo "c owes $of_c cents, and d owes $of_d."
[ "$of_c" -lt "$of_d" ] || fail "c, whose originals are popular, pays no less than d"

scene 6 "A statement is altered on its way: the partner's own computation says where."
sed 's/"accesses":4,/"accesses":400,/' "$folder/main.d.json" >"$folder/altered.json"
expect 1 "theirs 400" fees verify d "$folder/altered.json"
echo "$said"

scene 7 "Lines are certified again with another content: which ones, both sites say, and the statement does not pass in silence."
sed 's|/own/p1 |/tie-up/p1 |' "$folder/d-11.log" >"$folder/forged"
mv "$folder/forged" "$folder/d-11.log"
expect 0 "certified" import d d-11.log
owes_nothing d
expect 1 "lines came with several contents" fees compute main --contract "$(contract d)" --month $month
echo "$said" | grep "several contents"
for node in main d; do
    expect 1 "several contents" "$programs/kippu" access verify "$folder/d-11.log" --contract "$(contract d)" --source www-d \
        --server "$(url $node)" --key-file "$folder/$node/operator.key"
    echo "$node: $(echo "$said" | sed -n 2p)"
done
expect 1 "minor units of the fee depend on them" fees close main --contract "$(contract d)" --month $month
echo "$said"

scene 8 "Terms change inside the month: each access is rated by those of its time."
propose c 2 2026-10-12T00:00:00+09:00 "$(echo "$terms" | sed 's/"version": "2026-a"/"version": "2026-b"/; s/"amount": 30000/"amount": 60000/')"
echo "c owes $(agreed c) cents now."

scene 9 "The month is over: the main site signs the statement, and c signs the same."
expect 0 "statement 1 of $month signed" fees close main --contract "$(contract c)" --month $month
echo "$said"
until_it "c is told of the statement" is_stated c signed
expect 0 "$month is closed" fees cosign c --contract "$(contract c)" --month $month
echo "$said"
until_it "the main site is told that c has signed" is_stated main cosigned

scene 10 "Lines come late. What both have signed stays; the difference is a line of the next month."
log own 20 30 >"$folder/c-20.log"
expect 0 "certified" import c c-20.log
agreed c >"$folder/later"
adjust="--contract $(contract c) --month $month --at 2026-11-05T00:00:00Z"
expect 0 "reported as adjustment-$month-1" fees adjust main $adjust --reason "lines that came late"
echo "$said"
owes_nothing main
month=2026-11
echo "c owes $(agreed c) cents for the next month."
grep -o '"rule":"adjustment[^"]*"' "$folder/main.c.json"

scene 11 "What would c owe by another tariff? The history of the main site answers, next to the running node."
echo "$terms" | tr -d '\n' | sed 's/.*"tariff": *//; s/} *$//; s/"amount": 30000/"amount": 50000/' >"$folder/tariff.json"
expect 0 "in place of" "$programs/kippu" replay what-if --tariff "$folder/tariff.json" --contract "$(contract c)" --month 2026-10 --data "$folder/main"
echo "$said" | tail -n 1

scene 12 "Visitors of d shop on the page of the main site, in all modes of delegation. A program of its own is the shop behind each site."
visitors=0
delegation='{"rules":[{"article":"map-1","mode":"main"},{"article":"atlas-1","mode":"commanded"},{"article":"book-1","entrusted":["stock"]}]}'
propose d 2 2026-11-01T00:00:00+09:00 \
    "$(echo "$terms" | sed "s/\"counting\"/\"delegation\": $delegation, \"collecting\": {\"per_sale\":{\"rate_bp\":1250}}, \"counting\"/")"
for node in main d; do
    for article in card-1 map-1 atlas-1 book-1; do post $node /v1/stocks "{\"article\":\"$article\",\"quantity\":5}"; done
    post $node /v1/clients '{"role":"shop","name":"the program of the shop"}' --show /key >"$folder/$node.shop"
    python3 tests/strangers/shop_worker.py "$(url $node)" "$folder/$node.shop" price payment delivery &
    echo $! >"$folder/$node.shop.pid"
done
shop card-1 done
shop map-1 done
shop atlas-1 done
post main /v1/stocks/instruct '{"article":"atlas-1","steps":["price","payment","delivery"]}'
shop atlas-1 done
shop book-1 done
owes_nothing d
owes_nothing main
[ "$(sold d)" = "atlas-1 1 card-1 1" ] || fail "d sold $(sold d)"
[ "$(sold main)" = "book-1 1 map-1 1" ] || fail "the main site sold $(sold main)"
until_it "all collections of d are at the main site" collected
echo "d sold from its own stock $(sold d), and the main site $(sold main). The main site was given $(call main /v1/collections --rows charge | tr '\n' ' ')cents."
for node in main d; do
    kill "$(cat "$folder/$node.shop.pid")"
    rm "$folder/$node.shop.pid"
done

scene 13 "A member registers at c, and signs in at d without registering; a payment takes a one-time code, and class gold pays less."
prices='{"prices":{"book":{"amount":1000,"currency":"EUR","classes":{"gold":800}}}}'
with_members=$(echo "$terms" | tr -d '\n' | sed "s/\"counting\"/\"members\": $prices, \"counting\"/")
propose c 3 2026-11-01T00:00:00+09:00 "$with_members"
propose d 3 2026-11-15T00:00:00+09:00 "$with_members"
profile='"email":"aiko@example.org","region":"JP-13","agreed":"privacy-2026-1","marketing":true,"one_time_codes":true'
member c register "{\"login\":\"aiko\",\"password\":\"correct horse\",$profile}" /id /one_time_secret >"$folder/aiko"
secret=$(sed -n 2p "$folder/aiko")
post main "/v1/members/$(sed -n 1p "$folder/aiko")/set-class" '{"class":"gold"}'
ticket=$(member d sign-in '{"login":"aiko","password":"correct horse"}' /ticket)
guest d /v1/member-visits --give "$(key "ticket $ticket")" --body "{\"contract\":\"$(contract d)\",\"ticket\":\"$ticket\"}" \
    --show /id --show /capability >"$folder/visit"
sed -n 2p "$folder/visit" >"$folder/visit.key"
here=$(sed -n 1p "$folder/visit")
amount=$(visit "member-visits/$here/order" "{\"contract\":\"$(contract d)\",\"item\":\"book\"}" /amount)
code=$(python3 tests/strangers/totp.py "$secret")
order="\"visit\":\"$here\",\"order\":1,\"amount\":$amount,\"currency\":\"EUR\""
confirmed=$(member d confirm "{\"ticket\":\"$ticket\",\"code\":\"$code\",$order}" /confirmation)
visit "member-visits/$here/pay" "{\"contract\":\"$(contract d)\",\"order\":1,\"confirmation\":\"$confirmed\"}" /order >"$folder/paid"
owes_nothing d
until_it "the main site knows of the purchase" was_bought
echo "The book costs 1000 cents, and this member $amount; the main site has what was bought, and nobody's name."

echo
echo "The nodes are stopped, and every record of every history is checked. Then an auditor's questions to each party."
for node in $nodes; do
    signal $node TERM
    ended $node || fail "the node $node did not end well: $(cat "$folder/$node.log")"
done
echo
for node in $nodes; do audit $node contracts contracts '' --data "$folder/$node"; done
echo
echo "Everything came as it is to come."
