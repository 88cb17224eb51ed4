"""A client on Autobahn; see program.py for its steps."""

import asyncio
from urllib.parse import urlsplit

from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateResponse, PerMessageDeflateResponseAccept
from program import arguments, brief, tell, tls_of

FRAGMENT = 4


class Protocol(WebSocketClientProtocol):
    def __init__(self):
        super().__init__()
        self.opened = asyncio.get_running_loop().create_future()
        self.ended = asyncio.get_running_loop().create_future()
        self.messages = asyncio.Queue()
        self.pongs = asyncio.Queue()
        self.response = None

    def onConnect(self, response):
        self.response = response

    def onOpen(self):
        self.opened.set_result(None)

    def onMessage(self, payload, isBinary):
        self.messages.put_nowait(payload if isBinary else payload.decode())

    def onPong(self, payload):
        self.pongs.put_nowait(payload)

    def onClose(self, wasClean, code, reason):
        self.ended.set_result({"code": code, "reason": reason or "", "clean": wasClean})
        if not self.opened.done():
            self.opened.set_exception(Refused())


class Refused(Exception):
    pass


async def perform(protocol, step, *args):
    if step == "send":
        protocol.sendMessage(args[0].encode())
    elif step == "send-bytes":
        protocol.sendMessage(bytes(args[0]), True)
    elif step == "send-fragments":
        protocol.sendMessage("".join(args[0]).encode(), fragmentSize=FRAGMENT)
    elif step == "receive":
        return brief(await protocol.messages.get())
    elif step == "ping":
        protocol.sendPing(args[0].encode())
        return (await protocol.pongs.get()).decode() == args[0]
    elif step == "close":
        protocol.sendClose(*args)
        await protocol.ended
    elif step == "end":
        end = await protocol.ended
        # On a lost connection it tells in a sentence of its own what has happened.
        return end if end["clean"] else {**end, "reason": ""}
    elif step == "subprotocol":
        return protocol.response.protocol
    elif step == "extensions":
        return protocol.response.headers.get("sec-websocket-extensions", "")
    elif step == "abort":
        protocol.transport.abort()
    else:
        raise ValueError(f"There is no step {step}.")
    return None


def accept(response):
    return PerMessageDeflateResponseAccept(response) if isinstance(response, PerMessageDeflateResponse) else None


async def main():
    options = arguments()
    factory = WebSocketClientFactory(options.uri, protocols=options.subprotocols, headers=dict(options.header))
    factory.protocol = Protocol
    factory.setProtocolOptions(closeHandshakeTimeout=2, openHandshakeTimeout=5, failByDrop=False)
    if options.deflate is not None:
        offers = [PerMessageDeflateOffer(**options.deflate)]
        factory.setProtocolOptions(perMessageCompressionOffers=offers, perMessageCompressionAccept=accept)
    address = urlsplit(options.uri)
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(factory, address.hostname, address.port, ssl=tls_of(options))
    results = []
    try:
        await protocol.opened
        for step in options.steps:
            results.append(await perform(protocol, *step))
        protocol.sendClose()
        await protocol.ended
    except Refused:
        results.append({"refused": 0})
    tell(results)


asyncio.run(main())
