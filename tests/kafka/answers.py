"""Exits with 0 if the Kafka broker on this port of 127.0.0.1 answers a metadata request and has its cluster's id."""

import socket
import struct
import sys

METADATA, VERSION = 3, 4
body = struct.pack(">hhih", METADATA, VERSION, 1, 5) + b"kippu" + struct.pack(">i", 0) + b"\0"
try:
    with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2) as broker:
        broker.sendall(struct.pack(">i", len(body)) + body)
        head = broker.recv(4, socket.MSG_WAITALL)
        size = struct.unpack(">i", head)[0]
        answer = broker.recv(size, socket.MSG_WAITALL)
        # Correlation, throttle time, then the number of brokers that have registered.
        ready = len(answer) == size and struct.unpack(">i", answer[8:12])[0] > 0
except (OSError, struct.error):
    ready = False
sys.exit(0 if ready else 1)
