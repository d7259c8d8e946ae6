"""Calls a kippu node as another party does, with a library that is not ours: http-message-signatures.

signatures.py new KEYFILE                                              makes a key; prints `x` and id of its JWK
signatures.py URL AUDIENCE PARTY KEYFILE X [IDEMPOTENCY-KEY BODY]      calls URL; prints status and body of the answer

PARTY is who calls, with the key in KEYFILE; AUDIENCE is the node's party, and X its key for HTTP, as in its JWK. With a
body (JSON) it is a POST. An answer that does not count is exit 1, and so is none. Python's default label is kept.
"""
import base64, datetime, hashlib, sys
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms

LABEL = HTTPMessageSigner.DEFAULT_SIGNATURE_LABEL

def base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

def jwk(public):  # `x` and the thumbprint (RFC 8037, RFC 7638)
    x = base64url(public.public_bytes_raw())
    return x, base64url(hashlib.sha256(b'{"crv":"Ed25519","kty":"OKP","x":"%s"}' % x.encode()).digest())

if sys.argv[1] == "new":
    key = Ed25519PrivateKey.generate()
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    open(sys.argv[2], "wb").write(key.private_bytes(*form))
    print(*jwk(key.public_key()))
    sys.exit()

url, audience, party, keyfile, x, *command = sys.argv[1:]
ours = serialization.load_pem_private_key(open(keyfile, "rb").read(), None)
theirs = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(x + "="))

class Keys(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id):
        return ours

    def resolve_public_key(self, key_id):
        return theirs if key_id == f"{audience}.{jwk(theirs)[1]}" else None

head = {"Kippu-Audience": audience, "Accept-Encoding": "identity"}
covered = ["@method", "@authority", "@path", "@query", "kippu-audience"]
body = None
if command:
    head |= {"Idempotency-Key": command[0], "Content-Type": "application/json"}
    covered += ["idempotency-key", "content-type"]
    body = command[1].encode()
request = requests.Request("POST" if command else "GET", url, headers=head, data=body).prepare()
now = datetime.datetime.now(datetime.timezone.utc)
HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=Keys()).sign(
    request, key_id=f"{party}.{jwk(ours.public_key())[1]}", created=now, expires=now + datetime.timedelta(seconds=60),
    covered_component_ids=covered, body=body)  # which adds and covers the digest

session = requests.Session()
session.trust_env = False  # no proxy of the environment
answer = session.send(request, timeout=30, allow_redirects=False)
demanded = ["@status", "content-digest", f'"signature";req;key="{LABEL}"']
for name in ("content-type", "kippu-position", "etag"):
    demanded += [name] * (name in answer.headers)
try:
    HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=Keys()).verify(
        answer, require_components=demanded, body=answer.content)
except Exception as refusal:  # whatever cannot be verified does not count
    sys.exit(f"the answer does not count: {refusal!r}; it is {answer.status_code} {answer.text[:200]}")
print(answer.status_code, answer.text)
