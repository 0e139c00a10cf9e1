#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""netlist.py against Yosys' own models: cells of each kind, with random tables, behave the same in Icarus Verilog for random
inputs; what is not modelled is refused.

Environment: YOSYS, the program; SYSTOLE_SEED: other random numbers."""
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
import netlist  # noqa: E402

YOSYS = os.environ.get("YOSYS", "yosys")
INPUTS = 16
CYCLES = 1000


def run(*command, cwd):
    done = subprocess.run([str(part) for part in command], cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=300, check=False)
    if done.returncode:
        raise AssertionError(f"{command[0]} exits with {done.returncode}:\n{done.stdout}")
    return done.stdout


class Cells:
    """A module of many cells, each output of which is seen."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines, self.outputs = [], 0

    def pin(self):
        """An input, now and then a constant."""
        return self.random.choice([f"i[{self.random.randrange(INPUTS)}]"] * 6 + ["1'b0", "1'b1"])

    def out(self):
        self.outputs += 1
        return f"o[{self.outputs - 1}]"

    def cell(self, kind, parameters, pins):
        parameters = ", ".join(f".{name}({value})" for name, value in parameters.items())
        pins = ", ".join(f".{name}({value})" for name, value in pins.items())
        self.lines.append(f"  {kind} #({parameters}) c{len(self.lines)} ({pins});")

    def table(self):
        some = self.random.getrandbits
        bits = self.random.choice([some(16), some(4) * 0x1111, some(8) * 0x101, 0x6666, 0xAAAA, 0x5555, 0, 0xFFFF])
        return f"16'h{bits:04x}"

    def add_all(self):
        for _ in range(60):
            self.cell("LUT4", {"INIT": self.table()}, {**{pin: self.pin() for pin in "ABCD"}, "Z": self.out()})
        for _ in range(6):
            self.cell("PFUMX", {}, {**{pin: self.pin() for pin in ("ALUT", "BLUT", "C0")}, "Z": self.out()})
            self.cell("L6MUX21", {}, {**{pin: self.pin() for pin in ("D0", "D1", "SD")}, "Z": self.out()})
        for i in range(40):
            inject = {f"INJECT1_{half}": self.random.choice(['"YES"', '"NO"', '"NO"']) for half in "01"}
            pins = {f"{pin}{half}": self.pin() for pin in "ABCD" for half in "01"}
            pins.update({pin: self.out() for pin in ("S0", "S1", "COUT")[i % 3:]}, CIN=self.pin())
            self.cell("CCU2C", {"INIT0": self.table(), "INIT1": self.table(), **inject}, pins)
        for _ in range(40):
            parameters = {"GSR": '"DISABLED"', "CEMUX": self.random.choice(['"CE"', '"1"', '"INV"']),
                          "LSRMUX": self.random.choice(['"LSR"', '"INV"']),
                          "REGSET": self.random.choice(['"RESET"', '"SET"']), "SRMODE": '"LSR_OVER_CE"'}
            pins = {"CLK": "clk_i", "DI": self.pin(), "CE": f"i[{self.random.randrange(3)}]", "Q": self.out()}
            if self.random.random() < 0.7:
                pins["LSR"] = f"i[{self.random.randrange(3)}]"
            else:
                pins["LSR"] = "1'b0"
            self.cell("TRELLIS_FF", parameters, pins)
        for _ in range(8):
            outputs = [self.out() for _ in range(4)]
            address = self.random.choice(["i[3:0]", "i[7:4]"])
            parameters = {"INITVAL": "64'hxxxxxxxxxxxxxxxx", "WCKMUX": '"WCK"', "WREMUX": '"WRE"'}
            self.cell("TRELLIS_DPR16X4", parameters,
                      {"DI": "i[15:12]", "WAD": address, "RAD": self.random.choice(["i[3:0]", "i[11:8]"]), "WCK": "clk_i",
                       "WRE": f"i[{self.random.randrange(12)}]", "DO": "{" + ", ".join(reversed(outputs)) + "}"})

    def verilog(self, name):
        head = f"module {name} (input clk_i, input [{INPUTS - 1}:0] i, output [{self.outputs - 1}:0] o);"
        return "\n".join([head, *self.lines, "endmodule", ""])


