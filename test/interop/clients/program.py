"""What the clients in Python have in common: their arguments, their steps, and telling what came of each as one line of JSON.

    CLIENT.py URI STEPS [--ca FILE] [--subprotocols A,B] [--header NAME:VALUE] [--deflate JSON]

STEPS is a list in JSON, of these; what a client can't do it isn't asked for.

    ["send", "text"]  ["send-bytes", LENGTH]  ["send-fragments", ["a", "b"]]
    ["receive"]              gives the text, or {"bytes": LENGTH}
    ["ping", "payload"]      waits for the pong; gives true
    ["close", 1000, "bye"]   and waits for the answer
    ["end"]                  waits for the server's end; gives {"code": …, "reason": …, "clean": …}
    ["subprotocol"]  ["extensions"]  ["abort"]

A refused upgrade gives {"refused": STATUS}.
"""

import argparse
import json
import ssl


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("uri")
    parser.add_argument("steps", type=json.loads)
    parser.add_argument("--ca")
    parser.add_argument("--subprotocols", type=lambda names: names.split(","), default=[])
    parser.add_argument("--header", type=lambda header: header.split(":", 1), action="append", default=[])
    parser.add_argument("--deflate", type=json.loads)
    return parser.parse_args()


def tls_of(options):
    return ssl.create_default_context(cafile=options.ca) if options.ca else None


def brief(message):
    return message if isinstance(message, str) else {"bytes": len(message)}


def tell(results):
    print(json.dumps(results))
