# SPDX-License-Identifier: Apache-2.0
"""Products of .npy files through the tool against sums in Python's unlimited integers, and the other commands."""
import json
import math
import os
import random
import struct
import unittest

import npyfile
from tool import ENGINE, ToolTest

RANGES = {"|i1": (-128, 127), "|u1": (0, 255)}
TEST_KEYS = {"test", "config", "shape", "dtype", "out_dtype", "engine", "pass", "mismatches", "timing", "cycles",
             "model_cycles", "macs", "utilisation", "counters", "seed", "wall_s"}
CASE_KEYS = TEST_KEYS - {"test", "config", "engine", "seed"}


FLOAT_CONFIGURATIONS = ("16x16", "8x8", "4x4", "8x16", "32x32")
CONFIGURATIONS = FLOAT_CONFIGURATIONS + ("16x16-int8", "8x8-int8", "4x4-int8", "8x16-int8", "16x4-int8", "32x32-int8")


def single(value):
    """The nearest binary32 number."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def bfloat16(value):
    """The bits of the nearest bfloat16 number, ties to even; of a binary32 number."""
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


def wrap(value):
    return (value + 2**31) % 2**32 - 2**31


class RoundTrip(ToolTest):
    def product(self, rng, m, n, k, a_type, b_type, *, bias=False, zero_points="none", config="16x16", version=1):
        a = [rng.randint(*RANGES[a_type]) for _ in range(m * k)]
        b = [rng.randint(*RANGES[b_type]) for _ in range(k * n)]
        npyfile.write(self.folder / "a.npy", a_type, (m, k), a, version)
        npyfile.write(self.folder / "b.npy", b_type, (k, n), b, version)
        arguments = ["gemm", "--engine", ENGINE, "--config", config, "--a", "a.npy", "--b", "b.npy", "--out", "c.npy", "--json", "r.json"]
        seed = [0] * n
        if bias:
            seed = [rng.randint(-(2**31), 2**31 - 1) for _ in range(n)]
            npyfile.write(self.folder / "v.npy", "<i4", (n,), seed, version)
            arguments += ["--bias", "v.npy"]
        a_zp, b_zp = 0, [0] * n
        if zero_points != "none":
            a_zp = rng.choice(RANGES[a_type])
            b_zp = [rng.choice(RANGES[b_type])] * n
            arguments += ["--a-zero-point", str(a_zp)]
            if zero_points == "columns":
                b_zp = [rng.randint(*RANGES[b_type]) for _ in range(n)]
                npyfile.write(self.folder / "z.npy", b_type, (n,), b_zp, version)
                arguments += ["--b-zero-point", "z.npy"]
            else:
                arguments += [f"--b-zero-point={b_zp[0]}"]
        result = self.expect_status(0, *arguments)
        self.assertIn("PASS", result.stdout)
        self.assertIn("transposed once", result.stdout)
        self.assertEqual(result.stderr, "")
        descr, shape, c = npyfile.read(self.folder / "c.npy")
        self.assertEqual((descr, shape), ("<i4", (m, n)))
        expected = [
            wrap(seed[j] + sum((a[i * k + x] - a_zp) * (b[x * n + j] - b_zp[j]) for x in range(k))) for i in range(m) for j in range(n)
        ]
        self.assertEqual(c, expected)
        report = json.loads((self.folder / "r.json").read_text())
        self.assertLessEqual(TEST_KEYS, set(report))
        self.assertEqual(report["shape"], {"m": m, "n": n, "k": k})
        self.assertIs(report["pass"], True)
        self.assertEqual(report["macs"], m * n * k)
        self.assertEqual(f"{report['config']['rows']}x{report['config']['cols']}{'' if report['config']['fp'] else '-int8'}", config)
        self.assertEqual((report["dtype"].split(",")[0], report["out_dtype"]), ("int8" if a_type == "|i1" else "uint8", "int32"))
        self.assertEqual(sum(report["counters"].values()), report["cycles"])
        self.assertEqual(report["model_cycles"], report["cycles"])
        leftovers = [name for name in os.listdir(self.folder) if name.startswith(".") or name.endswith(".tmp")]
        self.assertEqual(leftovers, [])

    def test_products_equal_python(self):
        rng = random.Random(1)
        for index, (m, n, k) in enumerate([(1, 1, 1), (1, 1, 40), (3, 5, 7), (17, 16, 33), (1, 70, 65), (40, 1, 31), (33, 35, 64)]):
            for a_type in RANGES:
                for b_type in RANGES:
                    with self.subTest(m=m, n=n, k=k, a=a_type, b=b_type):
                        zero_points = ("none", "scalar", "columns")[(index + (a_type == b_type)) % 3]
                        self.product(rng, m, n, k, a_type, b_type, bias=index % 2 == 1, zero_points=zero_points, version=1 + index % 2)

    def test_every_configuration(self):
        rng = random.Random(2)
        for config in CONFIGURATIONS:
            with self.subTest(config=config):
                self.product(rng, 19, 37, 71, "|u1", "|i1", bias=True, zero_points="columns", config=config)

    def run_gemm(self, *arguments):
        """C of a.npy and b.npy, and the report."""
        result = self.expect_status(0, "gemm", "--engine", ENGINE, "--a", "a.npy", "--b", "b.npy", "--out", "c.npy", "--json", "r.json", *arguments)
        self.assertIn("PASS", result.stdout)
        return npyfile.read(self.folder / "c.npy"), json.loads((self.folder / "r.json").read_text())

    def float_products(self, rng, config):
        """A and B hold small multiples of a power of two, so that every sum is exact in Python's floats and in binary32."""
        m, n, k = 9, 21, 37
        a, b = ([rng.randint(-32, 32) / 8 for _ in range(count)] for count in (m * k, k * n))
        bias = [rng.randint(-100, 100) / 4 for _ in range(n)]
        sums = [bias[j] + sum(a[i * k + x] * b[x * n + j] for x in range(k)) for i in range(m) for j in range(n)]
        npyfile.write(self.folder / "v.npy", "<f4", (n,), bias)
        for dtype in ("fp16", "bf16"):
            if dtype == "fp16":
                npyfile.write(self.folder / "a.npy", "<f2", (m, k), a)
                npyfile.write(self.folder / "b.npy", "<f2", (k, n), b)
            else:
                npyfile.write(self.folder / "a.npy", "<u2", (m, k), map(bfloat16, a))
                npyfile.write(self.folder / "b.npy", "<u2", (k, n), map(bfloat16, b))
            options = ["--config", config, "--bias", "v.npy"] + (["--dtype", "bf16"] if dtype == "bf16" else [])
            with self.subTest(config=config, dtype=dtype):
                (descr, shape, c), report = self.run_gemm(*options)
                self.assertEqual((descr, shape, c), ("<f4", (m, n), sums))
                self.assertEqual((report["dtype"], report["out_dtype"], report["config"]["fp"]), (dtype, "fp32", True))
                (descr, shape, c), report = self.run_gemm(*options, "--out-dtype", "fp16", "--clamp-min=-7.5", "--clamp-max", "1e2")
                # struct rounds to binary16 as IEEE 754 has it.
                halves = [struct.unpack("<e", struct.pack("<e", min(max(value, -7.5), 100)))[0] for value in sums]
                self.assertEqual((descr, c, report["out_dtype"]), ("<f2", halves, "fp16"))
                (descr, shape, c), report = self.run_gemm(*options, "--out-dtype", "bf16")
                self.assertEqual((descr, c, report["out_dtype"]), ("<u2", [bfloat16(value) for value in sums], "bf16"))

    def test_floating_point(self):
        rng = random.Random(3)
        for config in FLOAT_CONFIGURATIONS:
            self.float_products(rng, config)

    def test_floats_keep_their_peculiarities(self):
        npyfile.write(self.folder / "a.npy", "<f2", (3, 1), [-0.0, math.inf, 1])
        npyfile.write(self.folder / "b.npy", "<f2", (1, 3), [1, 0, 2**-24])
        npyfile.write(self.folder / "v.npy", "<f4", (3,), [-0.0] * 3)
        (_, _, c), _ = self.run_gemm("--bias", "v.npy")
        self.assertEqual([math.copysign(1, value) for value in c[:3]], [-1, -1, -1])
        self.assertEqual((c[0], c[3], c[5], c[6:]), (0, math.inf, math.inf, [1, 0, 2**-24]))
        self.assertTrue(math.isnan(c[4]))
        (descr, _, c), _ = self.run_gemm("--bias", "v.npy", "--out-dtype", "bf16")
        self.assertEqual((descr, c), ("<u2", [0x8000, 0x8000, 0x8000, 0x7F80, 0x7FC0, 0x7F80, 0x3F80, 0, 0x3380]))

    def quantised(self, rng, config, rule, out, per_column):
        m, n, k = 11, 23, 35
        a = [rng.randint(0, 255) for _ in range(m * k)]
        b = [rng.randint(-128, 127) for _ in range(k * n)]
        bias = [rng.randint(-(10**5), 10**5) for _ in range(n)]
        npyfile.write(self.folder / "a.npy", "|u1", (m, k), a)
        npyfile.write(self.folder / "b.npy", "|i1", (k, n), b)
        npyfile.write(self.folder / "v.npy", "<i4", (n,), bias)
        low = -128 if out == "int8" else 0
        zero_point, qmin, qmax = rng.randint(low, low + 255), low + rng.randint(0, 60), low + 255 - rng.randint(0, 60)
        options = ["--config", config, "--bias", "v.npy", "--a-zero-point", "128", "--out-dtype", out, f"--out-zero-point={zero_point}",
                   f"--clamp-min={qmin}", f"--clamp-max={qmax}"]
        count = n if per_column else 1
        if rule == "float":
            scales = [rng.choice((2.0**-10, 2.0**-11, 3 * 2.0**-12, 0.001)) for _ in range(count)]
            npyfile.write(self.folder / "s.npy", "<f4", (count,), scales)
            options += ["--scale", "s.npy"]
        else:
            multipliers = [rng.choice((2**30, 2**30 + 12345, 2**31 - 1)) for _ in range(count)]
            shifts = [rng.randint(-11, -8) for _ in range(n)]
            npyfile.write(self.folder / "m.npy", "<i4", (count,), multipliers)
            npyfile.write(self.folder / "h.npy", "<i4", (n,), shifts)
            options += ["--multiplier", "m.npy", "--shift", "h.npy"]
        expected = []
        for i in range(m):
            for j in range(n):
                acc = bias[j] + sum((a[i * k + x] - 128) * b[x * n + j] for x in range(k))
                if rule == "float":  # |acc| < 2^24: only the product is rounded
                    value = single(acc * single(scales[j % count]))
                    value = min(max(value, qmin - zero_point), qmax - zero_point)
                    expected.append(round(value) + zero_point)  # Python rounds half to even
                else:
                    high = (acc * multipliers[j % count] + 2**30) >> 31
                    right = -shifts[j]
                    value = (abs(high) + (1 << right >> 1)) >> right
                    expected.append(min(max((value if high >= 0 else -value) + zero_point, qmin), qmax))
        (descr, shape, c), report = self.run_gemm(*options)
        self.assertEqual((descr, shape, report["out_dtype"]), ("|i1" if out == "int8" else "|u1", (m, n), out))
        self.assertEqual(c, expected)
        self.assertGreater(len(set(c)), 50)

    def test_requantisation(self):
        rng = random.Random(4)
        for rule in ("float", "fixed"):
            for out in ("int8", "uint8"):
                for per_column in (False, True):
                    for config in ("16x16", "4x4-int8"):
                        with self.subTest(rule=rule, out=out, per_column=per_column, config=config):
                            self.quantised(rng, config, rule, out, per_column)

    def test_an_older_output_is_replaced(self):
        npyfile.write(self.folder / "a.npy", "|i1", (1, 1), [2])
        npyfile.write(self.folder / "b.npy", "|i1", (1, 1), [3])
        self.put("c.npy", b"x" * 1000)
        self.expect_status(0, "gemm", "--engine", ENGINE, "--a", "a.npy", "--b", "b.npy", "--out", "c.npy")
        self.assertEqual(npyfile.read(self.folder / "c.npy"), ("<i4", (1, 1), [6]))

    def test_an_input_may_be_the_output(self):
        npyfile.write(self.folder / "a.npy", "|i1", (1, 1), [2])
        self.expect_status(0, "gemm", "--engine", ENGINE, "--a", "a.npy", "--b", "a.npy", "--out", "a.npy")
        self.assertEqual(npyfile.read(self.folder / "a.npy"), ("<i4", (1, 1), [4]))

    def test_devices_as_outputs(self):
        npyfile.write(self.folder / "a.npy", "|i1", (1, 1), [2])
        self.expect_status(0, "gemm", "--engine", ENGINE, "--a", "a.npy", "--b", "a.npy", "--out", "/dev/null")


