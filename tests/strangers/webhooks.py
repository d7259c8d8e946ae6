#!/usr/bin/env python3
"""Takes webhooks, and checks them with the library of Standard Webhooks: webhooks.py FOLDER. Prints its port. /NAME is an endpoint:
FOLDER/NAME.secret has its secrets, a line each, FOLDER/NAME.answers what it answers, one after the other (0: nothing), and what came
is written to FOLDER/NAME.got."""
import http.server, json, pathlib, sys, threading
from standardwebhooks import Webhook, WebhookVerificationError

folder, lock, counts = pathlib.Path(sys.argv[1]), threading.Lock(), {}

def read(name, otherwise):
    path = folder / name
    return path.read_text().split() if path.exists() else otherwise

class Endpoint(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body, name = self.rfile.read(int(self.headers["Content-Length"])), self.path.strip("/")
        with lock:
            status = self.taken(name, body)
        if status == 0:
            self.close_connection = True
            return
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def taken(self, name, body):
        secrets = read(f"{name}.secret", [])
        if not secrets:
            return 503  # nobody has told it yet
        by = [number for number, secret in enumerate(secrets) if self.is_signed(secret, body)]
        answers = read(f"{name}.answers", ["200"])
        counts[name] = counts.get(name, -1) + 1
        status = int(answers[counts[name] % len(answers)]) if by else 400
        event = json.loads(body)
        got = {"id": self.headers["webhook-id"], "by": by, "answered": status, "event": event, "text": body.decode()}
        with open(folder / f"{name}.got", "a") as out:
            out.write(json.dumps(got) + "\n")
        return status

    def is_signed(self, secret, body):
        try:
            Webhook(secret).verify(body, dict(self.headers))
            return True
        except WebhookVerificationError:
            return False

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
print(server.server_port, flush=True)
server.serve_forever()
