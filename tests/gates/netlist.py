#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns a netlist of ECP5 cells into Verilog that Verilator compiles quickly: netlist.py NETLIST.json TOP OUT.sv [--faults N]

NETLIST.json is what Yosys' write_json gives after synth_ecp5. Each cell is replaced on its own by what it does, as in Yosys' own
ecp5/cells_sim.v (cells_test.py compares them); nothing is simplified across cells. Flip-flops with the same enable and reset
stand side by side in a vector, distributed RAM with the same addresses in one memory. Block RAMs and multipliers are instances of
ecp5_blocks.v. Initial values of flip-flops and memories are left out, so that a simulator can start them with random bits.

    --faults N   N cells, chosen at random, get an inverted output while the variable `fault` holds their number (1 to N). It is set
                 once, by the function systole_gates_fault() (DPI-C); 0: none. The first N/8 are cells of multiplications in carry
                 chains, as far as there are any, then N/4 multipliers and block RAMs, the rest LUT4s

A cell, a mode or a parameter that is not known here ends with a line on stderr and exit status 2.
"""
import argparse
import collections
import json
import random
import sys

CLOCK = "clk_i"
WIDEST = 64  # bits of a vector of flip-flops or of a word of a memory


class NetlistError(Exception):
    """Something in the netlist that is not modelled."""


def text_parameter(cell, name, default):
    """A parameter that is a string; Yosys adds a space to one that looks like a number."""
    return cell["parameters"].get(name, default).rstrip(" ")


def expect(name, cell, **allowed):
    """Ends if a parameter of the cell has a value (or default) that is not among the allowed ones; the first is the default."""
    for parameter, values in allowed.items():
        value = text_parameter(cell, parameter, values[0])
        if value not in values:
            raise NetlistError(f"{cell['type']} {name}: {parameter} = {value} is not modelled (but {', '.join(values)})")


def lut(bits, init, inputs):
    """The table of `bits` inputs (the first is the least significant) as an expression of those that matter."""
    table = [init >> i & 1 for i in range(1 << bits)]
    names = list(inputs)
    i = 0
    while i < len(names):
        low = [value for at, value in enumerate(table) if not at >> i & 1]
        high = [value for at, value in enumerate(table) if at >> i & 1]
        if names[i] in ("1'b0", "1'b1") or low == high:
            table = high if names[i] == "1'b1" else low
            del names[i]
        else:
            i += 1
    if not names:
        return f"1'b{table[0]}"
    if len(names) == 1:
        return names[0] if table == [0, 1] else f"~{names[0]}"
    value = sum(bit << at for at, bit in enumerate(table))
    return f"{len(table)}'h{value:x} >> {{{', '.join(reversed(names))}}}"


def in_soft_product(cell):
    """Whether it is a CCU2C of a multiplication without a multiplier (scripts/fpga.d/flow_mul.py), with its first sum in use: both
    tables are (A & B) ^ (C & D), which nothing else makes."""
    return cell["type"] == "CCU2C" and all(int(cell["parameters"][name], 2) == 0x7888 for name in ("INIT0", "INIT1")) and \
        bool(cell["connections"].get("S0"))


class Translator:
    """The Verilog of one netlist."""

    def __init__(self, design, top, faults):
        if top not in design["modules"]:
            raise NetlistError(f"there is no module {top}")
        module = design["modules"][top]
        self.top, self.ports, self.cells = top, module["ports"], module["cells"]
        self.names = {"0": "1'b0", "1": "1'b1", "x": "1'bx", "z": "1'bx"}
        self.declarations, self.lines = [], []
        self.clock = None
        for port, about in self.ports.items():
            if about["direction"] == "input":
                for i, bit in enumerate(about["bits"]):
                    self.names[bit] = f"{port}[{i}]" if len(about["bits"]) > 1 else port
                if port == CLOCK:
                    self.clock = about["bits"][0]
        self.faulty = {}
        choices = sorted(name for name, cell in self.cells.items() if cell["type"] == "LUT4")
        blocks = sorted(name for name, cell in self.cells.items() if cell["type"] in ("MULT18X18D", "DP16KD"))
        products = sorted(name for name, cell in self.cells.items() if in_soft_product(cell))
        chooser = random.Random(1)
        chosen = chooser.sample(products, min(len(products), faults // 8))
        chosen += chooser.sample(blocks, min(len(blocks), faults // 4))
        chosen += chooser.sample(choices, min(len(choices), faults - len(chosen)))
        for number, name in enumerate(chosen, 1):
            self.faulty[name] = f" ^ (fault == {number})"

    def net(self, bit):
        """The name of a net or constant; a net that is new is declared."""
        if bit not in self.names:
            self.names[bit] = f"n{bit}"
            self.declarations.append(f"wire n{bit};")
        return self.names[bit]

    def wire(self, name, expression, width=1):
        """A wire beside the nets."""
        self.declarations.append(f"wire [{width - 1}:0] {name};" if width > 1 else f"wire {name};")
        self.lines.append(f"assign {name} = {expression};")

    def pin(self, cell, name, default="1'b0"):
        """What is connected to an input of one bit."""
        bits = cell["connections"].get(name)
        return self.net(bits[0]) if bits else default

    def bus(self, cell, name):
        return "{" + ", ".join(self.net(bit) for bit in reversed(cell["connections"][name])) + "}"

    def assign(self, cell, output, expression, name=None):
        """Drives a one-bit output, if anything is connected to it."""
        bits = cell["connections"].get(output)
        if bits:
            fault = self.faulty.get(name, "")
            self.lines.append(f"assign {self.net(bits[0])} = " + (f"({expression}){fault};" if fault else f"{expression};"))

    def clocked(self, name, cell, pin):
        if self.clock is None or cell["connections"][pin] != [self.clock]:
            raise NetlistError(f"{cell['type']} {name}: {pin} is not {CLOCK}")

    def combinational(self, name, cell):
        kind = cell["type"]
        if kind == "LUT4":
            self.assign(cell, "Z", lut(4, int(cell["parameters"]["INIT"], 2), [self.pin(cell, i) for i in "ABCD"]), name)
        elif kind == "PFUMX":
            self.assign(cell, "Z", f"{self.pin(cell, 'C0')} ? {self.pin(cell, 'ALUT')} : {self.pin(cell, 'BLUT')}")
        elif kind == "L6MUX21":
            self.assign(cell, "Z", f"{self.pin(cell, 'SD')} ? {self.pin(cell, 'D1')} : {self.pin(cell, 'D0')}")
        else:
            self.carry(name, cell)

    def carry(self, name, cell):
        """CCU2C: two tables with a carry through them."""
        expect(name, cell, INJECT1_0=("YES", "NO"), INJECT1_1=("YES", "NO"))
        carry = self.pin(cell, "CIN")
        at = len(self.lines)
        for half in "01":
            init = int(cell["parameters"][f"INIT{half}"], 2)
            inject = text_parameter(cell, f"INJECT1_{half}", "YES") == "YES"
            pins = [self.pin(cell, i + half) for i in "ABCD"]
            table, low = f"t{at}_{half}", lut(2, init & 15, pins[:2])
            self.wire(table, lut(4, init, pins))
            self.assign(cell, f"S{half}", table if inject else f"{table} ^ {carry}", name if half == "0" else None)
            after = f"{table} ? {carry} : " + ("1'b0" if inject else f"({low})")
            if half == "0":
                carry = f"c{at}"
                self.wire(carry, after)
            else:
                self.assign(cell, "COUT", after)

    def polarity(self, bit, inverted):
        """The net, or its complement."""
        return ("~" if inverted else "") + self.net(bit)

    def flip_flops(self):
        """Those with the same enable, reset and reset value in vectors; gives their outputs names first."""
        groups = collections.defaultdict(list)
        for name, cell in self.cells.items():
            if cell["type"] != "TRELLIS_FF":
                continue
            expect(name, cell, CLKMUX=("CLK",), LSRMUX=("LSR", "INV"), CEMUX=("1", "CE", "INV"), SRMODE=("LSR_OVER_CE",),
                   REGSET=("RESET", "SET"), LSRMODE=("LSR",))
            self.clocked(name, cell, "CLK")
            connections = cell["connections"]
            ce, lsr = text_parameter(cell, "CEMUX", "1"), text_parameter(cell, "LSRMUX", "LSR")
            enable = (connections["CE"][0], ce == "INV") if ce != "1" else None
            reset = (connections["LSR"][0], lsr == "INV") if connections.get("LSR") else None
            groups[enable, reset, text_parameter(cell, "REGSET", "RESET") == "SET"].append(cell)
        vectors = []
        for (enable, reset, value), cells in groups.items():
            for at in range(0, len(cells), WIDEST):
                part = cells[at:at + WIDEST]
                for i, cell in enumerate(part):
                    self.names[cell["connections"]["Q"][0]] = f"q{len(vectors)}[{i}]" if len(part) > 1 else f"q{len(vectors)}"
                vectors.append((enable, reset, value, part))
        return vectors

    def write_flip_flops(self, vectors):
        for i, (enable, reset, value, cells) in enumerate(vectors):
            data = ", ".join(self.net(cell["connections"]["DI"][0]) for cell in reversed(cells))
            self.declarations.append(f"reg [{len(cells) - 1}:0] q{i};" if len(cells) > 1 else f"reg q{i};")
            begin = f"if ({self.polarity(*reset)}) q{i} <= {{{len(cells)}{{1'b{int(value)}}}}}; else " if reset else ""
            begin += f"if ({self.polarity(*enable)}) " if enable else ""
            self.lines.append(f"always @(posedge {CLOCK}) {begin}q{i} <= {{{data}}};")

    def distributed_rams(self):
        """TRELLIS_DPR16X4: written at the edge, read without a clock."""
        groups = collections.defaultdict(list)
        for name, cell in self.cells.items():
            if cell["type"] != "TRELLIS_DPR16X4":
                continue
            expect(name, cell, WCKMUX=("WCK",), WREMUX=("WRE",))
            if set(text_parameter(cell, "INITVAL", "x")) - set("x"):
                raise NetlistError(f"TRELLIS_DPR16X4 {name}: initial contents are not modelled")
            self.clocked(name, cell, "WCK")
            groups[tuple(self.bus(cell, pin) for pin in ("WAD", "RAD", "WRE"))].append(cell)
        number = 0
        for (write, read, enable), all_cells in groups.items():
            for at in range(0, len(all_cells), WIDEST // 4):
                cells = all_cells[at:at + WIDEST // 4]
                high = 4 * len(cells) - 1
                memory = f"m{number}"
                data = ", ".join(self.bus(cell, "DI") for cell in reversed(cells))
                outputs = [bit for cell in cells for bit in cell["connections"]["DO"]]
                self.declarations.append(f"reg [{high}:0] {memory} [0:15];")
                self.lines.append(f"always @(posedge {CLOCK}) if ({enable}) {memory}[{write}] <= {{{data}}};")
                self.wire(f"{memory}_o", f"{memory}[{read}]", high + 1)
                self.lines += [f"assign {self.net(bit)} = {memory}_o[{i}];" for i, bit in enumerate(outputs)]
                number += 1

    def block(self, name, cell):
        """A block RAM or a multiplier."""
        parameters = []
        for parameter, value in sorted(cell["parameters"].items()):
            if parameter.startswith("INITVAL"):
                if "1" in value:
                    raise NetlistError(f"{cell['type']} {name}: {parameter}: initial contents are not modelled")
            elif value and not set(value) - set("01"):
                parameters.append(f".{parameter}({len(value)}'b{value})")
            else:
                parameters.append(f'.{parameter}("{value.rstrip(" ")}")')
        pins = []
        broken = "P0" if cell["type"] == "MULT18X18D" else "DOB0"
        for pin, bits in sorted(cell["connections"].items()):
            if not bits:
                continue
            if name in self.faulty and pin == broken:
                self.declarations.append(f"wire f{bits[0]};")
                self.lines.append(f"assign {self.net(bits[0])} = f{bits[0]}{self.faulty[name]};")
                pins.append(f".{pin}(f{bits[0]})")
                continue
            pins.append(f".{pin}({self.net(bits[0])})")
        self.lines.append(f"{cell['type']} #({', '.join(parameters)}) \\{name} ({', '.join(pins)});")

    def verilog(self):
        vectors = self.flip_flops()
        for name, cell in self.cells.items():
            kind = cell["type"]
            if kind in ("LUT4", "PFUMX", "L6MUX21", "CCU2C"):
                self.combinational(name, cell)
            elif kind in ("DP16KD", "MULT18X18D"):
                self.block(name, cell)
            elif kind not in ("TRELLIS_FF", "TRELLIS_DPR16X4"):
                raise NetlistError(f"{kind} {name}: this cell is not modelled")
        self.distributed_rams()
        self.write_flip_flops(vectors)
        return self.module()

    def module(self):
        """The text, when all cells are written."""
        head = ["// SPDX-License-Identifier: Apache-2.0", "// Made by tests/gates/netlist.py.", f"module {self.top} ("]
        ports = []
        for port, about in self.ports.items():
            width = f"[{len(about['bits']) - 1}:0] " if len(about["bits"]) > 1 else ""
            ports.append(f"{about['direction']} {width}{port}")
        head += [",\n".join(ports), ");"]
        if self.faulty:
            head += ['import "DPI-C" function int systole_gates_fault();', "int fault;", "initial fault = systole_gates_fault();"]
        for port, about in self.ports.items():
            if about["direction"] == "output":
                self.lines.append(f"assign {port} = {{{', '.join(self.net(bit) for bit in reversed(about['bits']))}}};")
        return "\n".join(head + self.declarations + self.lines + ["endmodule", ""])


def main(kind=Translator):
    """The command line, for a class of translator."""
    parser = argparse.ArgumentParser(description="Turns a netlist of cells into Verilog for Verilator.")
    parser.add_argument("netlist")
    parser.add_argument("top")
    parser.add_argument("output")
    parser.add_argument("--faults", type=int, default=0)
    arguments = parser.parse_args()
    try:
        with open(arguments.netlist, encoding="utf-8") as file:
            design = json.load(file)
        translator = kind(design, arguments.top, arguments.faults)
        text = translator.verilog()
        with open(arguments.output, "w", encoding="utf-8") as file:
            file.write(text)
    except (OSError, ValueError, NetlistError) as error:
        print(f"netlist.py: {arguments.netlist}: {error}", file=sys.stderr)
        return 2
    counts = collections.Counter(cell["type"] for cell in translator.cells.values())
    print("cells:", ", ".join(f"{counts[kind]} {kind}" for kind in sorted(counts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