class Commands(ToolTest):
    def test_help_list_and_version(self):
        for arguments in (["--help"], ["help"], ["gemm", "--help"], ["sim", "--help"], ["plan", "--help"], ["list"], ["version"], ["--version"], ["sim"]):
            result = self.expect_status(0, *arguments)
            self.assertEqual(result.stderr, "")
            self.assertNotEqual(result.stdout, "")
        listed = [line.split()[0] for line in self.systole("sim").stdout.splitlines()]
        for name in ("gemm_int8", "gemm_int8_ragged", "gemm_uint8_asymmetric", "gemm_int8_stress", "gemv_int8", "gemm_int8_long", "gemm_fp16",
                     "gemm_bf16", "gemm_fp16_special", "gemm_float_stress", "gemm_mixed", "requant_float", "requant_fixed"):
            self.assertIn(name, listed)

    def test_a_named_test_with_one_product(self):
        self.expect_status(0, "sim", "gemm_int8", "--engine", ENGINE, "--json", "r.json")
        report = json.loads((self.folder / "r.json").read_text())
        self.assertLessEqual(TEST_KEYS, set(report))
        self.assertEqual(report["test"], "gemm_int8")
        self.assertEqual(report["shape"], {"m": 256, "n": 256, "k": 256})
        self.assertEqual(report["dtype"], "int8")
        self.assertEqual(report["config"], {"name": "16x16", "rows": 16, "cols": 16, "axi_bits": 128, "fp": True})
        self.assertEqual((report["pass"], report["mismatches"], report["seed"]), (True, 0, 1))
        self.assertEqual(report["model_cycles"], report["cycles"])
        self.assertGreater(report["cycles"], 256**3 // 512)

    def test_a_named_test_with_many_products(self):
        self.expect_status(0, "sim", "gemm_int8_stress", "--engine", ENGINE, "--config", "8x8-int8", "--seed", "7", "--json", "r.json")
        report = json.loads((self.folder / "r.json").read_text())
        self.assertLessEqual(TEST_KEYS, set(report))
        self.assertEqual(report["seed"], 7)
        self.assertGreaterEqual(len(report["cases"]), 24)
        for case in report["cases"]:
            self.assertLessEqual(CASE_KEYS, set(case))
            self.assertIs(case["pass"], True)
        self.assertEqual(sum(case["macs"] for case in report["cases"]), report["macs"])

    def test_a_seed_means_the_same_data_again(self):
        reports = []
        for seed in ("3", "3", "4"):
            self.expect_status(0, "sim", "gemm_int8_stress", "--engine", ENGINE, "--config", "4x4-int8", "--seed", seed, "--json", "r.json")
            reports.append([case["shape"] for case in json.loads((self.folder / "r.json").read_text())["cases"]])
        self.assertEqual(reports[0], reports[1])
        self.assertNotEqual(reports[0], reports[2])


if __name__ == "__main__":
    unittest.main()
