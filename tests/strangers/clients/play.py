#!/usr/bin/env python3
"""Plays a file of purchases against a node with the HTTP clients of five languages, and through two proxies, all with their
defaults: play.py RELEASE_FOLDER FILE. No call may fail, and the sums have to be those of arithmetic over the file."""
import decimal, hashlib, os, pathlib, re, shutil, signal, socket, subprocess, sys, tempfile, time

release, purchases = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
here, work = pathlib.Path(__file__).resolve().parent, release.parent / "strangers"
WORKERS = "8"
LIMIT = 10000
# What the machine at hand says of proxies is not what is tried.
environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}

def run(*command, **settings):
    done = subprocess.run([str(part) for part in command], env=environment, text=True, **settings)
    if done.returncode:
        sys.exit(f"{command[0]} ended with {done.returncode}: {done.stdout or ''}")
    return done.stdout

def build():
    """The clients, with exactly the versions of their lock files; not again where they are as they were."""
    work.mkdir(exist_ok=True)
    sources = b"".join(path.read_bytes() for path in sorted(here.rglob("*")) if path.is_file())
    stamp, made = work / "made-of", hashlib.sha256(sources).hexdigest()
    if stamp.exists() and stamp.read_text() == made:
        return
    run(sys.executable, "-m", "venv", work / "venv")
    run(work / "venv/bin/pip", "install", "-q", "-r", here / "python/requirements.txt")
    shutil.copytree(here / "node", work / "node", dirs_exist_ok=True)
    run("npm", "ci", "--silent", "--no-audit", "--no-fund", cwd=work / "node")
    jars = work / "jars"
    run("mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={jars}", cwd=here / "java")
    run("javac", "-d", work / "classes", "-cp", f"{jars}/*", here / "java/Purchases.java")
    run("go", "build", "-mod=readonly", "-o", work / "purchases-go", ".", cwd=here / "go")
    run("cargo", "build", "-q", "--locked", "--target-dir", work / "rust", cwd=here / "rust")
    stamp.write_text(made)

def clients():
    java = ["java", "-cp", f"{work}/classes:{work}/jars/*", "Purchases"]
    return {
        "requests (Python)": [work / "venv/bin/python", here / "python/purchases.py"],
        "axios (Node.js)": ["node", work / "node/purchases.mjs", "axios"],
        "fetch (Node.js)": ["node", work / "node/purchases.mjs", "fetch"],
        "java.net.http (Java)": [*java, "jdk"],
        "OkHttp (Java)": [*java, "okhttp"],
        "net/http (Go)": [work / "purchases-go", "net/http"],
        "resty (Go)": [work / "purchases-go", "resty"],
        "ureq (Rust)": [work / "rust/debug/purchases-of-a-stranger"],
    }

def arithmetic():
    paid, permitted, refused = {}, 0, 0
    for line in purchases.read_text().splitlines():
        customer, _date, _quantity, price = line.split()
        cents, before = int(decimal.Decimal(price) * 100), paid.setdefault(customer, 0)
        fits = before + cents <= LIMIT
        paid[customer] += cents * fits
        permitted, refused = permitted + fits, refused + (not fits)
    return permitted, sum(paid.values()), refused

def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]

