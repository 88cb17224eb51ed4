"""A server on Tornado; see program.py for what it is asked and tells."""

import asyncio
import logging
from program import PING, SUBPROTOCOL, arguments, tell, tls_of, wish_of
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets, bind_unix_socket
from tornado.web import Application, HTTPError
from tornado.websocket import WebSocketHandler


class Handler(WebSocketHandler):
    def initialize(self, deflate):
        self.deflate = deflate

    def prepare(self):
        self.wish, *self.words = wish_of(self.request.path)
        if self.wish == "refuse":
            raise HTTPError(int(self.words[0]))

    def check_origin(self, origin):
        return True

    def select_subprotocol(self, subprotocols):
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None

    def get_compression_options(self):
        return self.deflate

    def open(self):
        if self.wish == "ping":
            self.ping(PING)
        elif self.wish == "close" and self.words:
            self.close(int(self.words[0]), self.words[1])
        elif self.wish == "close":
            self.close()

    def on_pong(self, data):
        if self.wish == "ping":
            self.write_message(f"pong: {data.decode()}")

    def on_message(self, message):
        self.write_message(message, binary=isinstance(message, bytes))

    def on_close(self):
        code = 1006 if self.close_code is None else self.close_code
        tell(event="closed", path=self.request.path, code=code, reason=self.close_reason or "")


async def main():
    options = arguments()
    # It logs each refusal as a warning.
    logging.getLogger("tornado").setLevel(logging.ERROR)
    settings = {"websocket_max_message_size": 64 * 1024 * 1024}
    application = Application([(r"/.*", Handler, {"deflate": options.deflate})], **settings)
    server = HTTPServer(application, ssl_options=tls_of(options))
    if options.unix:
        server.add_socket(bind_unix_socket(options.unix))
        tell(event="listening", port=0)
    else:
        sockets = bind_sockets(options.port, options.host)
        server.add_sockets(sockets)
        tell(event="listening", port=sockets[0].getsockname()[1])
    await asyncio.Event().wait()


asyncio.run(main())
