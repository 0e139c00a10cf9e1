#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""As netlist.py, for iCE40 cells after synth_ice40: ice40.py NETLIST.json TOP OUT.v [--faults N]

LUTs, carries and flip-flops, which begin at 0, are replaced by what they do; SB_MAC16 and SB_RAM40_4K are instances of Yosys' own
models, ice40/cells_sim.v. The first N/2 of the cells with an inverted output are multipliers (the product's lowest bit), as far as
there are so many, the rest SB_LUT4s.
"""
import collections
import random
import re
import sys

import netlist
from netlist import NetlistError, lut

CLOCK = "CLK"
FLIP_FLOP = re.compile(r"SB_DFF(E?)(|SR|SS)$")
# Inputs of one bit that stand at 0 where the netlist leaves them open, as on the device.
OPEN = {"SB_MAC16": ("CLK", "CE", "AHOLD", "BHOLD", "CHOLD", "DHOLD", "IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "OLOADTOP",
                     "OLOADBOT", "ADDSUBTOP", "ADDSUBBOT", "OHOLDTOP", "OHOLDBOT", "CI", "ACCUMCI", "SIGNEXTIN"),
        "SB_RAM40_4K": ()}
CLOCKS = {"SB_MAC16": ("CLK",), "SB_RAM40_4K": ("RCLK", "WCLK")}


class Translator(netlist.Translator):
    """The Verilog of one netlist."""

    def __init__(self, design, top, faults):
        super().__init__(design, top, 0)
        ports = {port: about["bits"] for port, about in self.ports.items() if about["direction"] == "input"}
        self.clock = ports[CLOCK][0]
        chooser = random.Random(1)
        chosen = []
        for kind, number in (("SB_MAC16", faults // 2), ("SB_LUT4", faults)):
            names = sorted(name for name, cell in self.cells.items() if cell["type"] == kind)
            chosen += chooser.sample(names, min(len(names), number - len(chosen)))
        self.faulty = {name: f" ^ (fault == {number})" for number, name in enumerate(chosen, 1)}

    def write_flip_flops(self, _vectors=()):
        groups = collections.defaultdict(list)
        for name, cell in self.cells.items():
            kind = FLIP_FLOP.match(cell["type"])
            if kind:
                self.clocked(name, cell, "C")
                enable = self.pin(cell, "E") if kind[1] else None
                reset = self.pin(cell, kind[2][1]) if kind[2] else None
                groups[enable, reset, kind[2]].append(cell)
        for number, ((enable, reset, kind), cells) in enumerate(groups.items()):
            data = ", ".join(self.net(cell["connections"]["D"][0]) for cell in reversed(cells))
            self.declarations += [f"reg [{len(cells) - 1}:0] q{number};", f"initial q{number} = 0;"]
            begin = f"if ({enable}) " if enable else ""  # a reset waits for the enable
            begin += f"if ({reset}) q{number} <= {{{len(cells)}{{1'b{int(kind == 'SS')}}}}}; else " if reset else ""
            self.lines.append(f"always @(posedge {CLOCK}) {begin}q{number} <= {{{data}}};")
            self.lines += [f"assign {self.net(cell['connections']['Q'][0])} = q{number}[{i}];" for i, cell in enumerate(cells)]

    def block(self, name, cell):
        for pin in CLOCKS[cell["type"]]:
            if cell["connections"].get(pin) or pin not in OPEN[cell["type"]]:
                self.clocked(name, cell, pin)
        parameters = ", ".join(f".{key}({len(value)}'b{value})" for key, value in sorted(cell["parameters"].items()))
        pins = [f".{pin}(1'b0)" for pin in OPEN[cell["type"]] if not cell["connections"].get(pin)]
        for pin, bits in sorted(cell["connections"].items()):
            if not bits:
                continue
            nets = [self.net(bit) for bit in bits]
            if name in self.faulty and pin == "O":
                self.declarations.append(f"wire f{bits[0]};")
                self.lines.append(f"assign {nets[0]} = f{bits[0]}{self.faulty[name]};")
                nets[0] = f"f{bits[0]}"
            pins.append(f".{pin}({{{', '.join(reversed(nets))}}})")
        self.lines.append(f"{cell['type']} #({parameters}) \\{name} ({', '.join(pins)});")

    def verilog(self):
        for name, cell in self.cells.items():
            kind = cell["type"]
            if kind == "SB_LUT4":
                inputs = [self.pin(cell, f"I{i}") for i in range(4)]
                self.assign(cell, "O", lut(4, int(cell["parameters"]["LUT_INIT"], 2), inputs), name)
            elif kind == "SB_CARRY":
                a, b, carry = (self.pin(cell, pin) for pin in ("I0", "I1", "CI"))
                self.assign(cell, "CO", f"{a} & {b} | ({a} | {b}) & {carry}")
            elif kind in CLOCKS:
                self.block(name, cell)
            elif not FLIP_FLOP.match(kind):
                raise NetlistError(f"{kind} {name}: this cell is not modelled")
        self.write_flip_flops()
        return self.module()


if __name__ == "__main__":
    sys.exit(netlist.main(Translator))
