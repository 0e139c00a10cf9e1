# SPDX-License-Identifier: Apache-2.0
"""What a product would take at best, and a plot of what it took against that; docs/performance.md defines the figures."""

import html
import math
from dataclasses import dataclass

from configurations import configurations

CONFIGURATIONS = {config.name: config for config in configurations()}
ELEMENT_BYTES = {"int8": 1, "uint8": 1, "fp16": 2, "bf16": 2, "int32": 4, "fp32": 4}
# The quoted memory, docs/memory_model.md: bytes a cycle and direction.
MEMORY_BYTES = 16


def ceil_div(a, b):
    return -(-a // b)


@dataclass(frozen=True)
class Product:
    """C[m x n] = A[m x k] * B[k x n], of a type, on a configuration."""

    config: str
    dtype: str
    out_dtype: str
    m: int
    n: int
    k: int

    @property
    def macs(self):
        return self.m * self.n * self.k

    @property
    def peak(self):
        """MACs a cycle."""
        config = CONFIGURATIONS[self.config]
        return config.rows * config.cols * (2 if ELEMENT_BYTES[self.dtype] == 1 else 1)

    @property
    def bandwidth(self):
        """Bytes a cycle and direction."""
        return min(MEMORY_BYTES, CONFIGURATIONS[self.config].axi_bits // 8)

    @property
    def min_read_bytes(self):
        """Each element of A and B once."""
        return (self.m * self.k + self.k * self.n) * ELEMENT_BYTES[self.dtype]

    @property
    def min_write_bytes(self):
        """Each element of C once."""
        return self.m * self.n * ELEMENT_BYTES[self.out_dtype]

    @property
    def memory_cycles(self):
        return max(self.min_read_bytes, self.min_write_bytes) / self.bandwidth

    @property
    def ideal_cycles(self):
        """What array and memory need at least: the roofline."""
        return max(self.macs / self.peak, self.memory_cycles)

    @property
    def bound_cycles(self):
        """The same with N rounded up to whole tiles of COLS columns and K to whole words of 2 * ROWS bytes: the array computes no
        less."""
        config = CONFIGURATIONS[self.config]
        words = ceil_div(self.k * ELEMENT_BYTES[self.dtype], 2 * config.rows)
        return max(self.m * ceil_div(self.n, config.cols) * words, self.memory_cycles)

    @property
    def epilogue_cycles(self):
        """Results leave in groups of columns, at most one group a cycle, of one row each (docs/architecture.md, Store). The shipped
        configurations leave EpLanes at COLS / 2."""
        return self.m * ceil_div(self.n, max(CONFIGURATIONS[self.config].cols // 2, 1))

    @property
    def bound_store_cycles(self):
        """bound_cycles, but no less than what the epilogue needs."""
        return max(self.bound_cycles, self.epilogue_cycles)

    def row(self, cycles):
        """The figures of a product that took so many cycles, for tables and JSON."""
        return {
            "config": self.config,
            "dtype": self.dtype,
            "out_dtype": self.out_dtype,
            "m": self.m,
            "n": self.n,
            "k": self.k,
            "cycles": cycles,
            "macs": self.macs,
            "peak": self.peak,
            "min_read_bytes": self.min_read_bytes,
            "min_write_bytes": self.min_write_bytes,
            "ideal_cycles": self.ideal_cycles,
            "bound_cycles": self.bound_cycles,
            "utilisation": self.macs / self.peak / cycles,
            "efficiency": self.ideal_cycles / cycles,
            "bound": self.ideal_cycles / self.bound_cycles,
            "bound_store_cycles": self.bound_store_cycles,
            "bound_with_store": self.ideal_cycles / self.bound_store_cycles,
        }


# --- plot ------------------------------------------------------------------------------------------------------------------

# Colours that people with any kind of colour vision tell apart (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a8a8a")
PANEL_W, PANEL_H, LEFT, TOP, GAP_X, GAP_Y, BOTTOM = 420, 300, 64, 84, 84, 92, 64


# The roof and the lines at parts of it.
SHARES = (
    (1, 'stroke="#202020" stroke-width="1.8"'),
    (0.8, 'stroke="#707070" stroke-dasharray="1.5 2.5"'),
    (0.5, 'stroke="#909090" stroke-dasharray="5 3"'),
)


class Axis:
    """A logarithmic axis from pixel a to pixel b."""

    def __init__(self, low, high, a, b):
        self.low, self.high, self.a, self.b = low, high, a, b

    def __call__(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.a + (self.b - self.a) * min(max(share, 0), 1)

    def powers(self, base):
        first = math.ceil(math.log(self.low) / math.log(base) - 1e-9)
        last = math.floor(math.log(self.high) / math.log(base) + 1e-9)
        return [base**power for power in range(first, last + 1)]


def text(x, y, words, size=12, anchor="start", **attributes):
    more = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{more}>{html.escape(words)}</text>'


def number(value):
    return f"{value:g}" if value < 10000 else f"{value / 1000:g}k"


def mark(x, y, colour, measured, title):
    """Filled: measured on the RTL; hollow: by the timing model."""
    fill = f'fill="{colour}" fill-opacity="0.75"' if measured else 'fill="#ffffff" fill-opacity="0.6"'
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" {fill} stroke="{colour}" stroke-width="1.2"><title>{html.escape(title)}</title>'
        "</circle>"
    )


def panel(left, top, title, rows, groups):
    """One configuration and type: MACs a cycle over MACs a byte of the busier direction, under the roof."""
    first = Product(*(rows[0][name] for name in ("config", "dtype", "out_dtype", "m", "n", "k")))
    peak, bandwidth = first.peak, first.bandwidth

    def intensity(row):
        return row["macs"] / max(row["min_read_bytes"], row["min_write_bytes"])

    low = 2.0 ** math.floor(math.log2(min(min(intensity(row) for row in rows), peak / bandwidth / 4)))
    high = 2.0 ** math.ceil(math.log2(max(max(intensity(row) for row in rows), peak / bandwidth * 4)))
    floor = 2.0 ** math.floor(math.log2(min(min(row["macs"] / row["cycles"] for row in rows), bandwidth * low)))
    x, y = Axis(low, high, left, left + PANEL_W), Axis(floor, peak * 2, top + PANEL_H, top)
    out = [text(left, top - 10, title, 14, font_weight="bold")]
    for value in x.powers(4):
        out.append(f'<line x1="{x(value):.1f}" y1="{top}" x2="{x(value):.1f}" y2="{top + PANEL_H}" stroke="#e4e4e4"/>')
        out.append(text(x(value), top + PANEL_H + 16, number(value), 11, "middle"))
    for value in y.powers(4):
        out.append(f'<line x1="{left}" y1="{y(value):.1f}" x2="{left + PANEL_W}" y2="{y(value):.1f}" stroke="#e4e4e4"/>')
        out.append(text(left - 6, y(value) + 4, number(value), 11, "end"))
    out.append(f'<rect x="{left}" y="{top}" width="{PANEL_W}" height="{PANEL_H}" fill="none" stroke="#606060"/>')
    ridge = peak / bandwidth
    for share, style in SHARES:
        # The slope begins where it leaves the floor.
        begin = max(low, floor / (share * bandwidth))
        points = [(begin, share * bandwidth * begin), (ridge, share * peak), (high, share * peak)]
        out.append('<polyline fill="none" {} points="{}"/>'.format(style, " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in points)))
    out.append(text(left + PANEL_W - 4, y(peak) - 5, f"{peak} MACs a cycle", 11, "end"))
    out.append(text(left + PANEL_W - 4, y(peak / 2) + 14, "50 %", 11, "end", fill="#707070"))
    out.append(text(left + 8, top + 18, "dotted: 80 % of the roof; dashed: 50 %", 11, fill="#707070"))
    # The largest group first, so that it does not hide the others.
    for group in sorted(groups, key=lambda group: -sum(row["group"] == group for row in rows)):
        for row in rows:
            if row["group"] == group:
                title = (
                    f"{row['label']} {row['m']}x{row['n']}x{row['k']}: {row['cycles']} cycles ({row['source']}), "
                    f"{100 * row['efficiency']:.1f} % of the roofline"
                )
                out.append(mark(x(intensity(row)), y(row["macs"] / row["cycles"]), groups[group], row["source"] == "rtl", title))
    words = f"MACs per byte of the busier direction ({bandwidth} bytes a cycle)"
    out.append(text(left + PANEL_W / 2, top + PANEL_H + 34, words, 12, "middle"))
    out.append(text(0, 0, "MACs a cycle", 12, "middle", transform=f"translate({left - 44} {top + PANEL_H / 2}) rotate(-90)"))
    return out


def svg(rows):
    """A roofline plot, a panel for each configuration and pair of types. rows: as Product.row(), with group, label and source
    ("rtl" or "model")."""
    panels = {}
    for row in rows:
        panels.setdefault((row["config"], row["dtype"], row["out_dtype"]), []).append(row)
    names = list(dict.fromkeys(row["group"] for row in rows))
    groups = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    width = LEFT + 2 * PANEL_W + GAP_X + 24
    height = TOP + ceil_div(len(panels), 2) * (PANEL_H + GAP_Y) - GAP_Y + BOTTOM
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" fill="#202020">',
        "<!-- SPDX-License-Identifier: Apache-2.0 -->",
        "<title>Systole: roofline</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    x = LEFT
    for name in names:
        out += [mark(x + 4, 22, groups[name], True, name), text(x + 14, 26, name)]
        x += 34 + 7.4 * len(name)
    words = "filled: measured on the RTL; hollow: timing model. All with DMA, doorbell to interrupt"
    out.append(text(LEFT, 48, words, 12, fill="#606060"))
    for i, ((config, dtype, out_dtype), members) in enumerate(panels.items()):
        left, top = LEFT + (i % 2) * (PANEL_W + GAP_X), TOP + (i // 2) * (PANEL_H + GAP_Y)
        out += panel(left, top, f"{config}, {dtype} to {out_dtype}", members, groups)
    return "\n".join([*out, "</svg>", ""])
