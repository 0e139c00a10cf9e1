# SPDX-License-Identifier: Apache-2.0
"""Products by the unmodified tool on simulated boards, against sums in Python's own arithmetic: clean lines, noise, resets."""
import json
import random
import sys
import unittest

from board import BoardTest, no_progress

# What the tool may say when it gives a line up: anything else, a wrong result among it, is an error.
GIVES_UP = "no answer|does not answer any more|too noisy"


class Clean(BoardTest):
    def product(self, board, rng, m, n, k, dtype):
        expected = self.operands(rng, m, n, k, dtype)
        result = self.gemm(board.port)
        self.assertEqual((result.returncode, no_progress(result.stderr)), (0, []), result.stdout + result.stderr)
        report = self.expect_product(m, n, dtype, expected)
        link = report["board"]["link"]
        self.assertEqual((link["repeats"], link["timeouts"], link["bad_frames"], link["bad_replies"], link["stale"]), (0, 0, 0, 0, 0))
        self.assertEqual(report["macs"], m * n * k)
        return report

    def test_64x64x64_int8(self):
        report = self.product(self.start("ulx3s-85f"), random.Random(1), 64, 64, 64, "int8")
        self.assertEqual((report["board"]["name"], report["config"]["name"]), ("ulx3s-85f", "8x8"))

    def test_64x64x64_fp16(self):
        self.product(self.start("ulx3s-85f"), random.Random(2), 64, 64, 64, "fp16")

    def test_odd_sizes(self):
        rng = random.Random(3)
        for name, shapes in (("tiny", ((1, 1, 1), (1, 9, 40), (17, 3, 5), (33, 1, 7), (2, 2, 2))), ("ulx3s-25f", ((1, 1, 1), (7, 13, 29)))):
            board = self.start(name)
            for m, n, k in shapes:
                for dtype in ("int8", "fp16") if name == "tiny" else ("int8",):
                    with self.subTest(board=name, m=m, n=n, k=k, dtype=dtype):
                        self.product(board, rng, m, n, k, dtype)

    def test_products_larger_than_the_memory_are_tiled(self):
        """8 KiB of memory: operands and results of 9 KB and more."""
        board = self.start("tiny")
        for m, n, k, dtype in ((33, 35, 61, "int8"), (3, 4, 700, "fp16"), (1, 1, 4501, "int8")):
            with self.subTest(m=m, n=n, k=k):
                tiles = self.product(board, random.Random(4), m, n, k, dtype)["board"]["tiles"]
                self.assertGreater(tiles["count"], 1)
                if m == n == 1:  # nothing but K can be cut
                    self.assertLess(tiles["k"], k)

    def test_the_probe_passes(self):
        for name, config in (("ulx3s-85f", "8x8"), ("ulx3s-25f", "4x4-int8"), ("tiny", "2x2")):
            with self.subTest(board=name):
                board = self.start(name)
                # Without --baud: the tool finds the speed.
                result = self.systole("probe", "--port", board.port, "--timeout", 30, "--json", "p.json")
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
                report = json.loads((self.folder / "p.json").read_text())
                self.assertIs(report["pass"], True)
                self.assertEqual((report["config"]["name"], report["baud"], report["board"]["link_version"]), (config, 3000000, 1))


    def test_the_probe_passes_on_a_board_with_the_array_alone(self):
        result = self.systole("probe", "--port", self.start("icebreaker").port, "--timeout", 30, "--baud", 1000000, "--json", "p.json")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("the array alone: 2 x 4", result.stdout)
        report = json.loads((self.folder / "p.json").read_text())
        self.assertIs(report["pass"], True)
        self.assertEqual((report["board"]["name"], report["board"]["kind"]), ("icebreaker", "array bench"))
        self.assertEqual([part["name"] for part in report["selftest"] if part["pass"]], ["refusals", "array product", "second array product"])


class Noise(BoardTest):
    def noisy(self, noise, seed, m, n, k, dtype, timeout):
        """@returns whether the product came through; if not, the tool said so"""
        expected = self.operands(random.Random(seed), m, n, k, dtype)
        board = self.start("tiny", "--noise", str(noise), "--noise-seed", str(seed))
        result = self.gemm(board.port, timeout=timeout)
        report = board.stop()
        for line in ("to_board", "to_host"):
            self.assertGreater(report[line]["hits"], 0, report)
        print(f"noise {noise} seed {seed}: status {result.returncode}, hits {report['to_board']['hits']} + {report['to_host']['hits']} of "
              f"{report['to_board']['bytes']} + {report['to_host']['bytes']} bytes", file=sys.stderr)  # fmt: skip
        if result.returncode == 0:
            link = self.expect_product(m, n, dtype, expected)["board"]["link"]
            self.assertGreater(link["repeats"], 0)
            self.assertGreater(link["bad_frames"] + link["bad_replies"], 0)
            return True
        self.expect_one_line(result, GIVES_UP)
        return False

    def test_one_percent_is_survived(self):
        for seed, dtype in ((1, "int8"), (2, "fp16"), (3, "int8")):
            with self.subTest(seed=seed, dtype=dtype):
                # A frame that vanishes without a trace costs a time-out, once in some hundred requests; five in a row end the run, and no
                # machine is busy enough for five of these.
                self.assertTrue(self.noisy(0.01, seed, 12, 11, 19, dtype, timeout=20))

    def test_ten_percent_is_survived_or_reported(self):
        for seed in (5, 6):
            with self.subTest(seed=seed):
                self.noisy(0.1, seed, 4, 5, 6, "int8", timeout=1)


class Resets(BoardTest):
    """The board is reset, or configured anew, at many points of a job: the result is exact or absent."""

    SHAPE = (6, 5, 16)
    # A repeat would shift the moments at which the board is reset.
    TIMEOUT = 5

    def broken(self, option, at):
        m, n, k = self.SHAPE
        expected = self.operands(random.Random(7), m, n, k, "int8")
        (self.folder / "c.npy").unlink(missing_ok=True)
        board = self.start("tiny", f"--{option}-after", str(at))
        result = self.gemm(board.port, timeout=self.TIMEOUT)
        report = board.stop()
        self.assertEqual(report["resets"] + report["reloads"], 1, f"the job took only {report['to_board']['bytes']} bytes")
        if result.returncode == 0:
            self.expect_product(m, n, "int8", expected)
        else:
            self.expect_one_line(result, f"was reset|{GIVES_UP}")
            self.assertEqual(result.stdout, "")
        return result.returncode

    def test_a_reset_or_reload_is_noticed_or_came_before_the_job(self):
        m, n, k = self.SHAPE
        self.operands(random.Random(7), m, n, k, "int8")
        board = self.start("tiny")
        self.assertEqual(self.gemm(board.port).returncode, 0)
        whole = board.stop()["to_board"]["bytes"]
        for option in ("reset", "reload"):
            for part in range(8):
                at = whole * part // 8 + 40
                with self.subTest(option=option, at=at, of=whole):
                    status = self.broken(option, at)
                    print(f"{option} after {at} of {whole} bytes: status {status}", file=sys.stderr)
                    # First come the questions about the board; from the setting of WATCHDOG to its last reading every reset matters.
                    if part > 0:
                        self.assertEqual(status, 2)


if __name__ == "__main__":
    unittest.main()
