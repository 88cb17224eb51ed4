"""A client on Python's `websockets`; see program.py for its steps."""

import asyncio

from program import arguments, brief, tell, tls_of
from websockets.exceptions import ConnectionClosed, InvalidStatusCode
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.legacy.client import connect


async def perform(connection, step, *args):
    if step == "send":
        await connection.send(args[0])
    elif step == "send-bytes":
        await connection.send(bytes(args[0]))
    elif step == "send-fragments":
        await connection.send(args[0])
    elif step == "receive":
        return brief(await connection.recv())
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
    elif step == "extensions":
        return connection.response_headers.get("Sec-WebSocket-Extensions", "")
    elif step == "abort":
        connection.transport.abort()
    else:
        raise ValueError(f"There is no step {step}.")
    return None


async def main():
    options = arguments()
    settings = {
        "max_size": None,
        "ping_interval": None,
        "close_timeout": 2,
        "compression": None,
        "subprotocols": options.subprotocols or None,
        "extra_headers": options.header,
    }
    if options.ca:
        settings["ssl"] = tls_of(options)
    if options.deflate is not None:
        settings["extensions"] = [ClientPerMessageDeflateFactory(**options.deflate)]
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
    tell(results)


asyncio.run(main())