BENCH = """
module bench;
  reg clk = 0;
  reg [{inputs}:0] i;
  wire [{high}:0] gold, gate;
  reg [{high}:0] seen = 0;  // a memory's word is x until it is written
  integer n, k, wrong = 0, known = 0, seed = {seed};
  gold u_gold (.clk_i(clk), .i(i), .o(gold));
  gate u_gate (.clk_i(clk), .i(i), .o(gate));
  initial begin
    for (n = 0; n < {cycles}; n = n + 1) begin
      i = $random(seed);
      #1;
      for (k = 0; k <= {high}; k = k + 1) begin
        if (gate[k] !== 1'bx) seen[k] = 1;
        if (gate[k] !== 1'bx && gate[k] !== gold[k]) begin
          if (wrong < 5) $display("cycle %0d: output %0d is %b instead of %b", n, k, gate[k], gold[k]);
          wrong = wrong + 1;
        end
      end
      clk = 1;
      #1 clk = 0;
      #1;
    end
    for (k = 0; k <= {high}; k = k + 1) known = known + seen[k];
    $display("%0d wrong, %0d known", wrong, known);
  end
endmodule
"""


class Folder(unittest.TestCase):
    """A seed and a temporary folder."""

    def setUp(self):
        self.seed = int(os.environ.get("SYSTOLE_SEED", "1"), 0)
        self.folder = tempfile.TemporaryDirectory(prefix="systole-gates-")  # pylint: disable=consider-using-with
        self.path = pathlib.Path(self.folder.name)
        self.addCleanup(self.folder.cleanup)


class CellsTest(Folder):
    def netlist_of(self, text, top):
        """The JSON netlist of a module made of cells."""
        (self.path / "cells.v").write_text(text, encoding="utf-8")
        run(YOSYS, "-q", "-p", "read_verilog -lib +/ecp5/cells_sim.v +/ecp5/cells_bb.v; read_verilog cells.v; "
            f"hierarchy -check -top {top}; blackbox =A:whitebox; write_json cells.json", cwd=self.path)
        with open(self.path / "cells.json", encoding="utf-8") as file:
            return json.load(file)

    def compare(self, change=lambda text: text):
        """The bench's last line; `change` may spoil the translated cells."""
        cells = Cells(self.seed)
        cells.add_all()
        design = self.netlist_of(cells.verilog("gate"), "gate")
        gate = change(netlist.Translator(design, "gate", 0).verilog())
        (self.path / "gate.sv").write_text(gate, encoding="utf-8")
        (self.path / "gold.v").write_text(cells.verilog("gold"), encoding="utf-8")
        bench = BENCH.format(inputs=INPUTS - 1, high=cells.outputs - 1, cycles=CYCLES, seed=self.seed)
        (self.path / "bench.sv").write_text(bench, encoding="utf-8")
        # Yosys' file, as Yosys reads it; Icarus does not take all of its specify blocks.
        run(YOSYS, "-q", "-p", "read_verilog gold.v; read_verilog -nooverwrite +/ecp5/cells_sim.v; hierarchy -top gold; proc; "
            "flatten; memory_collect; opt_clean; write_verilog -noattr gold_flat.v", cwd=self.path)
        run("iverilog", "-g2012", "-o", "bench.vvp", "bench.sv", "gate.sv", "gold_flat.v", cwd=self.path)
        return run("vvp", "bench.vvp", cwd=self.path).splitlines(), cells.outputs

    def test_every_cell_behaves_as_in_yosys_models(self):
        lines, outputs = self.compare()
        self.assertEqual(lines[-1], f"0 wrong, {outputs} known", "\n".join(lines))

    def test_a_wrong_carry_is_noticed(self):
        lines, _ = self.compare(lambda text: text.replace(" ^ ", " | "))
        self.assertRegex(lines[-1], "^[1-9][0-9]* wrong")

    def refuse(self, text, *words):
        with self.assertRaises(netlist.NetlistError) as caught:
            netlist.Translator(self.netlist_of(text, "bad"), "bad", 0).verilog()
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_what_is_not_modelled_is_refused(self):
        head = "module bad (input clk_i, input a, input [3:0] b, output q, output [3:0] d); "
        ff = 'TRELLIS_FF #(.{}("{}")) u (.CLK({}), .DI(b[0]), .LSR(b[1]), .CE(b[2]), .Q(q)); endmodule'
        self.refuse(head + ff.format("SRMODE", "ASYNC", "clk_i"), "SRMODE", "ASYNC")
        self.refuse(head + ff.format("CLKMUX", "INV", "clk_i"), "CLKMUX", "INV")
        self.refuse(head + ff.format("REGSET", "RESET", "a"), "CLK", "clk_i")
        ram = "TRELLIS_DPR16X4 #(.INITVAL(64'h1)) u (.DI(b), .WAD(b), .RAD(b), .WRE(a), .WCK(clk_i), .DO(d)); endmodule"
        self.refuse(head + ram, "initial contents")
        self.refuse(head + "DP16KD #(.INITVAL_05(320'h4)) u (.CLKA(clk_i), .DOA0(q)); endmodule", "INITVAL_05")
        self.refuse(head + "DCCA u (.CLKI(clk_i), .CE(a), .CLKO(q)); endmodule", "DCCA")


