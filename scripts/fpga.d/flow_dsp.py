# SPDX-License-Identifier: Apache-2.0
"""Registers of an ECP5's multipliers: what Yosys's synth_ecp5 leaves in flip-flops of the fabric goes into the MULT18X18D blocks.

A block has a register behind each operand and one behind its product. Where all bits of both operands come from flip-flops that load
in every cycle, the block takes what those load; where all bits of the product go to such flip-flops and nowhere else, these
become the block's. nextpnr knows such blocks' timing with both operands' registers, with the product's, and with all.
"""
import json

BLOCK, FLIP_FLOP = "MULT18X18D", "TRELLIS_FF"


class Netlist:
    """The top module of a netlist that Yosys wrote as JSON."""

    def __init__(self, design, top):
        module = design["modules"][top]
        self.cells = module["cells"]
        self.drivers, self.users = {}, {}  # of a net: (cell's name, port)
        for port in module["ports"].values():
            for bit in port["bits"]:
                self.users.setdefault(bit, []).append((None, None))
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                for bit in bits:
                    if isinstance(bit, str):
                        continue  # a constant
                    if cell["port_directions"][port] == "output":
                        self.drivers[bit] = (name, port)
                    else:
                        self.users.setdefault(bit, []).append((name, port))

    def clock_of(self, name):
        """The clock of the flip-flop `name` if it loads in every cycle, else None."""
        cell = self.cells[name] if name is not None else {"type": None}
        if cell["type"] != FLIP_FLOP:
            return None
        # Yosys ends text that could be a number with a space.
        parameters, pins = {key: value.strip() for key, value in cell["parameters"].items()}, cell["connections"]
        always = (parameters.get("CLKMUX", "CLK") == "CLK" and (parameters.get("CEMUX", "CE") == "1" or pins.get("CE") == ["1"]) and
                  pins.get("LSR", ["0"]) in (["0"], ["x"], []) and parameters.get("LSRMUX", "LSR") == "LSR" and not pins.get("M"))
        return pins["CLK"][0] if always else None

    def operand(self, cell, letter):
        """{port: net that the register would load}, and the clocks, if all of an operand's bits come from flip-flops; else None."""
        ports, clocks = {}, set()
        for port, (bit,) in ((f"{letter}{n}", cell["connections"].get(f"{letter}{n}", ["0"])) for n in range(18)):
            if isinstance(bit, str):
                continue
            source = self.drivers.get(bit, (None, None))[0]
            clocks.add(self.clock_of(source))
            if None in clocks:
                return None, clocks
            ports[port] = self.cells[source]["connections"]["DI"][0]
        return ports or None, clocks

    def product(self, cell):
        """{port: flip-flop}, and the clocks, if all that a product drives is one flip-flop a bit; else None."""
        ports, clocks = {}, set()
        for port, (bit,) in ((f"P{n}", cell["connections"].get(f"P{n}") or [None]) for n in range(36)):
            users = self.users.get(bit, [])
            if not users:
                continue
            clocks.add(self.clock_of(users[0][0]) if len(users) == 1 and users[0][1] == "DI" else None)
            if None in clocks:
                return None, clocks
            ports[port] = users[0][0]
        return ports or None, clocks

    def connect(self, name, port, bit):
        """An input of a cell to another net."""
        old = self.cells[name]["connections"].get(port, ["x"])[0]
        if not isinstance(old, str):
            self.users[old].remove((name, port))
        self.cells[name]["connections"][port] = [bit]
        self.cells[name]["port_directions"][port] = "input"
        if not isinstance(bit, str):
            self.users.setdefault(bit, []).append((name, port))

    def remove(self, name):
        for port, bits in self.cells.pop(name)["connections"].items():
            for bit in bits:
                if (name, port) in self.users.get(bit, []):
                    self.users[bit].remove((name, port))

    def clocked(self, name, clock, registers):
        """The block's registers of that name are in use."""
        for register in registers:
            self.cells[name]["parameters"].update({f"REG_{register}_CLK": "CLK0", f"REG_{register}_CE": "CE0", f"REG_{register}_RST": "RST0"})
        self.cells[name]["parameters"].update({"CLK0_DIV": "ENABLED", "GSR": "DISABLED"})
        for port, bit in (("CLK0", clock), ("CE0", "1"), ("RST0", "0")):
            self.connect(name, port, bit)

    def absorb(self):
        """(multipliers with registers at both operands, with one at the product, flip-flops that are no more)."""
        operands = products = 0
        before = len(self.cells)
        for name in [name for name, cell in self.cells.items() if cell["type"] == BLOCK]:
            cell = self.cells[name]
            (a, a_clocks), (b, b_clocks) = self.operand(cell, "A"), self.operand(cell, "B")
            flip_flops, p_clocks = self.product(cell)
            if a and b and len(a_clocks | b_clocks) == 1:
                operands += 1
                sources = {self.drivers[cell["connections"][port][0]][0] for port in (*a, *b)}
                for port, bit in (*a.items(), *b.items()):
                    self.connect(name, port, bit)
                self.clocked(name, *(a_clocks | b_clocks), ("INPUTA", "INPUTB"))
                p_clocks |= a_clocks
                for source in sources:
                    if not self.users.get(self.cells[source]["connections"]["Q"][0]):
                        self.remove(source)
            if flip_flops and len(p_clocks) == 1:
                products += 1
                self.clocked(name, *p_clocks, ("OUTPUT",))
                for port, flip_flop in flip_flops.items():
                    output = self.cells[flip_flop]["connections"]["Q"][0]
                    self.remove(flip_flop)
                    cell["connections"][port] = [output]
                    self.drivers[output] = (name, port)
        return operands, products, before - len(self.cells)


def absorb(path, top):
    """Rewrites the netlist in the file; returns what Netlist.absorb does."""
    design = json.loads(path.read_text(encoding="utf-8"))
    result = Netlist(design, top).absorb()
    path.write_text(json.dumps(design), encoding="utf-8")
    return result
