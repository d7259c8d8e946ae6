"""Checks a signed statement of a kippu node with a library that is not ours, cryptography, by the node's JWK set.

receipt.py STATEMENT JWKS     prints what it says; exit 1 where no key of the set for statements has signed it
"""
import base64, json, sys
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

signed, _, signature = sys.argv[1].rpartition(".")
header, content = map(decoded, signed.split("."))
header = json.loads(header)
key_id = header["kid"].split(".")[1]
keys = [key for key in json.loads(sys.argv[2])["keys"] if key["kid"] == key_id and key["kippu_use"] == "statements"]
if header["alg"] != "EdDSA" or header["typ"] != "kippu-forgotten" or len(keys) != 1:
    sys.exit("no key of the set is named by it, or it is something else")
try:
    Ed25519PublicKey.from_public_bytes(decoded(keys[0]["x"])).verify(decoded(signature), signed.encode())
except InvalidSignature:
    sys.exit("the key that it names has not signed it")
print(content.decode())