BLOCKS = """
module bench;
  reg clk = 0, we = 0, re = 1, sa = 0, sb = 0;
  reg [3:0] be = 0;
  reg [8:0] wa = 0, ra = 0;
  reg [35:0] d = 0;
  reg [17:0] a, b;
  wire [35:0] q, p;
  DP16KD #(.DATA_WIDTH_A(36), .DATA_WIDTH_B(36){ram}) u_ram (.CLKA(clk), .CLKB({clkb}), .CEA(1'b1), .WEA(we), .CEB(re), .WEB(1'b0),
    .RSTA(1'b0), .RSTB(1'b0), .CSA0(1'b0), .CSA1(1'b0), .CSA2(1'b0), .CSB0(1'b0), .CSB1(1'b0), .CSB2(1'b0), {ram_pins});
  MULT18X18D #(.GSR("ENABLED"){mult}) u_mult (.SIGNEDA(sa), .SIGNEDB(sb), .SOURCEA(1'b0), .SOURCEB(1'b0), {mult_pins});
  task step(input w, input [3:0] e, input [8:0] at, input [35:0] value, input r, input [8:0] from);
    begin
      we = w; be = e; wa = at; d = value; re = r; ra = from;
      #1 clk = 1;
      #1 clk = 0;
      $display("%h", q);
    end
  endtask
  initial begin
    step(1, 4'hf, 9'd511, 36'h123456789, 0, 0);
    step(1, 4'hf, 9'd3, 36'h000000000, 1, 9'd511);  // 123456789
    step(1, 4'h5, 9'd511, 36'hfffffffff, 1, 9'd3);  // 000000000
    step(0, 4'hf, 9'd3, 36'h0, 1, 9'd511);          // bytes 0 and 2 are ones
    step(1, 4'hf, 9'd3, 36'h00000000f, 0, 9'd3);    // holds
    step(1, 4'h1, 9'd3, 36'h0000000ff, 1, 9'd3);    // collision: complement of the old word
    step(1, 4'h0, 9'd3, 36'h0, 1, 9'd3);            // no byte is written: no collision
    a = 18'h3ffff; b = 18'h20000;
    #1 $display("%h", p);
    sa = 1; sb = 1;
    #1 $display("%h", p);
    sb = 0;
    #1 $display("%h", p);
    $finish;
  end
endmodule
"""


