#!/usr/bin/env python3
"""One-time codes as RFC 6238 has them, with HMAC-SHA-256, 30 seconds and six digits: totp.py SECRET [STEPS], STEPS steps from now."""
import base64
import hmac
import struct
import sys
import time

secret = sys.argv[1]
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 0
key = base64.b32decode(secret + "=" * (-len(secret) % 8))
digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30 + steps), "sha256").digest()
offset = digest[-1] & 15
print("%06d" % ((struct.unpack(">I", digest[offset:offset + 4])[0] & 0x7FFFFFFF) % 1000000))
