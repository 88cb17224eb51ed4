"""A client on Python's `websockets` (10.4) that goes through its steps and tells, as one line of JSON, what came of each.

    websockets-client.py URI STEPS [--ca FILE] [--subprotocols A,B] [--header NAME:VALUE]

STEPS is a list in JSON, of these:

    ["send", "text"]  ["send-bytes", LENGTH]  ["send-fragments", ["a", "b"]]
    ["receive"]              gives the text, or {"bytes": LENGTH}
    ["ping", "payload"]      waits for the pong; gives true
    ["close", 1000, "bye"]   and waits for the answer
    ["end"]                  waits for the server's end; gives {"code": …, "reason": …, "clean": …}
    ["subprotocol"]  ["abort"]

A refused upgrade gives {"refused": STATUS}.
"""

import argparse
import asyncio
import json
import ssl

from websockets.exceptions import ConnectionClosed, InvalidStatusCode
from websockets.legacy.client import connect


async def perform(connection, step, *args):
    if step == "send":
        await connection.send(args[0])
    elif step == "send-bytes":
        await connection.send(bytes(args[0]))
    elif step == "send-fragments":
        await connection.send(args[0])
    elif step == "receive":
        message = await connection.recv()
        return message if isinstance(message, str) else {"bytes": len(message)}
    elif step == "ping":
        await (await connection.ping(args[0]))
        return True
    elif step == "close":
        await connection.close(*args)
    elif step == "end":
        await connection.wait_closed()
        clean = connection.close_rcvd is not None and connection.close_sent is not None
        return {"code": connection.close_code, "reason": connection.close_reason, "clean": clean}
    elif step == "subprotocol":
        return connection.subprotocol
    elif step == "abort":
        connection.transport.abort()
    else:
        raise ValueError(f"There is no step {step}.")
    return None


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("uri")
    parser.add_argument("steps", type=json.loads)
    parser.add_argument("--ca")
    parser.add_argument("--subprotocols")
    parser.add_argument("--header", action="append", default=[])
    options = parser.parse_args()
    settings = {"max_size": None, "ping_interval": None, "close_timeout": 2}
    if options.ca:
        settings["ssl"] = ssl.create_default_context(cafile=options.ca)
    if options.subprotocols:
        settings["subprotocols"] = options.subprotocols.split(",")
    if options.header:
        settings["extra_headers"] = [header.split(":", 1) for header in options.header]
    results = []
    try:
        async with connect(options.uri, **settings) as connection:
            for step in options.steps:
                try:
                    results.append(await perform(connection, *step))
                except ConnectionClosed as closed:
                    results.append({"closed": closed.code})
    except InvalidStatusCode as refusal:
        results.append({"refused": refusal.status_code})
    print(json.dumps(results))


asyncio.run(main())
