#!/usr/bin/env python3
"""A visitor's shopping: shopping.py SITE. It looks at a page, asks for a price, buys two books, and asks for too many; what came of each is
printed. Nothing in it depends on whose site it is."""
import json, sys, time, urllib.error, urllib.request, uuid

site = sys.argv[1]
PAGE = "/site/offers/index.html"

def call(path, body=None, bearer=None):
    head = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())} if body is not None else {}
    head |= {"Authorization": f"Bearer {bearer}"} if bearer else {}
    request = urllib.request.Request(site + path, None if body is None else json.dumps(body).encode(), head)
    for _ in range(1200):
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:  # what was opened a moment ago is shown a moment later
            if error.code != 404:
                sys.exit(f"{path}: {error.read().decode()}")
            time.sleep(0.05)

def ask(kind, article, quantity):
    """The row of the request once it is over, without what is another one each time."""
    opened = json.loads(call(PAGE, {"kind": kind, "article": article, "quantity": quantity}))
    for _ in range(1200):
        row = json.loads(call(f"/v1/page-requests/{opened['id']}", bearer=opened["capability"]))
        if row["state"] in ("done", "failed"):
            break
        time.sleep(0.05)
    failure = row.get("failure", {}).get("reason")
    steps = [step["step"] for step in row["steps"] if step["done"]]
    amounts = [step["amount"] for step in row["steps"] if "amount" in step]
    return f"{kind} {article} {quantity}: {row['state']} {failure} {' '.join(steps)} {amounts}"

print(call(PAGE).decode())
for kind, article, quantity in [("price", "book-1", 1), ("buy", "book-1", 2), ("buy", "book-1", 9), ("price", "no", 1)]:
    print(ask(kind, article, quantity))
