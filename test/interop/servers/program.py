"""What the servers in Python have in common: their arguments, what a path asks for, and telling what happens.

    SERVER.py [--host HOST [--port PORT] | --unix PATH] [--cert FILE --key FILE [--client-ca FILE]] [--deflate JSON]

    /echo                  gives each message back; agrees to the subprotocol "chat"
    /ping                  pings with "are you there" and sends "pong: …" when the answer is there
    /close/CODE/REASON     closes at once; /close with an empty frame
    /fragments             sends a text and bytes, each in several frames
    /refuse/STATUS         no WebSocket here

Told on the standard output, as lines of JSON:

    {"event": "listening", "port": 1234}
    {"event": "closed", "path": "/echo", "code": 1000, "reason": "bye"}
"""

import argparse
import json
import ssl
from urllib.parse import unquote

SUBPROTOCOL = "chat"
PING = b"are you there"
# Cut every few bytes, and so inside of characters too.
FRAGMENTED_TEXT = "größer 🦊 in pieces"
FRAGMENTED_BYTES = bytes(range(256))
FRAGMENT = 5


def tell(**event):
    print(json.dumps(event), flush=True)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--unix")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    parser.add_argument("--deflate", type=json.loads)
    return parser.parse_args()


def tls_of(options):
    if not options.cert:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.cert, options.key)
    if options.client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(options.client_ca)
    return context


def wish_of(path):
    """The words of a path: ["close", "4001", "bye"]."""
    return [unquote(word) for word in path.split("?")[0].strip("/").split("/")]


def fragments_of(data):
    return [data[start : start + FRAGMENT] for start in range(0, len(data), FRAGMENT)]
