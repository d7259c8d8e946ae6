"""Audits a history of kippu: check_log.py EXPORT, or kcat -C -b BROKERS -t TOPIC -e -q -J | check_log.py"""
import collections, hashlib, json, os, sys, types
CHAINED = dict(epoch=8, number=8, prev=32, acked=8)  # sizes in bytes: 0 is a text, up to 8 a number, more in hex
FIELDS = {"genesis": dict(log=16, partition=2, partitions=2), "claim": dict(epoch=8, nonce=16, node=0, url=0),
          "commit": dict(CHAINED, body=0), "seal": dict(CHAINED, next=0)}
ATTRIBUTES = {**dict.fromkeys("specversion id source type subject time command commandmac principal".split(), str),
              "entityversion": int, "schemaversion": int, "data": dict}
WAS = dict(pending="-", issued="- pending", refused="- pending", redeemed="issued", settled="redeemed", expired="issued",
           revoked="pending issued redeemed", released="issued redeemed")

def demand(condition, what):
    if not condition: raise ValueError(what)

def pieces(content, at=0):
    while at < len(content):
        start, at = at + 4, at + 4 + int.from_bytes(content[at:at + 4], "big")
        demand(at <= len(content), f"{len(content) - start} bytes where a length says {at - start}")
        yield content[start:at]

def decode(raw):
    demand(34 < len(raw) <= 262144 and raw[0] == 1 and 1 <= raw[1] <= 4, "field format: not a record of format 1")
    demand(hashlib.sha256(b"kippu.record.1" + raw[:-32]).digest() == raw[-32:], "field digest: not that of the bytes")
    kind, record = list(FIELDS)[raw[1] - 1], {}
    for (name, size), field in zip(FIELDS[kind].items(), pieces(raw[2:-32]), strict=True):
        demand(size in (0, len(field)), f"field {name}: {len(field)} bytes")
        record[name] = field.hex() if size > 8 else int.from_bytes(field, "big") if size else field.decode()
    return {"format": 1, "kind": kind, **record, "digest": raw[-32:].hex()}

def take_message(message, part):
    kind, *texts, digest = message["headers"][3::2]
    raw = bytes([1, list(FIELDS).index(kind) + 1])
    for size, text in zip(FIELDS[kind].values(), texts[:4] + [message["payload"]] if kind == "commit" else texts):
        field = bytes.fromhex(text) if size > 8 else int(text).to_bytes(size, "big") if size else os.fsencode(text)
        raw += len(field).to_bytes(4, "big") + field
    record = decode(raw + bytes.fromhex(digest))
    due = [text for name, field in record.items() for text in (["kippu-" + name, str(field)] if name != "body" else
           ["content-type", "application/cloudevents-batch+json"])]
    demand(message["headers"] == due and (kind == "commit" or not message["payload"]), f"headers or value: not {due}")
    demand(message["offset"] == len(part.chain) + part.skipped, f"offset {message['offset']}: not the next")
    take(record, part)

def take_segment(segment, part):
    content, first = open(os.path.join(path, segment["file"]), "rb").read(), len(part.chain)
    for raw in pieces(content):
        take(decode(raw), part)
        demand(not part.skipped and not part.sealed, "the record before does not belong into an export")
    due = dict(partition=part.index, file=f"{part.index}/{first:020}.segment", first=first, bytes=len(content),
               records=len(part.chain) - first, sha256=hashlib.sha256(content).hexdigest())
    demand(segment == due, f"manifest: {segment} is {due}")

def take(record, part):
    kind, epoch, digest, number = record["kind"], record.get("epoch", 0), record["digest"], len(part.chain)
    skip = epoch < part.epoch or kind == "claim" and (epoch != part.epoch + 1 or part.sealed)  # stale
    if "prev" in record and epoch == part.epoch:  # a duplicate, or an orphan
        skip = (record["number"] < number and part.chain[record["number"]] == digest
                or record["number"] > number > record["acked"])
    if number and kind != "genesis" and skip:
        part.skipped += 1
        return
    due = dict(part.due, number=number, epoch=part.epoch + (kind == "claim"), prev=(part.chain or [""])[-1])
    for name in due.keys() & record.keys():
        demand(record[name] == due[name], f"field {name}: {record[name]}, not {due[name]}")
    events = json.loads(record.get("body", "[]"))
    demand((kind == "genesis") == (number == 0) and not part.sealed and (events or kind != "commit"), f"a {kind} here")
    for index, event in enumerate(events):
        demand({name: type(value) for name, value in event.items()} == ATTRIBUTES, f"event {index}: attributes")
        subject, (family, change) = event["subject"], event["type"].split(".")
        part.versions[subject], part.time = part.versions[subject] + 1, max(part.time, event["time"])
        foretold = dict(specversion="1.0", id=f"{part.index}-{number}.{index}", source="urn:kippu:" + due["log"],
                        time=part.time, entityversion=part.versions[subject])
        demand({**event, **foretold} == event, f"event {index}: not {foretold}")
        if family == "approval" and change in WAS:  # the one-time rule
            was, part.approvals[subject] = part.approvals.get(subject, "-"), change
            demand(was in WAS[change].split(), f"event {index}: {subject} was {was} and is {change}")
    if kind == "claim":
        digest = hashlib.sha256(b"kippu.claim.1" + bytes.fromhex(f"{digest}{number:016x}{due['prev']}")).hexdigest()
    part.chain.append(digest)
    part.epoch, part.sealed = epoch, kind == "seal"

path, found, heads = (sys.argv + ["/dev/stdin"])[1], [], None
if os.path.isdir(path):
    manifest = json.load(open(os.path.join(path, "manifest.json")))
    items, heads, log, count = map(manifest.pop, ["segments", "heads", "log", "partitions"])
    demand(manifest == {"format": 1} and len(heads) == count, f"manifest: {manifest}, {len(heads)} heads")
else:
    items = [json.loads(line) for line in open(path, errors="surrogateescape")]
    log, count = items[0]["headers"][5], 1 + max(item["partition"] for item in items)
for index in sorted({*range(count), *(item["partition"] for item in items)}):
    part = types.SimpleNamespace(index=index, due=dict(log=log, partition=index, partitions=count), chain=[], skipped=0,
                                 epoch=0, sealed=False, time="", versions=collections.Counter(), approvals={})
    try:
        for item in [item for item in items if item["partition"] == index]:
            (take_segment if heads else take_message)(item, part)
        head = dict(epoch=part.epoch, number=len(part.chain) - 1, hash=part.chain[-1])
        demand(not heads or heads[index] == head, f"manifest: the head is {head}")
    except Exception as error:  # whatever cannot be read is damage
        found.append(f"DAMAGE partition {index}, number {len(part.chain)}, {error}")
    counts = len(part.chain), sum(part.versions.values()), part.skipped
    print(index, *counts, len(part.chain) - 1, (part.chain or [""])[-1][:16])
print("\n".join(found) or "sound")
sys.exit(1 if found else 0)
