"""A server on Python's `websockets`; see program.py for what it is asked and tells."""

import asyncio
import http
import logging

from program import FRAGMENTED_BYTES, FRAGMENTED_TEXT, PING, SUBPROTOCOL, arguments, fragments_of, tell, tls_of, wish_of
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.legacy.server import serve, unix_serve


async def refuse(path, _headers):
    wish, *words = wish_of(path)
    return (http.HTTPStatus(int(words[0])), [], b"not here\n") if wish == "refuse" else None


async def handle(connection):
    wish, *words = wish_of(connection.path)
    try:
        if wish == "ping":
            await (await connection.ping(PING))
            await connection.send(f"pong: {PING.decode()}")
        elif wish == "close":
            await connection.close(int(words[0]), words[1])
        elif wish == "fragments":
            # It sends text in pieces of whole characters only.
            await connection.send(fragments_of(FRAGMENTED_TEXT))
            await connection.send(fragments_of(FRAGMENTED_BYTES))
        async for message in connection:
            await connection.send(message)
    except ConnectionClosed:
        pass
    tell(event="closed", path=connection.path, code=connection.close_code, reason=connection.close_reason)


async def main():
    options = arguments()
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    settings = {
        "process_request": refuse,
        "subprotocols": [SUBPROTOCOL],
        "ping_interval": None,
        "max_size": None,
        "close_timeout": 2,
        "compression": None,
        "ssl": tls_of(options),
    }
    if options.deflate is not None:
        settings["extensions"] = [ServerPerMessageDeflateFactory(**options.deflate)]
    if options.unix:
        await unix_serve(handle, options.unix, **settings)
        tell(event="listening", port=0)
    else:
        server = await serve(handle, options.host, options.port, **settings)
        tell(event="listening", port=server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


asyncio.run(main())
