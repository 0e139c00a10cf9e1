# SPDX-License-Identifier: Apache-2.0
"""What a user can do wrong, and boards that are not what they should be: one line on stderr that says what to do, exit status 2, no result."""
import os
import random
import subprocess
import time
import unittest

from board import BOARD, FAKE_BOARD, PATIENCE_S, SYSTOLE, BoardTest

class BadInput(BoardTest):
    def setUp(self):
        super().setUp()
        self.operands(random.Random(1), 3, 4, 5, "int8")

    def refuse(self, part, port, *more, **options):
        result = self.gemm(port, *more, **options)
        self.expect_one_line(result, part)
        return result.stderr

    def test_no_such_port(self):
        self.assertIn("/dev/ttyNowhere", self.refuse("no such port", "/dev/ttyNowhere"))

    def test_what_is_no_port(self):
        (self.folder / "file").write_text("hello")
        os.mkfifo(self.folder / "fifo")
        for name in ("file", "fifo", "."):
            self.refuse("is not a serial port", self.folder / name)
        self.refuse("/dev/null is not a serial port", "/dev/null")
        self.assertEqual((self.folder / "file").read_text(), "hello")

    def test_options_that_make_no_sense(self):
        board = self.start("tiny")
        self.refuse("--baud", board.port, baud=-3)
        self.refuse("--timeout", board.port, timeout="soon")
        self.refuse("--waves", board.port, "--waves", "w.fst")
        files = ("gemm", "--a", "a.npy", "--b", "b.npy", "--out", "c.npy")
        self.expect_one_line(self.systole(*files, "--engine", "fpga"), "--port")
        self.expect_one_line(self.systole(*files, "--engine", "model", "--port", board.port), "--port")

    def test_a_board_in_use(self):
        board = self.start("tiny", "--stuck")
        # Of two at once, one has the port and waits for an answer, the other is turned away.
        both = [subprocess.Popen([SYSTOLE, "probe", "--port", board.port, "--timeout", "1000"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True) for _ in range(2)]  # fmt: skip
        for probe in both:
            self.addCleanup(probe.communicate)
            self.addCleanup(probe.kill)
        until = time.monotonic() + PATIENCE_S
        while not (gone := [probe for probe in both if probe.poll() is not None]) and time.monotonic() < until:
            time.sleep(0.02)
        self.assertEqual([probe.returncode for probe in gone], [2])
        self.assertIn("in use by another program", gone[0].stderr.read())
        self.refuse("in use by another program", board.port)

    def test_silence(self):
        board = self.start("tiny", "--stuck")
        begin = time.monotonic()
        self.assertIn(board.port, self.refuse("no answer", board.port, timeout=0.1))
        result = self.systole("probe", "--port", board.port, "--timeout", "0.1")
        self.expect_one_line(result, "no answer")
        # Some time-outs each, not the simulation's pace: a bound that only a hang misses.
        self.assertLess(time.monotonic() - begin, 120)
        self.assertEqual(board.stop()["to_host"]["bytes"], board.report["silenced"])

    def test_silence_in_the_middle(self):
        board = self.start("tiny", "--cut", "1500")
        self.operands(random.Random(2), 30, 30, 30, "int8")
        self.refuse("does not answer any more", board.port, timeout=5)
        self.assertGreater(board.stop()["silenced"], 0)

    def test_another_speed_than_the_board_s(self):
        board = self.start("tiny")
        self.refuse("no answer at 115200 baud", board.port, baud=115200, timeout=1)
        self.assertGreater(board.stop()["wrong_speed"], 0)

    def test_another_configuration_than_the_one_asked_for(self):
        board = self.start("tiny")
        self.refuse("2x2, not 8x8", board.port, "--config", "8x8")

    def test_a_board_with_the_array_alone(self):
        board = self.start("icebreaker")
        self.refuse("the board icebreaker holds the array bench only, which computes no products of files; `systole probe` tries its array",
                    board.port, baud=1000000)  # fmt: skip

    def test_floats_on_a_board_without_them(self):
        board = self.start("ulx3s-25f")
        self.operands(random.Random(1), 3, 4, 5, "fp16")
        self.refuse("floating", board.port)

    def fake(self, *options):
        """A board in software that says of itself whatever a test wants. @returns its port"""
        board = subprocess.Popen([FAKE_BOARD, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(board.communicate)  # the end of its input ends it
        return board.stdout.readline().strip()

    def test_a_product_that_no_tiling_fits_into_the_memory(self):
        self.refuse("memory of 256 bytes is too small", self.fake("--memory", "256"))

    def test_a_board_of_another_kind_or_version(self):
        release = "use bitstream and program of the same release"
        senseless = "capabilities of the board's accelerator make no sense"
        for register, value, part in (
            (0x1000, 0x12345678, r"is no Systole board \(its identification is 0x12345678\); load the bitstream that"),
            (0x1004, 2, f"speaks link version 2, this program version 1; {release}"),
            (0x1018, 1, "the board simulation holds the array bench only, .*; `systole probe` tries its array"),
            (0x1018, 9, rf"information makes no sense \(kind 9, .*; {release}"),
            (0x1014, 0, "has no memory; load another bitstream"),
            (0x000, 0, "there is no accelerator behind it .*; load the bitstream again"),
            (0x004, 0x02000100, f"with command records of version 2, .*; {release}"),
            (0x004, 0x01050000, f"the board's accelerator has version 5.0.0 .*; {release}"),
            (0x008, 0, rf"{senseless} \(CAP0 0x00000000, .*; load the bitstream again, or {release}"),
            (0x00C, 0xFFFFFFFF, rf"{senseless} \(.*CAP1 0xffffffff, .*; load the bitstream again, or {release}"),
            (0x010, 0, rf"{senseless} \(.*CAP2 0x00000000\); load the bitstream again, or {release}"),
        ):
            with self.subTest(register=register, value=value):
                port = self.fake("--reads", f"{register}={value}")
                self.assertIn(port + ": ", self.refuse(part, port))

    def test_something_that_talks_but_is_no_board(self):
        self.refuse("no answer at 3000000 baud, only damaged frames", self.fake("--babbles"), timeout=0.2)


class BoardProgram(BoardTest):
    def test_bad_options(self):
        (self.folder / "file").write_text("hello")
        for options, part in (
            (("--board", "ulx4s"), "no such board in this program (it has icebreaker, tiny, ulx3s-25f, ulx3s-85f)"),
            (("--noise", "2"), "from 0 to 1"), (("--noise", "nan"), "from 0 to 1"), (("--noise", "x"), "from 0 to 1"), (("--cut", "-1"), "whole number"),
            (("--cycles", "1e3"), "whole number"), (("--noise-seed", ""), "whole number"), (("--foo",), "--foo"), (("word",), "--help"),
            (("--link", self.folder / "file"), "no symbolic link"), (("--link", self.folder / "nowhere" / "x"), "cannot make the link"),
            (("--json", self.folder / "nowhere" / "x"), "nowhere"),
        ):  # fmt: skip
            with self.subTest(options=options):
                done = subprocess.run([BOARD, *options], capture_output=True, text=True, timeout=60, check=False)
                self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1), done.stderr)
                self.assertRegex(done.stderr, r"\Asystole-board: ")
                self.assertIn(part, done.stderr)
        self.assertEqual((self.folder / "file").read_text(), "hello")


if __name__ == "__main__":
    unittest.main()
