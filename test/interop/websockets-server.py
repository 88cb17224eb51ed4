"""A server on Python's `websockets` (10.4, Debian's python3-websockets): a peer that isn't ours.

It is told what to do by lines of JSON on its standard input, and tells what it sees by lines of JSON on its output.
It ends when its input does.

    websockets-server.py [--host HOST | --unix PATH] [--cert FILE --key FILE [--client-ca FILE]]
                         [--subprotocols A,B] [--ping-interval SECONDS] [--max-size BYTES]

Events, those of a connection with its number, from 1:

    {"event": "listening", "port": 1234}
    {"event": "request", "path": "/x?y", "headers": [["Host", "…"], …]}            without a number: it may be refused
    {"event": "open", "path": "/x?y", "subprotocol": "chat"}
    {"event": "frame", "opcode": 1, "fin": true, "length": 5, "data": BASE64}      data only up to 4 KiB, else "crc"
    {"event": "closed", "code": 1000, "reason": "", "clean": true}

Commands; a connection is named by its number, requests by their path without its query. Each has an id, and when it has
been done {"event": "done", "id": …} says so.

    {"do": "refuse", "path": "/x", "status": 503, "headers": [["Retry-After", "1"]], "body": "…", "times": 2}
    {"do": "stall", "path": "/x", "times": 1}                    leaves requests unanswered
    {"do": "send", "connection": 1, "text": "…"} or "binary": BASE64, or "fragments": ["…", "…"]
    {"do": "ping", "connection": 1, "data": BASE64}, and "pong"
    {"do": "close", "connection": 1, "code": 1001, "reason": "…"}, without code and reason an empty frame
    {"do": "raw", "connection": 1, "data": BASE64}               bytes as they are
    {"do": "eof" | "abort" | "pause" | "resume", "connection": 1}

A connection to a path that begins with /echo gets its messages back.
"""

import argparse
import asyncio
import base64
import http
import json
import logging
import ssl
import sys
import zlib

from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.legacy.server import WebSocketServerProtocol, serve, unix_serve

connections = {}
policies = {}


def tell(**event):
    print(json.dumps(event), flush=True)


class Protocol(WebSocketServerProtocol):
    number = 0

    async def process_request(self, path, request_headers):
        tell(event="request", path=path, headers=list(request_headers.raw_items()))
        waiting = policies.get(path.split("?")[0])
        if not waiting:
            return None
        policy = waiting[0]
        policy["times"] -= 1
        if policy["times"] == 0:
            waiting.pop(0)
        if policy["do"] == "stall":
            await asyncio.Event().wait()
        return http.HTTPStatus(policy["status"]), policy.get("headers", []), policy.get("body", "").encode()

    async def read_frame(self, max_size):
        frame = await super().read_frame(max_size)
        length = len(frame.data)
        content = (
            {"data": base64.b64encode(frame.data).decode()} if length <= 4096 else {"crc": zlib.crc32(frame.data)}
        )
        tell(event="frame", connection=self.number, opcode=int(frame.opcode), fin=frame.fin, length=length, **content)
        return frame


async def handle(connection):
    connection.number = len(connections) + 1
    connections[connection.number] = connection
    tell(event="open", connection=connection.number, path=connection.path, subprotocol=connection.subprotocol)
    try:
        async for message in connection:
            if connection.path.startswith("/echo"):
                await connection.send(message)
    except ConnectionClosed:
        pass
    tell(
        event="closed",
        connection=connection.number,
        code=connection.close_code,
        reason=connection.close_reason,
        clean=connection.close_rcvd is not None and connection.close_sent is not None,
    )


def bytes_of(command, name="data"):
    return base64.b64decode(command.get(name, ""))


async def send(connection, command):
    if "text" in command:
        await connection.send(command["text"])
    elif "binary" in command:
        await connection.send(bytes_of(command, "binary"))
    else:
        await connection.send(command["fragments"])


async def close(connection, command):
    if "code" in command:
        await connection.close(command["code"], command.get("reason", ""))
    else:
        # Its own close() knows no empty frame.
        await connection.write_close_frame(Close(1005, ""), b"")


async def perform(command):
    action = command["do"]
    if action in ("refuse", "stall"):
        policies.setdefault(command["path"], []).append({"times": 1, **command})
        return
    connection = connections[command["connection"]]
    if action == "send":
        await send(connection, command)
    elif action == "ping":
        await connection.ping(bytes_of(command))
    elif action == "pong":
        await connection.pong(bytes_of(command))
    elif action == "close":
        await close(connection, command)
    elif action == "raw":
        connection.transport.write(bytes_of(command))
    elif action == "eof":
        connection.transport.write_eof()
    elif action == "abort":
        connection.transport.abort()
    elif action == "pause":
        connection.transport.pause_reading()
    elif action == "resume":
        connection.transport.resume_reading()
    else:
        raise ValueError(f"There is no command {action}.")


async def attempt(command):
    try:
        await perform(command)
    except ConnectionClosed:
        # The client was faster; it sees what has become of that.
        pass
    except Exception as error:
        print(f"{command}: {error!r}", file=sys.stderr, flush=True)
    tell(event="done", id=command["id"])


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--unix")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    parser.add_argument("--subprotocols")
    parser.add_argument("--ping-interval", type=float)
    parser.add_argument("--max-size", type=int)
    options = parser.parse_args()

    # What clients do to it is told by events; its own complaints would only fill the tests' output.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    settings = {
        "create_protocol": Protocol,
        "ping_interval": options.ping_interval,
        "ping_timeout": options.ping_interval,
        "max_size": options.max_size,
        "close_timeout": 2,
    }
    if options.subprotocols:
        settings["subprotocols"] = options.subprotocols.split(",")
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        if options.client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(options.client_ca)
        settings["ssl"] = context
    if options.unix:
        await unix_serve(handle, options.unix, **settings)
        tell(event="listening", port=0)
    else:
        server = await serve(handle, options.host, 0, **settings)
        tell(event="listening", port=server.sockets[0].getsockname()[1])

    reader = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks = set()
    while line := await reader.readline():
        # A command that waits, as a close does for its answer, must not hold up the next one.
        task = asyncio.create_task(attempt(json.loads(line)))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await asyncio.sleep(0)


# Whatever is still under way when the input ends goes with the process.
asyncio.run(main())
