# SPDX-License-Identifier: Apache-2.0
"""scripts/formal on a counter of a few lines: it tells what holds from what does not, by each engine."""
import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
loader = importlib.machinery.SourceFileLoader("formal", str(ROOT / "scripts" / "formal"))
formal = importlib.util.module_from_spec(importlib.util.spec_from_loader("formal", loader))
sys.modules["formal"] = formal
loader.exec_module(formal)

COUNTER = """module counter #(parameter int Top = 5) (input logic clk_i, input logic rst_ni, input logic go_i);
  logic past_q;
  logic [2:0] count_q;
  initial past_q = 1'b0;
  always_comb assume (rst_ni == past_q);
  always_ff @(posedge clk_i) begin
    past_q <= 1'b1;
    if (!rst_ni) count_q <= '0;
    else if (go_i) count_q <= count_q == 3'd5 ? 3'd0 : count_q + 3'd1;
    if (past_q) begin
      assert (count_q <= 3'(Top));
      assert (count_q != 3'd7);
      cover (count_q == 3'd2);  // two
      cover (count_q == 3'd4);  // four
    end
  end
endmodule
"""
PROOF = """[[proof]]
name = "counter"
says = "it counts"
top = "counter"
prove = ["{source}"]
{more}
[[proof.fault]]
what = "it goes on"
file = "{source}"
find = "{find}"
put = "{put}"
"""


class FormalTest(unittest.TestCase):
    def formal(self, *arguments, more="", find="count_q == 3'd5", put="count_q == 3'd6", text=None):
        """(exit status, all it says) of the proof of the counter; 2 for what it calls bad input."""
        with tempfile.TemporaryDirectory(prefix="systole-formal-") as name:
            folder = pathlib.Path(name)
            source, table, output = folder / "counter.sv", folder / "proofs.toml", io.StringIO()
            source.write_text(COUNTER)
            table.write_text(text if text is not None else PROOF.format(source=source, more=more, find=find, put=put))
            with mock.patch.multiple(formal, BUILD=ROOT / "build" / "formal" / "test", TABLE=table), \
                    mock.patch.object(formal.proofs, "__defaults__", (table,)), contextlib.redirect_stdout(output):
                try:
                    return formal.main(list(arguments)), output.getvalue()
                except formal.BadInput as error:
                    return 2, str(error)

    def test_what_holds_is_proved_by_each_engine(self):
        for more, says in (("", "any number of cycles (pdr"), ('engine = "bmc"\ndepth = 9', "9 cycles (bmc)"),
                           ('engine = "induction"\ndepth = 2', "any number of cycles (induction")):
            status, text = self.formal(more=more)
            self.assertEqual(status, 0, text)
            self.assertIn(f"2 assertions hold, {says}", text)
            self.assertIn("2 covers reached, the last in cycle 5", text)
            self.assertRegex(text, r"it goes on: refuted in cycle 7 by counter\.sv:11")

    def test_what_does_not_hold_fails_by_each_engine_with_its_place_and_a_trace(self):
        for more in ("", 'engine = "bmc"\ndepth = 9', 'engine = "induction"\ndepth = 2'):
            status, text = self.formal(more=more + "\nsizes = [{ Top = 4 }]")
            self.assertEqual(status, 1, text)
            if "induction" not in more:
                self.assertRegex(text, r"FAILED .*counter\.sv:11; build/formal/test/counter/0/trace\.txt")
                trace = (ROOT / "build/formal/test/counter/0/trace.txt").read_text()
                self.assertRegex(trace, r"(?s)cycle 6\n.*count_q = 0x5")

    def test_a_bound_below_the_failure_is_said_to_be_one(self):
        status, text = self.formal(more='sizes = [{ Top = 4 }]\nengine = "bmc"\ndepth = 4')
        self.assertIn("2 assertions hold, 4 cycles (bmc)", text)
        self.assertEqual(status, 0, text)

    def test_a_cover_that_is_not_reached_fails(self):
        status, text = self.formal(more="cover_depth = 5")
        self.assertEqual(status, 1, text)
        self.assertRegex(text, r"FAILED .*covers not reached within 5 cycles: \S+counter\.sv:14 \(four\)\n")

    def test_a_planted_fault_that_is_not_refuted_fails(self):
        status, text = self.formal(put="count_q >= 3'd5")
        self.assertEqual(status, 1, text)
        self.assertIn("NOT refuted", text)

    def test_quick_runs_the_sizes_that_are_marked_and_their_faults(self):
        status, text = self.formal("--quick", more="sizes = [{ Top = 5 }, { Top = 6 }]\nquick = [1]")
        self.assertEqual(status, 0, text)
        self.assertIn("counter Top=6 covers: 2 covers reached", text)
        self.assertNotIn("Top=5", text)
        self.assertNotIn("fault", text)

    def test_a_module_that_is_said_to_be_proved_and_is_not_there_fails(self):
        status, text = self.formal(more='use = ["rtl/common/systole_fifo.sv"]')
        self.assertEqual(status, 1, text)
        self.assertIn("prove and use say otherwise", text)

    def test_bad_input_is_one_line(self):
        good = PROOF.format(source="rtl/common/systole_fifo.sv", more="", find="module systole_fifo", put="")
        for text, says in (("proof = 1 1", "proofs.toml"), (good + "[[proof.fault]]\nwhat = 1\n", "lacks"), (good.replace("top", "tip"), "unknown tip"),
                           (good.replace("module systole_fifo", "nothing"), "found 0 times"), (good.replace("_fifo.sv", "_none.sv"), "no file"),
                           (good.replace('top = "counter"', 'top = "counter"\nengine = "magic"'), "engine is"),
                           (good.replace('top = "counter"', 'top = "counter"\nquick = [1]'), "quick names a size"),
                           (good.split("[[proof.fault]]")[0], "no planted fault"), (good + good, "is there twice")):
            status, message = self.formal(text=text)
            self.assertEqual(status, 2, message)
            self.assertIn(says, message)
            self.assertNotIn("\n", message)
        self.assertEqual(self.formal("nothing")[0], 2)


if __name__ == "__main__":
    unittest.main()
