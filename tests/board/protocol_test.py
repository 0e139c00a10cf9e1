# SPDX-License-Identifier: Apache-2.0
"""The link's protocol over the pins of the simulated boards, by a client of its own."""
import os
import random
import struct
import subprocess
import unittest

import link_client
from board import BOARD, BoardTest
from link_client import BAD_FRAME, BAD_LENGTH, BAD_OP, DECERR, END, ESC, MEM_READ, MEM_WRITE, OK, REG_READ, REG_WRITE, SLVERR, Link, frame, request

INFO = 0x1000
# name, BOARD_ID, memory in bytes, rows, columns, floating point
BOARDS = (("ulx3s-85f", 1, 131072, 8, 8, 1), ("ulx3s-25f", 2, 32768, 4, 4, 0), ("tiny", 0, 8192, 2, 2, 1))


class Protocol(BoardTest):
    def connect(self, name, *options):
        self.board = self.start(name, *options)
        link = Link(self.board.port)
        self.addCleanup(link.close)
        return link

    def test_a_board_says_what_it_is(self):
        for name, board_id, memory, rows, cols, fp in BOARDS:
            with self.subTest(board=name):
                link = self.connect(name)
                words = struct.unpack("<8I", link.done(REG_READ, INFO, 32))
                self.assertEqual(words, (0x53595342, 1, board_id, 25000000, 3000000, memory, 0, 1024))
                self.assertEqual(link.done(REG_READ, INFO + 0x28, 0x100 - 0x28), bytes(0x100 - 0x28))
                self.assertEqual(link.done(REG_READ, 0, 4), b"TSYS")
                cap0 = link.register(link_client.CAP0)
                self.assertEqual((1 << (cap0 & 15), 1 << (cap0 >> 4 & 15), cap0 >> 12 & 1), (rows, cols, fp))

    def test_memory_holds_what_was_written_at_any_address_and_length(self):
        rng = random.Random(1)
        size = 8192
        link = self.connect("tiny")
        mirror = bytearray(rng.randbytes(size))
        link.write(0, mirror)
        cases = [(0, 1), (size - 1, 1), (size - 1024, 1024), (3, 1021)] + [(rng.randrange(size - 64), rng.randint(1, 64)) for _ in range(40)]
        for address, length in cases:
            data = rng.randbytes(length)
            if rng.random() < 0.3:
                data = bytes(rng.choice((END, ESC, 0xDC, 0xDD)) for _ in range(length))
            mirror[address : address + length] = data
            link.write(address, data)
            begin = max(0, address - 9)
            self.assertEqual(link.read(begin, min(length + 18, size - begin)), bytes(mirror[begin : begin + length + 18]))
        self.assertEqual(link.read(0, size), bytes(mirror))

    def test_every_refusal_has_its_status(self):
        link = self.connect("tiny")
        for op, address, data_or_length, status in (
            (0x03, 0, 4, BAD_OP), (0x91, 0, 4, BAD_OP), (0x00, 0, 4, BAD_OP),
            (REG_READ, 0, 0, BAD_LENGTH), (REG_READ, 0, 3, BAD_LENGTH), (REG_READ, 2, 4, BAD_LENGTH), (REG_WRITE, 1, bytes(4), BAD_LENGTH),
            (REG_WRITE, 0x34, bytes(6), BAD_LENGTH), (MEM_READ, 0, 1025, BAD_LENGTH), (MEM_READ, 0, 0, BAD_LENGTH), (MEM_READ, 0, 0xFFFF, BAD_LENGTH),
            (MEM_READ, 8192, 1, DECERR), (MEM_READ, 8190, 8, DECERR), (MEM_WRITE, 0xFFFFFFFF, b"x", DECERR), (MEM_READ, 0x80000000, 4, DECERR),
            (REG_READ, 0x1100, 4, DECERR), (REG_READ, 0x10000, 4, DECERR), (REG_WRITE, INFO, bytes(4), SLVERR), (REG_READ, 0xFFC, 4, SLVERR),
            (MEM_WRITE, 0, bytes(1024), OK), (MEM_READ, 8191, 1, OK),
        ):  # fmt: skip
            with self.subTest(op=op, address=address, data_or_length=data_or_length):
                self.assertEqual(link.ask(op, address, data_or_length)[0], status)

    def test_nothing_happens_unless_the_checksum_is_right(self):
        """Every single wrong bit of a write is refused, and leaves the memory alone."""
        link = self.connect("tiny")
        link.write(0x100, b"good")
        body = request(MEM_WRITE, 9, 0x100, b"evil")
        whole = frame(body)
        refused = 0
        for at in range(1, len(whole) - 1):
            for bit in range(8):
                damaged = bytearray(whole)
                damaged[at] ^= 1 << bit
                if damaged[at] == END:
                    continue  # two short frames: the next test
                op, seq, status, _ = link.raw(bytes(damaged))
                self.assertEqual((op, seq, status), (0x80, 0, BAD_FRAME), damaged.hex(" "))
                refused += 1
        self.assertGreater(refused, 100)
        self.assertEqual(link.read(0x100, 4), b"good")

    def test_it_resynchronises_after_anything(self):
        rng = random.Random(2)
        link = self.connect("tiny")
        link.write(0x100, b"good")
        for case in range(16):
            junk = (rng.randbytes(rng.randint(1, 60)), frame(request(MEM_WRITE, 1, 0x100, b"evil"))[: rng.randint(2, 16)], bytes([ESC]),
                    bytes([ESC, ESC]), bytes(2000), bytes([END] * 5), frame(b""), frame(b"abc"))[case % 8]  # fmt: skip
            link.send(junk)
            # The junk's end spoils at most what shares a frame with it, and its refusal takes the board a while: then it is there again.
            with self.subTest(junk=junk.hex(" ")):
                self.assertEqual(link.persist(MEM_READ, 0x100, 4), b"good")

    def test_a_product_by_hand(self):
        rng = random.Random(3)
        for name, *_ in BOARDS:
            with self.subTest(board=name):
                link = self.connect(name)
                for m, n, k in ((1, 1, 1), (5, 2, 4), (9, 1, 3)):
                    a, b = ([[rng.randint(-128, 127) for _ in range(columns)] for _ in range(rows)] for rows, columns in ((m, k), (k, n)))
                    expected = [[sum(a[i][x] * b[x][j] for x in range(k)) for j in range(n)] for i in range(m)]
                    self.assertEqual(link_client.one_tile(link, a, b), expected)

    def test_a_reset_clears_registers_and_keeps_memory(self):
        body = frame(request(MEM_READ, 1, 0, 4))
        link = self.connect("tiny", "--reset-after", str(3 * len(body) + 30))
        link.done(MEM_WRITE, 0, b"keep")
        link.register(link_client.RING_SIZE, 5)
        for _ in range(20):
            self.assertEqual(link.persist(MEM_READ, 0, 4, may_be_damaged=True), b"keep")
        self.assertEqual(link.persist(REG_READ, link_client.RING_SIZE, 4), bytes(4))
        self.assertEqual(self.board.stop()["resets"], 1)


