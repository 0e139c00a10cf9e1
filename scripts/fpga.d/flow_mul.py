# SPDX-License-Identifier: Apache-2.0
"""Multiplications in tables and carry chains, as Verilog for Yosys's techmap.

Yosys's own way (a compressor over partial products that are sign-extended to the width of the sum behind) takes about 350 LUT4 for a 9x9-bit
product. This one takes about 100: two bits of B at a time, a*b[i] + 2*a*b[i+1] in one carry chain, which on ECP5 has the ANDs inside
its tables; a tree of chains adds these; the product of B's sign bit is subtracted last.
"""
from dataclasses import dataclass

# LUT4 of a CCU2C: (A & B) ^ (C & D), and where C = D = 0, A & B, which is what its carry is where the sum bit is 0.
PAIR_INIT = "16'h7888"


@dataclass(frozen=True)
class Shape:
    """Widths and signs of a multiplication's operands, and the width of its result."""
    a: int
    a_signed: bool
    b: int
    b_signed: bool
    y: int

    def name(self):
        return f"systole_soft_mul_{'s' if self.a_signed else 'u'}{self.a}_{'s' if self.b_signed else 'u'}{self.b}_{self.y}"

    def header(self):
        # The parameters of $mul, which the cells keep.
        return (f"module {self.name()} (A, B, Y);\n  parameter A_SIGNED = 0, B_SIGNED = 0, A_WIDTH = 0, B_WIDTH = 0, Y_WIDTH = 0;\n"
                f"  input [{self.a - 1}:0] A;\n  input [{self.b - 1}:0] B;\n  output [{self.y - 1}:0] Y;\n")

    def blackbox(self):
        return f"(* blackbox *)\n{self.header()}endmodule\n"


@dataclass(frozen=True)
class Term:
    """A signed number of `width` bits, to be multiplied by 2^shift."""
    name: str
    width: int
    shift: int


class Mapper:
    """Writes the module of a shape."""

    def __init__(self, shape, carry_cells):
        self.shape, self.carry_cells, self.lines, self.count = shape, carry_cells, [], 0

    def wire(self, width, value=None):
        self.count += 1
        name = f"t{self.count}"
        self.lines.append(f"wire [{width - 1}:0] {name}" + (f" = {value};" if value else ";"))
        return name

    def pair(self, a, width, bit):
        """a*b[bit] + 2*a*b[bit+1]."""
        name = self.wire(width + 2)
        self.lines.append(f"assign {name}[0] = {a}[0] & b[{bit}];")
        columns = [(f"{a}[{min(j, width - 1)}]", f"{a}[{min(j - 1, width - 1)}]") for j in range(1, width + 2)]
        if not self.carry_cells:
            first = self.wire(len(columns), "{" + ", ".join(f"{x} & b[{bit}]" for x, _ in reversed(columns)) + "}")
            second = self.wire(len(columns), "{" + ", ".join(f"{x} & b[{bit + 1}]" for _, x in reversed(columns)) + "}")
            self.add(first, len(columns), second, len(columns), f"{name}[{width + 1}:1]", len(columns))
            return Term(name, width + 2, bit)
        carry = "1'b0"
        for j in range(0, len(columns), 2):
            sums, operands = [], []
            for k in (0, 1):
                x, below = columns[j + k] if j + k < len(columns) else ("1'b0", "1'b0")
                sums.append(f"{name}[{j + k + 1}]" if j + k < len(columns) else "")
                operands.append(f".A{k}({x}), .B{k}(b[{bit}]), .C{k}({below}), .D{k}(b[{bit + 1}])")
            follows = self.wire(1)
            self.lines.append(f"CCU2C #(.INIT0({PAIR_INIT}), .INIT1({PAIR_INIT}), .INJECT1_0(\"NO\"), .INJECT1_1(\"NO\")) c{self.count} ("
                              f".CIN({carry}), {operands[0]}, {operands[1]}, .S0({sums[0]}), .S1({sums[1]}), .COUT({follows}));")
            carry = follows
        return Term(name, width + 2, bit)

    def add(self, x, x_width, y, y_width, result, width, minus=False):
        """One carry chain: result = x + y or x - y, all signed."""
        self.count += 1
        sign, unused = f"1'b{int(minus)}", [self.wire(width), self.wire(width)]
        self.lines.append(f"\\$alu #(.A_SIGNED(1'b1), .B_SIGNED(1'b1), .A_WIDTH({x_width}), .B_WIDTH({y_width}), .Y_WIDTH({width})) a{self.count} ("
                          f".A({x}), .B({y}), .BI({sign}), .CI({sign}), .X({unused[0]}), .Y({result}), .CO({unused[1]}));")

    def combine(self, low, high, minus=False):
        """low + high or low - high, which lies at least as far left; the bits below `high` pass by."""
        by = high.shift - low.shift
        rest = max(low.width - by, 1)
        width = max(rest, high.width) + 1
        name = self.wire(width + by)
        if by:
            kept = min(by, low.width)
            sign = f"{{{by - kept}{{{low.name}[{low.width - 1}]}}}}, " if by > kept else ""
            self.lines.append(f"assign {name}[{by - 1}:0] = {{{sign}{low.name}[{kept - 1}:0]}};")
        self.add(f"{low.name}[{low.width - 1}:{low.width - rest}]", rest, high.name, high.width, f"{name}[{width + by - 1}:{by}]", width, minus)
        return Term(name, width + by, low.shift)

    def text(self):
        shape = self.shape
        width = shape.a + (not shape.a_signed)
        a = self.wire(width, "A" if shape.a_signed else "{1'b0, A}")
        self.lines.append(f"wire [{shape.b - 1}:0] b = B;")
        positive = shape.b - shape.b_signed
        terms = [self.pair(a, width, bit) for bit in range(0, positive - 1, 2)]
        if positive % 2:
            terms.append(Term(self.wire(width, f"{a} & {{{width}{{b[{positive - 1}]}}}}"), width, positive - 1))
        while len(terms) > 1:
            terms = [self.combine(*terms[k:k + 2]) if k + 1 < len(terms) else terms[k] for k in range(0, len(terms), 2)]
        if shape.b_signed:
            last = Term(self.wire(width, f"{a} & {{{width}{{b[{shape.b - 1}]}}}}"), width, shape.b - 1)
            terms = [self.combine(terms[0], last, minus=True)]
        result = terms[0]
        if result.width >= shape.y:
            value = f"{result.name}[{shape.y - 1}:0]"
        else:
            value = f"{{{{{shape.y - result.width}{{{result.name}[{result.width - 1}]}}}}, {result.name}}}"
        self.lines.append(f"assign Y = {value};")
        return shape.header() + "".join(f"  {line}\n" for line in self.lines) + "endmodule\n"


def verilog(shapes, family):
    """For techmap: a module for each shape."""
    return "".join(Mapper(shape, family == "ecp5").text() for shape in shapes)
