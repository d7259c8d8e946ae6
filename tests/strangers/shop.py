#!/usr/bin/env python3
"""Buys the cheapest file of a shop: shop.py SHOP AUTHENTICATION-SERVER KEYFILE SETTLEMENT-SERVER. The key is that of a terminal
which stores its user's identification; shop and settlement server want none."""
import base64, hashlib, http.client, json, sys, time, urllib.error, urllib.request, uuid

shop, authenticator, key_file, settler = sys.argv[1:]
phone = open(key_file).read().strip()

def call(url, bearer=None, body=None, since=None):
    """Asks, always with the same idempotency key, until there is an answer: its bytes, and its position."""
    head = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())} if body is not None else {}
    head |= {"Authorization": f"Bearer {bearer}"} if bearer else {}
    head |= {"Kippu-Min-Position": since} if since else {}
    request = urllib.request.Request(url, None if body is None else json.dumps(body).encode(), head)
    for _ in range(120):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.read(), answer.headers["Kippu-Position"]
        except (OSError, http.client.HTTPException) as failure:  # an error answer, or none
            if isinstance(failure, urllib.error.HTTPError) and failure.code not in (408, 429, 502, 503, 504, 507):
                sys.exit(f"{url}: {failure.read().decode()}")
            time.sleep(int((getattr(failure, "headers", None) or {}).get("Retry-After", 1)))
    sys.exit(f"{url}: no answer")

def read(url, bearer=None, body=None, since=None):
    return json.loads(call(url, bearer, body, since)[0])

def until(url, bearer, since, states):
    """The row once it is in one of these states."""
    for _ in range(600):
        row = read(url, bearer, since=since)
        if row["state"] in states:
            return row
        time.sleep(0.1)
    sys.exit(f"{url}: {row}")

products, page = [], {"next": None, "has_more": True}
while page["has_more"]:
    page = read(f"{shop}/v1/products?state=listed&limit=2" + (f"&cursor={page['next']}" if page["next"] else ""))
    products += page["data"]
for one in products:
    print(f"{one['price'] / 100:10.2f} {one['currency']} {one['name']} ({one['kind']}, {len(one.get('files', []))} files)")
cheapest = min((one for one in products if one.get("files")), key=lambda one: one["price"])

offer = read(f"{shop}/v1/offers", body={"items": [{"product": cheapest["id"], "quantity": 1}]})
content = offer["statement"].split(".")[1]
signed = json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)))  # what counts is what is signed
assert signed["total"] == cheapest["price"] == sum(item["price"] * item["quantity"] for item in signed["items"]), signed
assert signed["iss"] == read(f"{shop}/.well-known/kippu-party.json")["party"], signed
assert read(f"{settler}/.well-known/kippu-party.json")["party"] in signed["settlers"], signed

approval = read(f"{authenticator}/v1/approvals", phone, {"offer": offer["statement"]})
assert (approval["state"], approval["amount"]) == ("issued", signed["total"]), approval
presented = {"issuer": approval["issuer"], "token": approval["token"], "offer": offer["statement"]}
opened, position = call(f"{settler}/v1/settlements", body=presented)
opened = json.loads(opened)
path, capability = f"{settler}/v1/settlements/{opened['id']}", opened["capability"]
row = until(path, capability, position, ("available", "settled", "refused", "timed_out", "cancelled"))
assert row["state"] in ("available", "settled"), row
for file in row["contents"]:
    bytes, _ = call(settler + file["url"], capability)
    assert (len(bytes), hashlib.sha256(bytes).hexdigest()) == (file["size"], file["sha256"]), file
    print(f"got {file['name']}: {len(bytes)} bytes, sha256 {file['sha256']}")
read(f"{path}/received", capability, {})
row = until(path, capability, None, ("settled",))
booked = until(f"{authenticator}/v1/approvals/{approval['id']}", phone, None, ("settled",))
assert booked["settled_amount"] == row["settled_amount"] == signed["total"], (booked, row)
print(f"paid {row['settled_amount'] / 100:.2f} {row['currency']}, as both servers say")
