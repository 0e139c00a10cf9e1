# SPDX-License-Identifier: Apache-2.0
"""A second client of the boards' link, in Python's standard library alone: docs/link.md written down once more, and a product by hand.

It shares no line with the tool's client, so that a mistake which both ends of the tool's link made alike shows here.
"""
import os
import select
import struct
import termios
import time
import zlib

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
REG_READ, REG_WRITE, MEM_READ, MEM_WRITE = 0x01, 0x02, 0x11, 0x12
OK, BAD_FRAME, BAD_OP, BAD_LENGTH, SLVERR, DECERR = range(6)
# Wall time that an answer may take: a bound on a test that would otherwise hang, no verdict of a passing one.
PATIENCE_S = 60


def frame(body):
    """The bytes on the line that carry `body`."""
    out = bytearray([END])
    for byte in body + struct.pack("<I", zlib.crc32(body)):
        out += {END: bytes([ESC, ESC_END]), ESC: bytes([ESC, ESC_ESC])}.get(byte, bytes([byte]))
    out.append(END)
    return bytes(out)


def request(op, seq, address, data_or_length):
    """A request's body: data of a write, or the length of a read."""
    data = data_or_length if isinstance(data_or_length, bytes) else b""
    length = len(data) if isinstance(data_or_length, bytes) else data_or_length
    return struct.pack("<BBHI", op, seq, length, address) + data


class Deframer:
    """Finds frames in a stream of bytes: (body, whether its escapes and its checksum are right)."""

    def __init__(self):
        self.data, self.escaped, self.good = bytearray(), False, True

    def feed(self, data):
        found = []
        for byte in data:
            if byte == END:
                if self.data or not self.good or self.escaped:
                    body, crc = bytes(self.data[:-4]), bytes(self.data[-4:])
                    good = self.good and not self.escaped and len(self.data) >= 4 and struct.pack("<I", zlib.crc32(body)) == crc
                    found.append((body, good))
                self.data, self.escaped, self.good = bytearray(), False, True
            elif self.escaped:
                self.escaped = False
                self.good &= byte in (ESC_END, ESC_ESC)
                self.data.append({ESC_END: END, ESC_ESC: ESC}.get(byte, byte))
            elif byte == ESC:
                self.escaped = True
            else:
                self.data.append(byte)
        return found


