"""A server on Autobahn; see program.py for what it is asked and tells."""

import asyncio

from autobahn.asyncio.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from autobahn.websocket.types import ConnectionDeny
from program import FRAGMENT, FRAGMENTED_BYTES, FRAGMENTED_TEXT, PING, SUBPROTOCOL, arguments, tell, tls_of, wish_of


class Protocol(WebSocketServerProtocol):
    wish, *words = ("nothing",)
    path = ""

    def onConnect(self, request):
        self.path = request.path
        self.wish, *self.words = wish_of(request.path)
        if self.wish == "refuse":
            raise ConnectionDeny(int(self.words[0]), "not here")
        return SUBPROTOCOL if SUBPROTOCOL in request.protocols else None

    def onOpen(self):
        if self.wish == "ping":
            self.sendPing(PING)
        elif self.wish == "close" and self.words:
            self.sendClose(int(self.words[0]), self.words[1])
        elif self.wish == "close":
            self.sendClose()
        elif self.wish == "fragments":
            self.sendMessage(FRAGMENTED_TEXT.encode(), False, fragmentSize=FRAGMENT)
            self.sendMessage(FRAGMENTED_BYTES, True, fragmentSize=FRAGMENT)

    def onPong(self, payload):
        if self.wish == "ping":
            self.sendMessage(b"pong: " + payload, False)

    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)

    def onClose(self, wasClean, code, reason):
        if self.path:
            tell(event="closed", path=self.path, code=code, reason=reason or "")


def accepting(deflate):
    def accept(offers):
        for offer in offers:
            if isinstance(offer, PerMessageDeflateOffer):
                return PerMessageDeflateOfferAccept(offer, **deflate)
        return None

    return accept


async def main():
    options = arguments()
    factory = WebSocketServerFactory()
    factory.protocol = Protocol
    factory.setProtocolOptions(closeHandshakeTimeout=2, openHandshakeTimeout=5, failByDrop=False)
    if options.deflate is not None:
        factory.setProtocolOptions(perMessageCompressionAccept=accepting(options.deflate))
    loop = asyncio.get_running_loop()
    if options.unix:
        await loop.create_unix_server(factory, options.unix)
        tell(event="listening", port=0)
    else:
        server = await loop.create_server(factory, options.host, options.port, ssl=tls_of(options))
        tell(event="listening", port=server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


asyncio.run(main())
