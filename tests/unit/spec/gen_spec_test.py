#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/gen_spec.py: committed outputs are current, stale ones are named, each kind of faulty specification is refused."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SPEC = (ROOT / "scripts" / "spec" / "systole.toml").read_text(encoding="utf-8")
OUTPUTS = ("rtl/common/systole_pkg.sv", "rtl/control/systole_regs.sv", "firmware/include/systole_regs.h",
           "docs/commands_and_registers.md")


def generate(*arguments):
    return subprocess.run([sys.executable, "-B", str(ROOT / "scripts" / "gen_spec.py"), *map(str, arguments)],
                          capture_output=True, text=True, check=False)


class GenSpecTest(unittest.TestCase):
    def refuses(self, old, new, message):
        """The specification with `old` replaced by `new` gives one line with `message`, status 2 and no file."""
        self.assertEqual(SPEC.count(old) >= 1, True, f"the specification has no {old!r}")
        with tempfile.TemporaryDirectory() as folder:
            spec = pathlib.Path(folder, "spec.toml")
            spec.write_text(SPEC.replace(old, new, 1), encoding="utf-8")
            out = pathlib.Path(folder, "out")
            result = generate("--spec", spec, "--root", out)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
            self.assertIn(message, result.stderr)
            self.assertFalse(out.exists())

    def test_committed_outputs_are_current(self):
        result = generate("--check")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_names_the_stale_files_and_leaves_them(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(generate("--root", folder).returncode, 0)
            self.assertEqual(generate("--root", folder, "--check").returncode, 0)
            for output in OUTPUTS:
                path = pathlib.Path(folder, output)
                text = path.read_text(encoding="utf-8")
                self.assertEqual(text, (ROOT / output).read_text(encoding="utf-8"))
                path.write_text(text + " ", encoding="utf-8")
                result = generate("--root", folder, "--check")
                self.assertEqual(result.returncode, 1)
                self.assertEqual([name in result.stderr for name in OUTPUTS], [name == output for name in OUTPUTS])
                self.assertEqual(path.read_text(encoding="utf-8"), text + " ")
                path.write_text(text, encoding="utf-8")

    def test_keeps_paragraphs_and_list_items_apart(self):
        doc = 'doc = """A para-\n  graph.\n\n- one *item*\n  goes on\n- ' + "long " * 40 + '\n\nAnother."""\n'
        spec_text = re.sub(r'(\[\[command\]\]\nname = "STORE"\n)doc = """.*?"""\n', lambda match: match[1] + doc, SPEC, flags=re.S)
        self.assertIn("one *item*", spec_text)
        with tempfile.TemporaryDirectory() as folder:
            spec = pathlib.Path(folder, "spec.toml")
            spec.write_text(spec_text, encoding="utf-8")
            self.assertEqual(generate("--spec", spec, "--root", folder).returncode, 0)
            header = pathlib.Path(folder, OUTPUTS[2]).read_text(encoding="utf-8")
            document = pathlib.Path(folder, OUTPUTS[3]).read_text(encoding="utf-8")
        # Lines that fit; a continued item is indented below its first line; the paragraphs around the list stand alone.
        self.assertRegex(header, r"/\* STORE\. A para- graph\.\n \*\n \* - one \*item\* goes on\n \* - (long )+long\n"
                                 r"( \*   (long )*long\n)+ \*\n \* Another\. \*/\n#define")
        self.assertRegex(document, r"### STORE\n\nA para- graph\.\n\n- one \\\*item\\\* goes on\n- (long )+long\n"
                                   r"(  (long )*long\n)+\nAnother\.\n\n\|")

    def test_refuses_overlapping_command_fields(self):
        self.refuses('word = 4,  bits = "7:4",   name = "bank"', 'word = 4,  bits = "7:3",   name = "bank"', "LOAD.bank")

    def test_refuses_a_field_over_a_common_one(self):
        self.refuses('word = 2,  bits = "31:0",  name = "address_lo"', 'word = 1,  bits = "31:0",  name = "address_lo"', "overlap")

    def test_refuses_overlapping_register_fields(self):
        self.refuses('{ bits = "1", name = "soft_reset"', '{ bits = "0", name = "soft_reset"', "register CTRL.soft_reset")

    def test_refuses_a_field_beyond_the_word(self):
        self.refuses('bits = "31:24", name = "pad_bottom"', 'bits = "32:24", name = "pad_bottom"', "32-bit word")

    def test_refuses_a_field_beyond_the_record(self):
        self.refuses('word = 10, bits = "31:24", name = "pad_bottom"', 'word = 16, bits = "31:24", name = "pad_bottom"', "0..15")

    def test_refuses_bits_upside_down(self):
        self.refuses('bits = "31:24", name = "pad_bottom"', 'bits = "24:31", name = "pad_bottom"', "LOAD.pad_bottom")

    def test_refuses_a_field_name_twice(self):
        self.refuses('name = "pad_left"', 'name = "pad_top"', "twice")

    def test_refuses_a_register_offset_twice(self):
        self.refuses("offset = 0x044", "offset = 0x040", "already belongs to RING_HEAD")

    def test_refuses_a_counter_on_a_register(self):
        self.refuses("base = 0x088", "base = 0x080", "COUNTER_CTRL")

    def test_refuses_an_odd_offset(self):
        self.refuses("offset = 0x044", "offset = 0x045", "multiple of 4")

    def test_refuses_a_register_name_twice(self):
        self.refuses('name = "WATCHDOG"\naccess', 'name = "RING_TAIL"\naccess', "twice")

    def test_refuses_an_enum_value_that_does_not_fit(self):
        self.refuses('name = "KEEP", value = 2', 'name = "KEEP", value = 4', "does not fit in 2 bits")

    def test_refuses_an_enum_value_twice(self):
        self.refuses('name = "KEEP", value = 2', 'name = "KEEP", value = 1', "same value")

    def test_refuses_an_error_without_a_sentence(self):
        self.refuses(', sentence = "a token was given too often"', "", "enum error.TOKEN: `sentence` is missing")

    def test_refuses_an_error_without_a_result(self):
        self.refuses('result = "ERR_PARAM", ', "", "enum error.PARAM: `result` is missing")

    def test_refuses_an_error_that_is_no_failure(self):
        self.refuses('result = "ERR_PARAM"', 'result = "OK"', "enum error.PARAM: result 'OK'")

    def test_refuses_a_sentence_with_a_full_stop(self):
        self.refuses("given too often", "given too often.", "enum error.TOKEN: `sentence`")

    def test_refuses_a_sentence_elsewhere(self):
        self.refuses('name = "KEEP", value = 2', 'name = "KEEP", sentence = "kept", value = 2', "unknown key `sentence`")

    def test_refuses_a_token_bit_twice(self):
        self.refuses("bit = 7", "bit = 6", "used twice")

    def test_refuses_an_unknown_access(self):
        self.refuses('access = "rw"', 'access = "wr"', "unknown access")

    def test_refuses_an_unknown_key(self):
        self.refuses('access = "rw"\ndoc', 'acess = "rw"\ndoc', "access")

    def test_refuses_what_is_not_toml(self):
        self.refuses("[project]", "[project", "")

    def test_refuses_a_missing_file(self):
        result = generate("--spec", "/nonexistent.toml")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(result.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