class Link:
    def __init__(self, port):
        self.fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
        attributes = termios.tcgetattr(self.fd)
        attributes[0] = attributes[1] = attributes[3] = 0
        attributes[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        attributes[4] = attributes[5] = termios.B3000000
        attributes[6][termios.VMIN], attributes[6][termios.VTIME] = 0, 0
        termios.tcsetattr(self.fd, termios.TCSAFLUSH, attributes)
        self.deframer, self.seq, self.waiting = Deframer(), 0, []

    def close(self):
        os.close(self.fd)

    def send(self, data):
        while data:
            data = data[os.write(self.fd, data) :]

    def next_frame(self, patience=PATIENCE_S):
        """(body, good) of the next frame from the board; None if none comes."""
        until = time.monotonic() + patience
        while not self.waiting:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return None
            self.waiting += self.deframer.feed(os.read(self.fd, 4096))
        return self.waiting.pop(0)

    def raw(self, data):
        """Sends bytes; the next reply, taken to pieces: (op, seq, status, data)."""
        self.send(data)
        reply = self.next_frame()
        if reply is None:
            raise AssertionError("no reply")
        body, good = reply
        if not good or len(body) < 4 or body[3] != 0:
            raise AssertionError(f"bad reply {body.hex(' ')}")
        return body[0], body[1], body[2], body[4:]

    def ask(self, op, address, data_or_length):
        """(status, data) of one request on a line without noise."""
        self.seq = (self.seq + 1) % 256
        reply_op, seq, status, data = self.raw(frame(request(op, self.seq, address, data_or_length)))
        if (reply_op, seq) != (op | 0x80, self.seq) and status != BAD_FRAME:
            raise AssertionError(f"reply op {reply_op:#x} seq {seq} to op {op:#x} seq {self.seq}")
        return status, data

    def done(self, op, address, data_or_length):
        status, data = self.ask(op, address, data_or_length)
        if status != OK:
            raise AssertionError(f"status {status} of op {op:#x} at {address:#x}")
        return data

    def persist(self, op, address, data_or_length, may_be_damaged=False):
        """done() on a board that may miss requests, or answer what was sent before: asks until it is answered.
        @param may_be_damaged  whether the board's frames may be broken"""
        self.seq = (self.seq + 1) % 256
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            self.send(frame(request(op, self.seq, address, data_or_length)))
            # A missed request is asked again after a while, a refused one at once. How long that is decides nothing.
            while reply := self.next_frame(2):
                body, good = reply
                if not good and not may_be_damaged:
                    raise AssertionError(f"bad reply {body.hex(' ')}")
                if good and body[:2] == bytes([op | 0x80, self.seq]):
                    if body[2] != OK:
                        raise AssertionError(f"status {body[2]} of op {op:#x} at {address:#x}")
                    return body[4:]
                if not good or body[0] == 0x80:
                    break
        raise AssertionError("no reply")

    def register(self, address, value=None):
        """Reads, or writes, one register."""
        if value is None:
            return struct.unpack("<I", self.done(REG_READ, address, 4))[0]
        return self.done(REG_WRITE, address, struct.pack("<I", value))

    def write(self, address, data):
        for at in range(0, len(data), 1024):
            self.done(MEM_WRITE, address + at, bytes(data[at : at + 1024]))

    def read(self, address, length):
        return b"".join(self.done(MEM_READ, address + at, min(1024, length - at)) for at in range(0, length, 1024))


# docs/commands_and_registers.md, as far as one tile of int8 needs it.
CAP0, CTRL, STATUS, RING_BASE_LO, RING_BASE_HI, RING_SIZE, RING_TAIL, RING_HEAD = 0x8, 0x20, 0x24, 0x30, 0x34, 0x38, 0x3C, 0x40
LOAD, MATMUL, STORE = 1, 2, 3
ACT_FULL, WGT_FULL, ACC_FULL = 1 << 0, 1 << 1, 1 << 4
S8, S32 = 0, 4


def record(opcode, wait, give, words):
    """A command: its words by number."""
    all_words = [opcode | 1 << 8, wait | give << 8] + [0] * 14
    for number, word in words.items():
        all_words[number] = word & 0xFFFFFFFF
    return struct.pack("<16I", *all_words)


def one_tile(link, a, b, ring=0x0, a_at=0x200, b_at=0x400, c_at=0x800):
    """C = A * B of lists of rows of int8, on one tile: K at most 2 * rows of the array, N at most its columns."""
    m, k, n = len(a), len(b), len(b[0])
    link.register(CTRL, 2)
    while link.register(CTRL) & 2:
        pass
    link.register(RING_BASE_LO, ring)
    link.register(RING_BASE_HI, 0)
    link.register(RING_SIZE, 2)
    link.register(CTRL, 1)
    link.write(a_at, b"".join(struct.pack(f"{k}b", *row) for row in a))
    link.write(b_at, b"".join(struct.pack(f"{k}b", *(row[j] for row in b)) for j in range(n)))
    link.write(c_at, b"\xa5" * (4 * m * n))

    def load(dest, give, address, items):
        return record(LOAD, 0, give, {2: address, 4: dest, 6: k, 7: items | 1 << 16, 8: k})

    records = [
        load(0, ACT_FULL, a_at, m),
        load(1, WGT_FULL, b_at, n),
        record(MATMUL, ACT_FULL | WGT_FULL, ACC_FULL, {2: S8 | S8 << 4, 5: m | 1 << 16, 6: 1, 7: 1 | 1 << 16, 10: 1 | k << 16 | n << 24, 11: 1 << 16}),
        record(STORE, ACC_FULL, 0, {2: c_at, 5: m | 1 << 16, 6: 4 * n, 8: 1 | n << 16 | S32 << 24}),
    ]
    link.write(ring, b"".join(records))
    link.register(RING_TAIL, len(records))
    while link.register(STATUS) & 1 and not link.register(STATUS) & 2:
        pass
    if link.register(RING_HEAD) != len(records):
        raise AssertionError(f"error {link.register(0x48)} of record {link.register(0x4C)}")
    flat = struct.unpack(f"<{m * n}i", link.read(c_at, 4 * m * n))
    return [list(flat[i * n : (i + 1) * n]) for i in range(m)]