def start(folder, command, is_ready):
    process = subprocess.Popen([str(part) for part in command], env=environment, cwd=folder, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{command[0]} does not start")
        time.sleep(0.05)
    return process

def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0

def node(folder):
    """A fresh node: its process, its address, and the file with its operator's key."""
    data, ready = folder / "data", folder / "ready"
    serve = [release / "kippu", "serve", "--listen", "127.0.0.1:0", "--data", data, "--ready-file", ready,
             "--trace-filter", "warn"]
    process = start(folder, serve, ready.exists)
    return process, ready.read_text().strip(), data / "operator.key"

def nginx(folder, port, address):
    """The plainest settings that there are: it asks the node by HTTP/1.0, on a new connection each time."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    server = f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{address}; }} }}"
    settings = folder / "nginx.conf"
    settings.write_text(f"daemon off; pid {folder}/pid; events {{}} http {{ access_log off; {temporary} {server} }}")
    return [shutil.which("nginx") or "/usr/sbin/nginx", "-p", folder, "-c", settings, "-e", folder / "nginx.log"]

def haproxy(folder, port, address):
    """The same, with the timeouts that it wants."""
    settings = folder / "haproxy.cfg"
    timeouts = "".join(f"    timeout {what}\n" for what in ("connect 5s", "client 50s", "server 50s"))
    listen = f"listen purchases\n    bind 127.0.0.1:{port}\n    server node {address}\n"
    settings.write_text(f"defaults\n    mode http\n{timeouts}{listen}")
    return [shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", settings]

def without_a_body(key, url):
    """Commands without a body as curl sends them, which a proxy passes on as HTTP/1.0 without a length."""
    for number, more in enumerate((["-X", "POST"], ["-d", ""], ["--http1.0", "-X", "POST"], ["--http2", "-X", "POST"])):
        head = ["-sS", "-H", f"Authorization: Bearer {key}", "-H"]
        opened = run("curl", *head, f"Idempotency-Key: bare-{url}-{number}", "-H", "Content-Type: application/json",
                     "-d", '{"label":"bare"}', f"{url}/v1/placements", stdout=subprocess.PIPE)
        place = re.search('"id":"([a-z2-7]+)"', opened)[1]
        closed = run("curl", *head, f"Idempotency-Key: close-{url}-{number}", *more, f"{url}/v1/placements/{place}/close",
                     stdout=subprocess.PIPE)
        if '"state":"closed"' not in closed:
            sys.exit(f"curl {' '.join(more)} {url}: {closed!r}")

def play_with_clients(folder, expected):
    process, address, key = node(folder)
    try:
        for number, (client, command) in enumerate(clients().items()):
            begun, fixed = time.monotonic(), [f"http://{address}", key.read_text().strip(), purchases, f"r{number}", WORKERS]
            said = run(*command, *fixed, stdout=subprocess.PIPE).strip()
            print(f"{client:22}{said}, {time.monotonic() - begun:.1f} s", flush=True)
            if not said.endswith(expected):
                sys.exit(f"{client}: not equal")
    finally:
        stop(process)

def play_through(proxy, folder, expected):
    started, port = [], free_port()
    try:
        process, address, key = node(folder)
        started.append(process)
        started.append(start(folder, proxy(folder, port, address), lambda: listens(port)))
        url, begun = f"http://127.0.0.1:{port}", time.monotonic()
        without_a_body(key.read_text().strip(), url)
        said = run(release / "examples/purchases", "--file", purchases, "--limit", f"{LIMIT / 100:.2f}", "--connections", "16",
                   "--node", url, "--operator-key", key, stdout=subprocess.PIPE)
        sums = re.search(r"^node +(\d+) permitted +([\d.]+) +(\d+) refused", said, re.M)
        through = f"{sums[1]} permitted for {sums[2]}, {sums[3]} refused"
        calls = re.search(r"requests +(\d+) in .*, (\d+) sent again", said)
        print(f"through {proxy.__name__:14}{calls[1]} calls, {through}, {time.monotonic() - begun:.1f} s", flush=True)
        if through != expected or calls[2] != "0" or "equal " not in said:
            sys.exit(f"{proxy.__name__}: not equal, or sent again\n{said}")
    finally:
        for process in reversed(started):
            stop(process)

def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait()

def main():
    build()
    permitted, total, refused = arithmetic()
    expected = f"{permitted} permitted for {total // 100}.{total % 100:02}, {refused} refused"
    print(f"{'the file':22}{expected}", flush=True)
    for play in (play_with_clients, lambda *where: play_through(nginx, *where), lambda *where: play_through(haproxy, *where)):
        with tempfile.TemporaryDirectory(prefix="kippu-strangers-") as folder:
            play(pathlib.Path(folder), expected)
    print("equal, and no call failed")

main()
