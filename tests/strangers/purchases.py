#!/usr/bin/env python3
"""Plays a file of purchases against a kippu node: its sums must be those of arithmetic over the file."""
import decimal, hashlib, http.client, json, sys, time, urllib.request

node, key_file, purchases_file = sys.argv[1:]
operator, lines = open(key_file).read().strip(), open(purchases_file).read().splitlines()
run = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]  # the same file: the same commands

def call(key, path, body=None, name=None, since=None, refusal=None):
    """Asks, always with the same idempotency key, until there is an answer: that, and its position."""
    head = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    head |= {"Idempotency-Key": f"{run}-{name}"} if body else {"Kippu-Min-Position": since}
    request = urllib.request.Request(node + path, body and json.dumps(body).encode(), head)
    for _ in range(120):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer), answer.headers["Kippu-Position"]
        except (OSError, http.client.HTTPException) as failure:  # an error answer, or none
            if getattr(failure, "code", 503) not in (408, 429, 502, 503, 504, 507):
                problem = json.load(failure)
                if problem["type"] != f"/problems/{refusal}":
                    sys.exit(f"{path}: {problem}")
                return problem, failure.headers["Kippu-Position"]
            time.sleep(int((getattr(failure, "headers", None) or {}).get("Retry-After", 1)))
    sys.exit(f"{path}: no answer; run me again")

def client(name, **role):
    return call(operator, "/v1/clients", {"name": name, **role}, name)[0]["key"]

till, customers, wrong = client("till", role="settler"), {}, 0
for number, (customer, _date, _quantity, price) in enumerate(map(str.split, lines)):
    amount = {"amount": int(decimal.Decimal(price) * 100), "currency": "EUR"}
    if customer not in customers:
        limit = {"source": "fixed", "amount": 10000, "currency": "EUR"}
        user, _ = call(operator, "/v1/users", {"login": f"{run}-{customer}", "limit": limit}, f"u-{customer}")
        phone = client(f"phone-{customer}", role="terminal", user=user["id"])
        customers[customer] = {"id": user["id"], "phone": phone, "paid": [], "refused": []}
    who = customers[customer]
    approval, who["at"] = call(who["phone"], "/v1/approvals", amount, f"ask-{number}", refusal="limit-exceeded")
    if token := approval.get("token"):
        call(till, "/v1/approvals/redeem", {"token": token}, f"redeem-{number}")
        _, who["at"] = call(till, f"/v1/approvals/{approval['id']}/settle", amount, f"settle-{number}")
        again, _ = call(till, "/v1/approvals/redeem", {"token": token}, f"again-{number}", None, "already-redeemed")
        wrong += "settler" in again  # a second success
    permitted = sum(who["paid"]) + amount["amount"] <= 10000
    who["paid" if permitted else "refused"].append(amount["amount"])
    wrong += permitted != bool(token)

paid, refused = ([cents for who in customers.values() for cents in who[of]] for of in ("paid", "refused"))
spent = [call(operator, f"/v1/spending/{who['id']}", since=who["at"])[0] for who in customers.values()]
for who, row in zip(customers.values(), spent):
    wrong += (row["charged"], row["purchases"], row["reserved"]) != (sum(who["paid"]), len(who["paid"]), 0)
count, total = sum(row["purchases"] for row in spent), sum(row["charged"] for row in spent)
left, rest = len(paid + refused) - count, sum(paid + refused) - total
print(f"node {count:6} permitted {total / 100:12.2f} {left:6} refused {rest / 100:12.2f}")
print(f"file {len(paid):6} permitted {sum(paid) / 100:12.2f} {len(refused):6} refused {sum(refused) / 100:12.2f}")
print("equal, customer by customer" if not wrong else f"{wrong} differences")
sys.exit(wrong != 0)