class BlocksTest(Folder):
    """ecp5_blocks.v: values worked by hand, and modes that it must not accept."""

    def bench(self, ram="", mult="", clkb="clk"):
        pins = [f".DIA{i}(d[{i}]), .DIB{i}(d[{i + 18}]), .DOA{i}(q[{i}]), .DOB{i}(q[{i + 18}])" for i in range(18)]
        pins += [f".ADA{i}(be[{i}])" for i in range(4)] + [".ADA4(1'b0)"] + [f".ADB{i}(1'b0)" for i in range(5)]
        pins += [f".ADA{i + 5}(wa[{i}]), .ADB{i + 5}(ra[{i}])" for i in range(9)]
        mult_pins = [f".A{i}(a[{i}]), .B{i}(b[{i}]), .P{i}(p[{i}]), .P{i + 18}(p[{i + 18}])" for i in range(18)]
        (self.path / "bench.sv").write_text(BLOCKS.format(ram=ram, mult=mult, clkb=clkb, ram_pins=", ".join(pins),
                                                          mult_pins=", ".join(mult_pins)), encoding="utf-8")
        run("iverilog", "-g2012", "-s", "bench", "-o", "bench.vvp", "bench.sv", HERE / "ecp5_blocks.v", cwd=self.path)
        return run("vvp", "-n", "bench.vvp", cwd=self.path).split()

    def test_values(self):
        ones = 0x123456789 | 0x1FF | 0x1FF << 18
        products = [f"{0x3ffff * 0x20000:09x}", f"{0x20000:09x}", f"{(1 << 36) - 0x20000:09x}"]
        self.assertEqual(self.bench()[1:], ["123456789", "000000000", f"{ones:09x}", f"{ones:09x}", f"{0xf ^ (1 << 36) - 1:09x}",
                                            "0000000ff", *products])

    def test_other_modes_do_not_elaborate(self):
        for word, options in (("output_registers", {"ram": ', .REGMODE_B("OUTREG")'}),
                              ("chip_selects", {"ram": ', .CSDECODE_A("0b001")'}),
                              ("inverted_clocks", {"ram": ', .CLKBMUX("INV")'}),
                              ("write_mode", {"ram": ', .WRITEMODE_A("OTHER")'}),
                              ("these_registers", {"mult": ', .REG_PIPELINE_CLK("CLK0")'}),
                              ("these_registers", {"mult": ', .REG_INPUTA_CLK("CLK0")'}),
                              ("bypass", {"mult": ', .MULT_BYPASS("ENABLED")'})):
            with self.subTest(word), self.assertRaisesRegex(AssertionError, word):
                self.bench(**options)

    def test_registers_of_the_multiplier(self):
        """Operands 3 and -5 in one cycle, 7 and 9 in all others: which of three clocks shows the first product."""
        pins = ", ".join(f".A{i}(a[{i}]), .B{i}(b[{i}]), .P{i}(p[{i}]), .P{i + 18}(p[{i + 18}])" for i in range(18))
        operands, product = '.REG_INPUTA_CLK("CLK0"), .REG_INPUTB_CLK("CLK0")', '.REG_OUTPUT_CLK("CLK0")'
        for options, first in ((operands, 0), (product, 0), (f"{operands}, {product}", 1)):
            (self.path / "bench.sv").write_text(
                f"""module bench; reg clk = 0; reg [17:0] a = 3, b = -5; wire [35:0] p;
                MULT18X18D #({options}) u (.CLK0(clk), .CE0(1'b1), .RST0(1'b0), .SIGNEDA(1'b1), .SIGNEDB(1'b1), .SOURCEA(1'b0), .SOURCEB(1'b0),
                  {pins});
                initial repeat (3) begin #1 clk = 1; #1 a = 7; b = 9; #1 clk = 0; #1 $display("%0d", $signed(p)); end
                initial #20 $finish; endmodule""", encoding="utf-8")
            run("iverilog", "-g2012", "-s", "bench", "-o", "bench.vvp", "bench.sv", HERE / "ecp5_blocks.v", cwd=self.path)
            shown = run("vvp", "-n", "bench.vvp", cwd=self.path).split()
            self.assertEqual(shown[first:first + 2], ["-15", "63"], options)

    def test_two_clocks_stop_the_simulation(self):
        self.assertIn("clocks", self.bench(clkb="1'b0"))


if __name__ == "__main__":
    unittest.main()
