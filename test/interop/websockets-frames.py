"""What Python's `websockets` (10.4, Debian's python3-websockets) makes of bytes: its engine without I/O, a second opinion.

Asked on standard input: a byte for the role (0 client, 1 server), four of the length, big-endian, and as many bytes of a stream.
Answers with a line of JSON, the messages put together of the frames that the engine gives:

    {"events": [["text", "…"], ["binary", "00ff"], ["ping", ""], ["close", 1000, "…"], ["close"]], "code": 1002}

`code` is the one with which it would fail the connection, null if it wouldn't. It ends when its input does.
"""

import codecs
import json
import struct
import sys

from websockets.frames import OP_BINARY, OP_CLOSE, OP_CONT, OP_PING, OP_PONG, OP_TEXT

try:
    from websockets.protocol import OPEN, Protocol, Side
except ImportError:  # until 11 it had another name
    from websockets.connection import OPEN, Connection as Protocol, Side

SIDES = [Side.CLIENT, Side.SERVER]
CONTROL = {OP_PING: "ping", OP_PONG: "pong"}
MAX_SIZE = 1 << 20


def read(side, stream):
    engine = Protocol(side, state=OPEN, max_size=MAX_SIZE)
    engine.receive_data(stream)
    events = []
    message = None
    for frame in engine.events_received():
        if frame.opcode in CONTROL:
            events.append([CONTROL[frame.opcode], bytes(frame.data).hex()])
            continue
        if frame.opcode is OP_CLOSE:
            close = engine.close_rcvd
            events.append(["close"] if close.code == 1005 else ["close", close.code, close.reason])
            return events, None
        if frame.opcode is not OP_CONT:
            message = []
            decoder = codecs.getincrementaldecoder("utf-8")() if frame.opcode is OP_TEXT else None
        # The engine leaves UTF-8 to whoever puts messages together; here it is judged with each frame.
        try:
            message.append(frame.data if decoder is None else decoder.decode(frame.data, frame.fin))
        except UnicodeDecodeError:
            return events, 1007
        if frame.fin and decoder is None:
            events.append(["binary", b"".join(message).hex()])
        elif frame.fin:
            events.append(["text", "".join(message)])
    return events, None if engine.parser_exc is None else engine.close_sent.code


while True:
    head = sys.stdin.buffer.read(5)
    if len(head) < 5:
        break
    role, length = struct.unpack("!BI", head)
    events, code = read(SIDES[role], sys.stdin.buffer.read(length))
    print(json.dumps({"events": events, "code": code}), flush=True)
