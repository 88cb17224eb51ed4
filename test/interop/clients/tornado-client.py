"""A client on Tornado; see program.py for its steps."""

import asyncio

from program import arguments, brief, tell
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.websocket import websocket_connect


async def perform(connection, pongs, step, *args):
    if step == "send":
        await connection.write_message(args[0])
    elif step == "send-bytes":
        await connection.write_message(bytes(args[0]), binary=True)
    elif step == "receive":
        return brief(await connection.read_message())
    elif step == "ping":
        connection.ping(args[0].encode())
        return (await pongs.get()).decode() == args[0]
    elif step == "close":
        connection.close(*args)
    elif step == "end":
        while await connection.read_message() is not None:
            pass
        code = connection.close_code
        return {"code": code or 1006, "reason": connection.close_reason or "", "clean": code is not None}
    elif step == "subprotocol":
        return connection.selected_subprotocol
    elif step == "extensions":
        return connection.headers.get("Sec-WebSocket-Extensions", "")
    elif step == "abort":
        connection.protocol.stream.close()
    else:
        raise ValueError(f"There is no step {step}.")
    return None


async def main():
    options = arguments()
    headers = HTTPHeaders()
    for name, value in options.header:
        headers.add(name, value)
    request = HTTPRequest(options.uri, headers=headers, ca_certs=options.ca)
    results = []
    try:
        # An empty list it would send as an empty field, which RFC 6455 §11.3.4 doesn't know.
        subprotocols = options.subprotocols or None
        connection = await websocket_connect(request, subprotocols=subprotocols, compression_options=options.deflate)
        pongs = asyncio.Queue()
        connection.on_pong = pongs.put_nowait
        for step in options.steps:
            results.append(await perform(connection, pongs, *step))
        connection.close()
    except HTTPClientError as refusal:
        results.append({"refused": refusal.code})
    tell(results)


asyncio.run(main())
