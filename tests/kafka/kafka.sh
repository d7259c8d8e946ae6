#!/bin/sh
# Apache Kafka for tests: one broker, or a cluster of several, on loopback, in KRaft mode.
#
#   kafka.sh fetch                  fetches the jars through Maven, once
#   kafka.sh start DIR [BROKERS]    formats DIR on the first start, starts, waits, prints host:port of each broker
#   kafka.sh start-broker DIR I     starts broker I of DIR again, after it was stopped or killed
#   kafka.sh stop DIR               stops every broker of DIR, by its process id
#   kafka.sh acl ADDRESS ARGS…      changes who may do what, as Kafka's own tool does
#   kafka.sh run DIR                one broker in the foreground, for trying out
#
# With KIPPU_KAFKA_DOORS=N each broker listens at N more ports, and tells clients of each another port, on which a test
# lets a proxy of its own listen. DIR/I/doors names both, a line for each door.
#
# Each line of KIPPU_KAFKA_PROPERTIES is added to the properties of each broker when it is formatted.
set -eu

VERSION=4.1.0
HERE=$(cd "$(dirname "$0")" && pwd)
JARS=${KIPPU_KAFKA_JARS:-$HOME/.cache/kippu-kafka/$VERSION}
WAIT_SECS=${KIPPU_KAFKA_WAIT_SECS:-60}

fetch() {
    [ -e "$JARS/complete" ] && return
    echo "kafka: fetching Apache Kafka $VERSION into $JARS" >&2
    mkdir -p "$JARS"
    mvn -q -B -f "$HERE/pom.xml" dependency:copy-dependencies -DoutputDirectory="$JARS" >&2
    touch "$JARS/complete"
}

# Brokers of tests live for minutes on small machines: the quick compiler alone starts them sooner.
java_of() { # HEAP CLASS ARGUMENTS…
    heap=$1
    shift
    exec java -Xmx"$heap" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$JARS/*" "$@"
}

# Ports that nobody listens on, below those that the system gives away by itself.
free_ports() {
    python3 - "$1" <<'PYTHON'
import random, socket, sys
free = []
while len(free) < int(sys.argv[1]):
    port = random.randrange(10_000, 30_000)
    with socket.socket() as tried:
        if port not in free and tried.connect_ex(("127.0.0.1", port)) != 0:
            free.append(port)
print(*free)
PYTHON
}

format() { # DIR BROKERS
    dir=$1 brokers=$2
    mkdir -p "$dir"
    doors=${KIPPU_KAFKA_DOORS:-0}
    # shellcheck disable=SC2046
    set -- $(free_ports $((brokers * (2 + 2 * doors))))
    voters= i=0
    while [ "$i" -lt "$brokers" ]; do
        eval "controller=\${$((i * 2 + 2))}"
        voters="$voters${voters:+,}$i@127.0.0.1:$controller"
        i=$((i + 1))
    done
    i=0
    while [ "$i" -lt "$brokers" ]; do
        eval "port=\${$((i * 2 + 1))} controller=\${$((i * 2 + 2))}"
        mkdir -p "$dir/$i"
        : > "$dir/$i/doors"
        listeners= told= protocols= door=0
        while [ "$door" -lt "$doors" ]; do
            at=$((brokers * 2 + (i * doors + door) * 2))
            eval "inside=\${$((at + 1))} outside=\${$((at + 2))}"
            echo "$inside $outside" >> "$dir/$i/doors"
            listeners="$listeners,DOOR$door://127.0.0.1:$inside"
            told="$told,DOOR$door://127.0.0.1:$outside"
            protocols="$protocols,DOOR$door:PLAINTEXT"
            door=$((door + 1))
        done
        echo "127.0.0.1:$port" > "$dir/$i/address"
        cat > "$dir/$i/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$i
controller.quorum.voters=$voters
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller$listeners
advertised.listeners=PLAINTEXT://127.0.0.1:$port$told
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT$protocols
log.dirs=$dir/$i/data
auto.create.topics.enable=false
offsets.topic.replication.factor=$brokers
offsets.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
# A broker that was killed is missed after seconds, so that tests of it are short.
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
PROPERTIES
        printf '%s\n' "${KIPPU_KAFKA_PROPERTIES:-}" >> "$dir/$i/server.properties"
        (java_of 128m kafka.tools.StorageTool format --cluster-id 4L6g3nShT-eMCtK--X86sw \
            --config "$dir/$i/server.properties") > "$dir/$i/format.out" 2>&1
        i=$((i + 1))
    done
    touch "$dir/formatted"
}

start_broker() { # DIR I
    broker_dir=$1/$2
    (java_of 512m kafka.Kafka "$broker_dir/server.properties") >> "$broker_dir/out" 2>&1 &
    echo $! > "$broker_dir/pid"
}

alive() { # BROKER_DIR
    kill -0 "$(cat "$1/pid")" 2>/dev/null
}

# Waits until the broker of BROKER_DIR has a quorum and takes requests.
wait_for() { # BROKER_DIR
    broker_dir=$1
    address=$(cat "$broker_dir/address")
    port=${address#*:}
    tries=$((WAIT_SECS * 10))
    while [ "$tries" -gt 0 ]; do
        if python3 "$HERE/answers.py" "$port"; then return; fi
        if ! alive "$broker_dir"; then
            echo "kafka: the broker ended:" >&2
            tail -n 20 "$broker_dir/out" >&2
            exit 1
        fi
        sleep 0.1
        tries=$((tries - 1))
    done
    echo "kafka: the broker at $address does not answer" >&2
    exit 1
}

stop() { # DIR
    for pid in "$1"/*/pid; do
        [ -e "$pid" ] || continue
        kill -TERM "$(cat "$pid")" 2>/dev/null || true
    done
    for pid in "$1"/*/pid; do
        [ -e "$pid" ] || continue
        tries=100
        while kill -0 "$(cat "$pid")" 2>/dev/null; do
            [ "$tries" -gt 0 ] || { kill -KILL "$(cat "$pid")" 2>/dev/null || true; break; }
            sleep 0.1
            tries=$((tries - 1))
        done
        rm -f "$pid"
    done
}

case ${1:-} in
fetch) fetch ;;
start)
    fetch
    dir=$(mkdir -p "$2" && cd "$2" && pwd) brokers=${3:-1}
    [ -e "$dir/formatted" ] || format "$dir" "$brokers"
    for broker_dir in "$dir"/[0-9]*; do start_broker "$dir" "${broker_dir##*/}"; done
    for broker_dir in "$dir"/[0-9]*; do wait_for "$broker_dir"; done
    cat "$dir"/[0-9]*/address | paste -sd, -
    ;;
start-broker)
    dir=$(cd "$2" && pwd)
    start_broker "$dir" "$3"
    wait_for "$dir/$3"
    ;;
stop) stop "$(cd "$2" && pwd)" ;;
acl)
    address=$2
    shift 2
    java_of 128m org.apache.kafka.tools.AclCommand --bootstrap-server "$address" "$@"
    ;;
run)
    fetch
    dir=$(mkdir -p "$2" && cd "$2" && pwd)
    [ -e "$dir/formatted" ] || format "$dir" 1
    echo "kafka: one broker at $(cat "$dir/0/address"); end it with Ctrl-C" >&2
    java_of 512m kafka.Kafka "$dir/0/server.properties"
    ;;
*)
    sed -n '2,10p' "$0" >&2
    exit 2
    ;;
esac
