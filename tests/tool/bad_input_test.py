# SPDX-License-Identifier: Apache-2.0
"""Every kind of bad input: one line on stderr, exit status 2, no file made or changed."""
import json
import math
import os
import random
import stat
import unittest

import npyfile
from tool import ENGINE, ToolTest


class BadInput(ToolTest):
    def setUp(self):
        super().setUp()
        npyfile.write(self.folder / "a.npy", "|i1", (2, 3), [1, 2, 3, 4, 5, 6])
        npyfile.write(self.folder / "b.npy", "|u1", (3, 4), range(12))
        npyfile.write(self.folder / "v.npy", "<i4", (4,), [1, -2, 3, -4])
        self.put("old.npy", b"what was there before")

    def bad(self, part, a="a.npy", b="b.npy", out="c.npy", more=()):
        return self.expect_bad_input(part, "gemm", "--engine", ENGINE, "--a", a, "--b", b, "--out", out, *more)

    def bad_file(self, part, data):
        """The same file in the place of A, B and the bias."""
        self.put("x.npy", data)
        for message in (self.bad(part, a="x.npy"), self.bad(part, b="x.npy"), self.bad(part, more=("--bias", "x.npy"))):
            self.assertIn("x.npy", message)

    def test_the_good_case_is_good(self):
        self.expect_status(0, "gemm", "--engine", ENGINE, "--a", "a.npy", "--b", "b.npy", "--out", "c.npy", "--bias", "v.npy")

    def test_missing_file(self):
        self.bad("nowhere.npy: No such file", a="nowhere.npy")
        self.bad("nowhere.npy: No such file", b="nowhere.npy")
        self.bad("nowhere.npy: No such file", more=("--bias", "nowhere.npy"))
        self.bad("nowhere.npy: No such file", more=("--b-zero-point", "nowhere.npy"))

    def test_a_number_in_place_of_a_file(self):
        for options, value in (
            (("--bias",), "7"),
            ((*self.QUANTISED, "--scale"), "0.5"),
            ((*self.QUANTISED, "--shift", "v.npy", "--multiplier"), "1073741824"),
            ((*self.QUANTISED, "--multiplier", "m.npy", "--shift"), "-7"),
        ):
            npyfile.write(self.folder / "m.npy", "<i4", (1,), [1])
            kind = "float32" if options[-1] == "--scale" else "int32"
            more = (*options[:-1], f"{options[-1]}={value}")
            self.bad(f"cannot read {value}: No such file ({options[-1]} expects an .npy file of {kind})", more=more)
            self.put(value, b"0.5\n")
            self.bad(f"{value}: not an .npy file", more=more)

    def test_a_folder_in_place_of_a_file(self):
        os.mkdir(self.folder / "x.npy")
        self.bad("Is a directory", a="x.npy")

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_a_file_without_permission(self):
        os.chmod(self.folder / "a.npy", 0)
        self.bad("Permission denied")

    def test_truncated_anywhere(self):
        whole = npyfile.encode("|i1", (2, 3), range(6))
        for length in (0, 1, 5, 7, 9, 30, len(whole) - 6, len(whole) - 1):
            self.put("x.npy", whole[:length])
            self.bad("empty" if length == 0 else "truncated", a="x.npy")
        self.put("x.npy", npyfile.encode("<i4", (4,), range(4))[:-1])
        self.bad("truncated", more=("--bias", "x.npy"))

    def test_bytes_after_the_end(self):
        self.put("x.npy", npyfile.encode("|i1", (2, 3), range(6)) + b"\0")
        self.bad("bytes after the end", a="x.npy")

    def test_other_formats(self):
        self.bad_file("not an .npy file", b"PK\x03\x04 as numpy.savez writes it")
        self.bad_file("not an .npy file", b"1,2,3\n4,5,6\n")
        self.bad_file("version 3.0", npyfile.pack(npyfile.header("|i1", (1, 1)), b"x", version=3))

    def test_bad_headers(self):
        for text in ("", "{", "[1, 2]", "{'descr': '|i1'}", npyfile.header("|i1", (2, 3)).replace("(2, 3)", "(-2, 3)"), npyfile.header("|i1", (2, 3)) + "junk"):
            self.bad_file("bad header", npyfile.pack(text, b"abcdef"))
        self.bad_file("bad header", b"\x93NUMPY\x02\x00\xff\xff\xff\xff")

    def test_fortran_order(self):
        self.put("x.npy", npyfile.encode("|i1", (2, 3), range(6), fortran=True))
        self.bad("Fortran order", a="x.npy")
        self.put("x.npy", npyfile.encode("|u1", (3, 4), range(12), fortran=True))
        self.bad("Fortran order", b="x.npy")

    def test_wrong_types(self):
        for descr in ("<i2", "<i4", "<i8", "<f4", "<f8"):
            self.put("x.npy", npyfile.encode(descr, (2, 3), range(6)))
            self.bad("int8, uint8, float16 or uint16 expected", a="x.npy")
        for descr in ("|i1", "<i2", "<i8", "<f4", "<f8"):
            self.put("x.npy", npyfile.encode(descr, (4,), range(4)))
            self.bad("int32 expected", more=("--bias", "x.npy"))
        self.put("x.npy", npyfile.pack(npyfile.header("|b1", (2, 3)), b"abcdef"))
        self.bad("dtype is '|b1'", a="x.npy")
        self.put("x.npy", npyfile.pack(npyfile.header(">i4", (4,)), bytes(16)))
        self.bad("big-endian", more=("--bias", "x.npy"))
        self.put("x.npy", npyfile.pack("{'descr': [('x', '|i1')], 'fortran_order': False, 'shape': (2, 3), }", b"abcdef"))
        self.bad("structured", a="x.npy")
        self.put("x.npy", npyfile.encode("|i1", (4,), range(4)))  # B is uint8
        self.bad("uint8 expected", more=("--b-zero-point", "x.npy"))

    def test_wrong_ranks(self):
        for shape in ((), (6,), (1, 2, 3), (1, 1, 2, 3)):
            self.put("x.npy", npyfile.encode("|i1", shape, range(6 if shape else 1)))
            self.bad("2 expected", a="x.npy")
        self.put("x.npy", npyfile.encode("<i4", (1, 4), range(4)))
        self.bad("1 expected", more=("--bias", "x.npy"))
        self.put("x.npy", npyfile.encode("|u1", (1, 4), range(4)))
        self.bad("1 expected", more=("--b-zero-point", "x.npy"))

    def test_absurd_shapes(self):
        for shape in ((2**32, 2**32), (2**64, 1), (2**63, 2)):
            self.put("x.npy", npyfile.pack(npyfile.header("|i1", shape), b"a"))
            self.bad("absurd shape", a="x.npy")
        self.put("x.npy", npyfile.pack(npyfile.header("|i1", (10**9, 10**9)), b"a"))
        self.bad("truncated", a="x.npy")

    def test_empty_matrices(self):
        for shape in ((0, 3), (2, 0), (0, 0)):
            self.put("x.npy", npyfile.encode("|i1", shape, []))
            self.bad("empty", a="x.npy")
        self.put("x.npy", npyfile.encode("|i1", (3, 0), []))
        self.bad("empty", b="x.npy")

    def test_inner_dimensions_that_differ(self):
        self.put("x.npy", npyfile.encode("|i1", (4, 3), range(12)))
        message = self.bad("inner dimensions differ", b="x.npy")
        self.assertIn("a.npy is 2x3", message)
        self.assertIn("x.npy is 4x3", message)

    def test_vectors_of_another_length(self):
        for count in (0, 1, 3, 5):
            self.put("x.npy", npyfile.encode("<i4", (count,), range(count)))
            self.bad(f"{count} values, but B has 4 columns", more=("--bias", "x.npy"))
            self.put("x.npy", npyfile.encode("|u1", (count,), range(count)))
            self.bad(f"{count} zero points, but B has 4 columns", more=("--b-zero-point", "x.npy"))

    def test_zero_points_out_of_range(self):
        for value in ("-129", "128", "1.5", "x", "", " 1", "0x", "1e2", "99999999999999999999"):
            self.bad("a-zero-point" if value else "empty", more=("--a-zero-point", value))
        for value in ("-1", "256"):
            self.bad("an integer from 0 to 255 expected", more=("--b-zero-point", value))

    def floats(self):
        """A and B as float16, other.npy as uint16, both shaped as a.npy and b.npy, and a float32 bias."""
        npyfile.write(self.folder / "fa.npy", "<f2", (2, 3), [1, 2, 3, 4, 5, 6])
        npyfile.write(self.folder / "fb.npy", "<f2", (3, 4), range(12))
        npyfile.write(self.folder / "ua.npy", "<u2", (2, 3), [0x3F80] * 6)
        npyfile.write(self.folder / "ub.npy", "<u2", (3, 4), [0x3F80] * 12)
        npyfile.write(self.folder / "fv.npy", "<f4", (4,), [1, -2, 3, -4])
        npyfile.write(self.folder / "s.npy", "<f4", (1,), [0.5])
        npyfile.write(self.folder / "m.npy", "<i4", (4,), [1 << 30, 0, 1, 2**31 - 1])
        npyfile.write(self.folder / "h.npy", "<i4", (1,), [-3])

    def bad_float(self, part, *more, a="fa.npy", b="fb.npy"):
        return self.bad(part, a=a, b=b, more=more)

    QUANTISED = ("--out-dtype", "int8")

    def test_the_good_cases_are_good(self):
        self.floats()
        run = ("gemm", "--engine", ENGINE, "--out", "c.npy")
        ints, halves, brains = ("--a", "a.npy", "--b", "b.npy"), ("--a", "fa.npy", "--b", "fb.npy"), ("--a", "ua.npy", "--b", "ub.npy")
        self.expect_status(0, *run, *halves, "--bias", "fv.npy", "--clamp-min=-1.5", "--clamp-max", "inf")
        self.expect_status(0, *run, *brains, "--dtype", "bf16", "--out-dtype", "fp16")
        self.expect_status(0, *run, *ints, *self.QUANTISED, "--scale", "s.npy", "--out-zero-point=-128", "--clamp-max", "100")
        self.expect_status(0, *run, *ints, "--out-dtype", "uint8", "--multiplier", "m.npy", "--shift", "h.npy")

    def test_operands_that_do_not_go_together(self):
        self.floats()
        for a, b in (("a.npy", "fb.npy"), ("fa.npy", "b.npy")):
            self.bad_float("there is no product of", a=a, b=b)
        self.bad_float("dtype is int8, with --dtype bf16 uint16 expected", "--dtype", "bf16", a="a.npy", b="ub.npy")
        self.bad_float("dtype is float16, with --dtype bf16 uint16 expected", "--dtype", "bf16", a="ua.npy", b="fb.npy")
        self.bad_float("bfloat16 needs --dtype bf16", a="ua.npy", b="ub.npy")
        self.bad_float("bfloat16 needs --dtype bf16", b="ub.npy")
        for dtype in ("fp16", "bfloat16", "BF16", "int8"):
            self.bad_float("unknown --dtype", "--dtype", dtype, a="ua.npy", b="ub.npy")
        self.put("x.npy", npyfile.pack(npyfile.header(">f2", (2, 3)), bytes(12)))
        self.bad_float("big-endian", a="x.npy")

    def test_floating_point_has_no_zero_points_and_a_float_bias(self):
        self.floats()
        npyfile.write(self.folder / "z.npy", "|i1", (4,), [0] * 4)
        self.bad_float("--a-zero-point: only integers have zero points", "--a-zero-point", "0")
        for zero_point in ("1", "z.npy"):
            self.bad_float("--b-zero-point: only integers have zero points", "--b-zero-point", zero_point)
        self.bad_float("dtype is int32, float32 expected", "--bias", "v.npy")
        self.bad("dtype is float32, int32 expected", more=("--bias", "fv.npy"))

    def test_configurations_without_floating_point(self):
        self.floats()
        for config in ("16x16-int8", "4x4-int8"):
            self.bad_float(f"configuration {config} has no floating point", "--config", config)
            self.bad_float("has no floating point", "--config", config, "--dtype", "bf16", "--json", "old.npy", a="ua.npy", b="ub.npy")
            for test in ("gemm_fp16", "gemm_bf16", "gemm_fp16_special", "gemm_float_stress", "gemm_mixed"):
                self.expect_bad_input("has no floating point", "sim", test, "--engine", ENGINE, "--config", config)

    def test_results_that_do_not_go_with_the_operands(self):
        self.floats()
        for dtype in ("fp32", "fp16", "bf16"):
            self.bad(f"--out-dtype {dtype} does not go with int8 operands", more=("--out-dtype", dtype))
        for dtype in ("int32", "int8", "uint8"):
            self.bad_float(f"--out-dtype {dtype} does not go with fp16 operands", "--out-dtype", dtype)
        for dtype in ("float32", "i8", "int16", "INT8"):
            self.bad("unknown --out-dtype", more=("--out-dtype", dtype))

    def test_requantisation_options_that_do_not_go_together(self):
        self.floats()
        for dtype in ("int8", "uint8"):
            self.bad(f"--out-dtype {dtype} needs --scale, or --multiplier and --shift", more=("--out-dtype", dtype))
        scale, multiplier, shift = ("--scale", "s.npy"), ("--multiplier", "m.npy"), ("--shift", "h.npy")
        for option in (scale, multiplier, shift, ("--out-zero-point", "1")):
            self.bad(f"{option[0]} needs --out-dtype int8 or uint8", more=option)
            self.bad(f"{option[0]} needs --out-dtype int8 or uint8", more=(*option, "--out-dtype", "int32"))
            self.bad_float(f"{option[0]} needs --out-dtype int8 or uint8", *option, "--out-dtype", "fp16")
        self.bad("exclude one another", more=(*self.QUANTISED, *scale, *multiplier, *shift))
        self.bad("exclude one another", more=(*self.QUANTISED, *scale, *multiplier))
        self.bad("exclude one another", more=(*self.QUANTISED, *scale, *shift))
        for half in (multiplier, shift):
            self.bad("--multiplier and --shift need one another", more=(*self.QUANTISED, *half))

    def test_requantisation_parameters(self):
        self.floats()
        fixed = (*self.QUANTISED, "--multiplier", "m.npy", "--shift", "h.npy")
        for value in (0.0, -0.0, -0.5, math.inf, -math.inf, math.nan):
            npyfile.write(self.folder / "x.npy", "<f4", (4,), [1, 0.5, value, 2])
            message = self.bad("positive finite scales expected", more=(*self.QUANTISED, "--scale", "x.npy"))
            self.assertIn("element 2 is ", message)
        for value in (-1, -(2**31)):
            npyfile.write(self.folder / "x.npy", "<i4", (1,), [value])
            self.bad("multipliers from 0 to 2147483647 expected", more=(*self.QUANTISED, "--multiplier", "x.npy", "--shift", "h.npy"))
        for value in (-32, 31, -128, 2**31 - 1):
            npyfile.write(self.folder / "x.npy", "<i4", (4,), [0, value, 0, 0])
            self.bad("shifts from -31 to 30 expected", more=(*self.QUANTISED, "--multiplier", "m.npy", "--shift", "x.npy"))
        for count in (0, 2, 3, 5):
            npyfile.write(self.folder / "x.npy", "<f4", (count,), [0.5] * count)
            self.bad(f"{count} scales, but B has 4 columns: one or 4 expected", more=(*self.QUANTISED, "--scale", "x.npy"))
            npyfile.write(self.folder / "x.npy", "<i4", (count,), [1] * count)
            self.bad(f"{count} multipliers, but B has 4", more=(*self.QUANTISED, "--multiplier", "x.npy", "--shift", "h.npy"))
            self.bad(f"{count} shifts, but B has 4", more=(*self.QUANTISED, "--multiplier", "m.npy", "--shift", "x.npy"))
        self.bad("int32 expected", more=(*self.QUANTISED, "--multiplier", "s.npy", "--shift", "h.npy"))
        self.bad("float32 expected", more=(*self.QUANTISED, "--scale", "m.npy"))
        self.bad("nowhere.npy: No such file", more=(*self.QUANTISED, "--scale", "nowhere.npy"))
        npyfile.write(self.folder / "x.npy", "<f4", (1, 4), [0.5] * 4)
        self.bad("1 expected", more=(*self.QUANTISED, "--scale", "x.npy"))
        for value in ("-129", "128", "x"):
            self.bad("--out-zero-point", more=(*fixed, f"--out-zero-point={value}"))
        for value in ("-1", "256"):
            self.bad("an integer from 0 to 255", more=("--out-dtype", "uint8", "--scale", "s.npy", f"--out-zero-point={value}"))

    def test_bounds(self):
        self.floats()
        scaled = (*self.QUANTISED, "--scale", "s.npy")
        for option in ("--clamp-min", "--clamp-max"):
            self.bad(f"{option} needs another --out-dtype than int32", more=(option, "1"))
            for value in ("-129", "128", "1.5", "inf", "nan", "x"):
                self.bad("an integer from -128 to 127 expected", more=(*scaled, f"{option}={value}"))
            for value in ("nan", "-nan", "NaN", "x", " 1", "1 ", "0x10", "1e39", "-1e39", "1.5.2", "--1", "infinite"):
                self.bad_float("inf or -inf expected", f"{option}={value}")
        self.bad("--clamp-min is 5, more than --clamp-max, which is 4", more=(*scaled, "--clamp-min", "5", "--clamp-max", "4"))
        self.bad_float("--clamp-min is 0.5, more than --clamp-max, which is -inf", "--clamp-min", "0.5", "--clamp-max=-inf")

    def test_unknown_configuration(self):
        for name in ("17x17", "16x16-int4", "16X16-INT8", "../16x16-int8"):
            message = self.bad("unknown configuration", more=("--config", name))
            self.assertIn("16x16, 8x8", message)
            self.assertIn("16x16-int8", message)
        self.expect_bad_input("unknown configuration", "sim", "gemm_int8", "--config", "nothing")

    def test_unknown_engine(self):
        self.expect_bad_input("unknown engine 'verilog'", "gemm", "--engine", "verilog", "--a", "a.npy", "--b", "b.npy", "--out", "c.npy")
        self.expect_bad_input("unknown engine 'verilog'", "sim", "gemm_int8", "--engine", "verilog")

    def test_unwritable_outputs(self):
        os.mkdir(self.folder / "folder")
        for path in ("no/such/folder/c.npy", "folder", "new/", "old.npy/c.npy"):
            self.bad("cannot write " + path, out=path)
            self.bad("cannot write " + path, more=("--json", path))
        self.expect_bad_input("cannot write", "gemm", "--a", "a.npy", "--b", "b.npy", "--out", "c.npy", "--waves", "no/such/w.fst")
        self.expect_bad_input("cannot write", "sim", "gemm_int8", "--engine", ENGINE, "--json", "no/such/folder/r.json")
        if os.path.exists("/dev/full") and stat.S_ISCHR(os.stat("/dev/full").st_mode):
            self.bad("No space left", out="/dev/full")
        os.mkfifo(self.folder / "pipe")  # stands for a device
        self.expect_bad_input("not a regular file", "gemm", "--a", "a.npy", "--b", "b.npy", "--out", "c.npy", "--waves", "pipe")

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_outputs_without_permission(self):
        os.mkdir(self.folder / "folder")
        os.chmod(self.folder / "folder", 0o500)
        self.bad("Permission denied", out="folder/c.npy")
        os.chmod(self.folder / "old.npy", 0o400)
        self.bad("Permission denied", out="old.npy")

    def test_bad_input_leaves_an_older_output_alone(self):
        self.bad("No such file", a="nowhere.npy", out="old.npy")
        self.assertEqual((self.folder / "old.npy").read_bytes(), b"what was there before")

    def test_outputs_of_one_name(self):
        os.mkdir(self.folder / "folder")
        os.symlink("c.npy", self.folder / "link")
        self.put("c.npy", b"old")  # a link to nothing would be replaced, not followed
        for path in ("c.npy", "./c.npy", "folder/../c.npy", str(self.folder / "c.npy"), "link"):
            self.bad("--out and --json name the same file", more=("--json", path))
        for out, json, waves, named in (
            ("c.npy", "r.json", "c.npy", "--out and --waves"),
            ("c.npy", "r.json", "./r.json", "--json and --waves"),
            ("c3.gtkw", "r.json", "c3.fst", "--out and the .gtkw of --waves"),
            ("c.npy", "w.gtkw", "./w.fst", "--json and the .gtkw of --waves"),
            ("c.npy", "w.gtkw", "w", "--json and the .gtkw of --waves"),
        ):
            self.expect_bad_input(
                named + " name the same file", "gemm", "--a", "a.npy", "--b", "b.npy", "--out", out, "--json", json, "--waves", waves
            )
        self.expect_bad_input("--json and the .gtkw of --waves", "sim", "gemm_int8", "--json", "w.gtkw", "--waves", "w.fst")

    def test_both_outputs_or_neither(self):
        if os.path.exists("/dev/full") and stat.S_ISCHR(os.stat("/dev/full").st_mode):
            self.bad("No space left", more=("--json", "/dev/full"))
            self.bad("No space left", out="old.npy", more=("--json", "/dev/full"))
            self.bad("No space left", out="/dev/full", more=("--json", "r.json"))
            self.expect_bad_input("No space left", "sim", "gemm_int8", "--engine", ENGINE, "--json", "/dev/full")

    def test_files_that_cannot_grow(self):
        # The limit on a file's size stands for a full disk. C takes 160 bytes, the report some 700.
        arguments = ("gemm", "--engine", ENGINE, "--a", "a.npy", "--b", "b.npy", "--out", "c.npy")
        self.expect_bad_input("cannot write c.npy", *arguments, file_limit=100)
        self.expect_bad_input("cannot write r.json", *arguments, "--json", "r.json", file_limit=300)
        waves = (arguments[0], *arguments[3:], "--config", "4x4-int8", "--waves", "w.fst", "--json", "r.json")
        rng = random.Random(1)
        npyfile.write(self.folder / "a.npy", "|i1", (20, 40), [rng.randint(-128, 127) for _ in range(800)])
        npyfile.write(self.folder / "b.npy", "|u1", (40, 24), [rng.randint(0, 255) for _ in range(960)])
        self.expect_status(0, *waves)
        self.assertIs(json.loads((self.folder / "r.json").read_text())["pass"], True)
        size = (self.folder / "w.fst").stat().st_size
        finished = 0
        for limit in (size - 1, size // 2, 1000):  # the end is missing; half; even the signals' names do not fit
            (self.folder / "c.npy").unlink(missing_ok=True)
            (self.folder / "r.json").unlink(missing_ok=True)
            result = self.systole(*waves, file_limit=limit)
            with self.subTest(limit=limit):
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertRegex(result.stderr, r"^systole: (.*is the disk full\?\)|no signals in the waves in w\.fst)\n$")
                # Either all but the waves is there, or nothing is.
                done = result.stdout != ""
                finished += done
                self.assertIs((self.folder / "c.npy").exists(), done)
                if done:
                    self.assertTrue(result.stdout.startswith("gemm: PASS\n"), result.stdout)
                if done or (self.folder / "r.json").exists():
                    self.assertIs(json.loads((self.folder / "r.json").read_text())["pass"], done)
        self.assertGreater(finished, 0)

    def test_numbers_out_of_range(self):
        for option in ("--mem-latency", "--mem-bytes-per-cycle", "--mem-outstanding"):
            for value in ("0", "-1", "x", "1.5", "4294967297"):
                self.bad(option, more=(option, value))
        for option in ("--stall-seed", "--layout-seed"):
            for value in ("-1", "x", "18446744073709551616"):
                self.bad(option, more=(option, value))
        self.expect_bad_input("--seed", "sim", "gemm_int8", "--engine", ENGINE, "--seed", "x")

    def test_builds_that_this_program_lacks(self):
        for more in ((), ("--json", "old.npy")):
            self.expect_bad_input("no RTL build of '32x32-int8' with random", "sim", "gemm_int8", "--config", "32x32-int8", "--x-seed", "1", *more)

    def test_waves_of_the_model(self):
        self.expect_bad_input("--waves needs --engine rtl", "gemm", "--engine", "model", "--a", "a.npy", "--b", "b.npy", "--out", "c.npy", "--waves", "w.fst")

    def test_plan(self):
        def bad(part, *arguments):
            self.expect_bad_input(part, "plan", *arguments)

        size = ("-m", "8", "-n", "8", "-k", "8")
        bad("-m is missing")
        bad("-n is missing", "-m", "3")
        bad("-k is missing", "-m", "3", "-n", "3")
        for value in ("0", "-1", "x", "", "1.5", "4294967296"):
            bad("", "-m", value, "-n", "3", "-k", "3")
        for option, more in (("-m", ("-n", "3", "-k", "3")), ("-n", ("-m", "3", "-k", "3")), ("-k", ("-m", "3", "-n", "3"))):
            bad(f": {option} is '0', an integer from 1", option, "0", *more)
            bad(f"'{option}'", *more, option)
            bad(f"'{option}'", *more, option, "3", option, "3")
            bad(f"'-{option}'", *more, "-" + option, "3")  # they have no long form
        bad("unknown --dtype 'fp8'", *size, "--dtype", "fp8")
        bad("unknown --dtype ''", *size, "--dtype", "int8,")
        bad("no product of int8 and fp16", *size, "--dtype", "int8,fp16")
        bad("no product of fp16 and bf16", *size, "--dtype", "fp16,bf16")
        bad("unknown --out-dtype 'fp8'", *size, "--out-dtype", "fp8")
        bad("does not go with", *size, "--dtype", "int8", "--out-dtype", "fp16")
        bad("does not go with", *size, "--dtype", "fp16", "--out-dtype", "int8")
        bad("has no floating point", *size, "--config", "8x8-int8", "--dtype", "fp16")
        bad("--per-column needs", *size, "--per-column")
        bad("unknown configuration", *size, "--config", "7x7")
        for option in ("--mem-latency", "--mem-bytes-per-cycle", "--mem-outstanding"):
            bad(option, *size, option, "0")
        bad("--layout-seed", *size, "--layout-seed", "x")
        for option in ("--engine", "--stall-seed", "--order-seed", "--a", "--waves"):  # of other commands
            bad(option, *size, option, "1")
        bad("cannot write", *size, "--json", "no/such/folder/r.json")
        bad("too many arguments", *size, "9")
        bad("address space", "-m", "4294967295", "-n", "4294967295", "-k", "4294967295")
        bad("commands", "-m", "65536", "-n", "65536", "-k", "65536", "--dtype", "int8")

    def test_shapes_of_a_plan(self):
        def bad(part, text):
            self.put("s.csv", text.encode())
            self.expect_bad_input(part, "plan", "--shapes", "s.csv", "--json", "old.npy")

        self.put("old.npy", b"older")
        self.expect_bad_input("cannot read none.csv", "plan", "--shapes", "none.csv")
        self.expect_bad_input("cannot read", "plan", "--shapes", ".")
        self.put("s.csv", b"m,n,k\n1,1,1\n")
        for option in ("-m", "-n", "-k"):
            self.expect_bad_input("exclude one another", "plan", "--shapes", "s.csv", option, "3")
        bad("no product", "")
        bad("no product", "m,n,k\n\n")
        bad("s.csv:1: a header with one column k expected", "m,n\n1,2\n")
        bad("s.csv:1: a header with one column m expected", "1,2,3\n")
        bad("s.csv:1: a header with one column n expected", "m,n,n,k\n1,2,3,4\n")
        bad("s.csv:3: k is ''", "m,n,k\n1,2,3\n1,2\n")
        for value in ("0", "-1", "x", "1.5", "4294967296", "99999999999999999999", "0x10"):
            bad(f"s.csv:2: n is '{value}'", f"m,n,k\n1,{value},3\n")
        bad("s.csv:2: n is '\"2\"'", 'm,n,k\n1,"2",3\n')  # no quotes
        bad("s.csv:1: a header", "x,n,k,\ufeffm\n1,2,3,4\n")  # the mark is one at the beginning only
        bad("100000x100000x100000: ", "m,n,k\n1,1,1\n100000,100000,100000\n")

    def test_traces(self):
        files = ("--a", "a.npy", "--b", "b.npy", "--out", "c.npy")
        self.expect_bad_input("cannot write", "sim", "gemm_int8", "--engine", ENGINE, "--trace", "no/such/folder/t.csv")
        self.expect_bad_input("name the same file", "gemm", "--engine", ENGINE, *files, "--json", "x", "--trace", "./x")
        self.expect_bad_input("name the same file", "gemm", "--engine", ENGINE, *files, "--trace", "c.npy")

    def test_timelines(self):
        files = ("--a", "a.npy", "--b", "b.npy", "--out", "c.npy")
        self.expect_bad_input("cannot write", "gemm", *files, "--timeline", "no/such/folder/t.json")
        self.expect_bad_input("--timeline needs --engine rtl", "gemm", "--engine", "model", *files, "--timeline", "t.json")
        self.expect_bad_input("--out and --timeline name the same file", "gemm", *files, "--timeline", "./c.npy")
        self.expect_bad_input("--json and the .svg of --timeline name the same file", "gemm", *files, "--timeline", "t.json", "--json", "t.svg")
        self.expect_bad_input("--trace and the .svg of --timeline", "sim", "gemm_int8", "--timeline", "t", "--trace", "t.svg")
        for limit in ("0", "99", "-1", "1000000001", "x"):
            self.expect_bad_input("--hang-limit is '" + limit + "', an integer from 100 to", "sim", "gemm_int8", "--hang-limit=" + limit)
        self.expect_bad_input("--hang-limit needs --engine rtl", "sim", "gemm_int8", "--engine", "model", "--hang-limit", "100")

    def test_command_lines(self):
        self.expect_bad_input("no command")
        self.expect_bad_input("unknown command 'multiply'", "multiply")
        self.expect_bad_input("takes no arguments", "version", "1")
        self.expect_bad_input("takes no arguments", "list", "--all")
        self.expect_bad_input("unknown test 'gemm_int9'", "sim", "gemm_int9", "--engine", ENGINE)
        self.expect_bad_input("no test named", "sim", "--engine", ENGINE)
        self.expect_bad_input("too many arguments", "sim", "gemm_int8", "gemv_int8")
        self.expect_bad_input("--a is missing", "gemm")
        self.expect_bad_input("--b is missing", "gemm", "--a", "a.npy", "--out", "c.npy")
        self.expect_bad_input("--out is missing", "gemm", "--a", "a.npy", "--b", "b.npy")
        self.bad("too many arguments", more=("d.npy",))
        self.bad("--frobnicate", more=("--frobnicate",))
        self.bad("--conf", more=("--conf", "16x16-int8"))
        self.bad("--bias", more=("--bias",))
        self.bad("more than once", more=("--a", "a.npy"))
        self.bad("empty", out="")

    def test_a_name_with_a_line_break_is_still_one_line(self):
        self.bad("no?where.npy", a="no\nwhere.npy")


if __name__ == "__main__":
    unittest.main()
