"""Plays purchases with requests as it comes; see ../README.md."""
import concurrent.futures, decimal, sys, threading
import requests

url, operator, lines, run, workers = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
customers, calls, mine = {}, [], threading.local()
for number, line in enumerate(open(lines).read().splitlines()):
    customer, _date, _quantity, price = line.split()
    customers.setdefault(customer, []).append((number, int(decimal.Decimal(price) * 100)))

def call(status, key, path, body=None, name=None, since=None):
    if not hasattr(mine, "session"):
        mine.session = requests.Session()
    headers = {"Authorization": f"Bearer {key}"}
    if name:
        answer = mine.session.post(url + path, json=body, headers=headers | {"Idempotency-Key": f"{run}-{name}"})
    else:
        answer = mine.session.get(url + path, headers=headers | {"Kippu-Min-Position": since})
    assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
    calls.append(path)
    return answer.json(), answer.headers

till = call(201, operator, "/v1/clients", {"role": "settler", "name": "till"}, "till")[0]["key"]

def play(customer):
    limit = {"source": "fixed", "amount": 10000, "currency": "EUR"}
    user = call(201, operator, "/v1/users", {"login": f"{run}-{customer}", "limit": limit}, f"u-{customer}")[0]["id"]
    terminal = {"role": "terminal", "name": customer, "user": user}
    phone = call(201, operator, "/v1/clients", terminal, f"phone-{customer}")[0]["key"]
    placement = call(201, operator, "/v1/placements", {"label": "bare"}, f"bare-{customer}")[0]["id"]
    call(200, operator, f"/v1/placements/{placement}/close", None, f"close-{customer}")
    paid, count, refused = 0, 0, 0
    for number, cents in customers[customer]:
        amount, permitted = {"amount": cents, "currency": "EUR"}, paid + cents <= 10000
        ask = lambda: call(201 if permitted else 409, phone, "/v1/approvals", amount, f"ask-{number}")
        approval, head = ask()
        if number % 7 == 0:
            again, repeated = ask()
            assert again.get("token") == approval.get("token") and repeated["Idempotent-Replayed"] == "true"
        if not permitted:
            refused += 1
            position = head["Kippu-Position"]
            continue
        call(200, till, "/v1/approvals/redeem", {"token": approval["token"]}, f"redeem-{number}")
        _, head = call(200, till, f"/v1/approvals/{approval['id']}/settle", amount, f"settle-{number}")
        position, paid, count = head["Kippu-Position"], paid + cents, count + 1
        if number % 5 == 0:
            row, _ = call(200, phone, f"/v1/approvals/{approval['id']}", since=position)
            assert (row["state"], row["settled_amount"]) == ("settled", cents), row
    row, _ = call(200, operator, f"/v1/spending/{user}", since=position)
    assert (row["charged"], row["purchases"], row["reserved"]) == (paid, count, 0), row
    return paid, count, refused

with concurrent.futures.ThreadPoolExecutor(workers) as pool:
    sums = [sum(of) for of in zip(*pool.map(play, customers))]
print(f"{len(calls)} calls, {sums[1]} permitted for {sums[0] // 100}.{sums[0] % 100:02}, {sums[2]} refused")