class Port(BoardTest):
    def test_the_port_outlives_its_clients(self):
        board = self.start("tiny", "--link", str(self.folder / "here"))
        for client in range(3):
            link = Link(self.folder / "here")
            link.seq = 50 + client
            # The board may be busy with the client before this one, and then hears nothing; half of its answer may come first.
            self.assertEqual(link.persist(REG_READ, INFO, 4, may_be_damaged=True), b"BSYS")
            link.send(frame(request(MEM_READ, 7, 0, 1024)))  # a client that leaves without waiting for the answer
            link.close()
        board.stop()
        self.assertFalse(os.path.lexists(self.folder / "here"))

    def run_out(self, requests, *options):
        """Sends all these bytes to a board that ends by itself. @returns its report"""
        board = self.start("tiny", "--cycles", "2000000", *options)
        link = Link(board.port)
        link.send(requests)
        board.process.wait(timeout=200)
        link.close()
        return board.stop()

    def test_noise_comes_in_the_documented_proportions(self):
        line = self.run_out(frame(request(MEM_WRITE, 7, 0, bytes(90))) * 20, "--noise", "1", "--noise-seed", "5")["to_board"]
        self.assertEqual(line["hits"], line["bytes"])
        self.assertGreater(line["bytes"], 1500)
        for kind, share in (("flipped", 0.7), ("dropped", 0.1), ("inserted", 0.1), ("broken", 0.1)):
            self.assertLess(abs(line[kind] / line["bytes"] - share), 0.04, line)

    def test_a_board_that_is_stuck_or_cut_falls_silent(self):
        asked = frame(request(MEM_READ, 1, 0, 1000))
        for options, heard in (((), None), (("--stuck",), 0), (("--cut", "30"), 30)):
            report = self.run_out(asked, *options)
            sent = report["to_host"]["bytes"]
            self.assertGreater(sent, 1000)
            self.assertEqual(report["silenced"], 0 if heard is None else sent - heard)

    def test_it_ends_with_the_process_that_started_it(self):
        command = f'"{BOARD}" --board tiny --link "{self.folder}/here" & read line'
        with subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as shell:
            self.assertRegex(shell.stdout.readline(), r"\A/dev/pts/\d+\n\Z")
            shell.stdin.close()  # the shell ends
            self.assertRegex(shell.stdout.read(), r"\Atiny: \d+ cycles")  # to the end of the last process that has the pipe
        self.assertFalse(os.path.lexists(self.folder / "here"))


if __name__ == "__main__":
    unittest.main()
