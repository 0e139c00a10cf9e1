# SPDX-License-Identifier: Apache-2.0
"""The shipped configurations, read from the platform's table in sim/platform/config.cpp."""
import pathlib
import re
from dataclasses import dataclass

TABLE = pathlib.Path(__file__).resolve().parent.parent / "sim" / "platform" / "config.cpp"


@dataclass(frozen=True)
class Configuration:
    name: str
    rows: int
    cols: int
    axi_bits: int

    @property
    def fp(self):
        """Whether it has the floating-point datapath."""
        return not self.name.endswith("-int8")

    def parameters(self):
        """Parameters of the RTL's top that differ between configurations."""
        return {"Rows": self.rows, "Cols": self.cols, "AxiDataW": self.axi_bits, "Fp": int(self.fp)}


def configurations():
    rows = re.findall(r'\{"(\d+x\d+(?:-int8)?)",\s*(\d+),\s*(\d+),\s*(\d+)', TABLE.read_text())
    if not rows:
        raise SystemExit(f"{TABLE}: no configurations found")
    return [Configuration(name, int(r), int(c), int(bits)) for name, r, c, bits in rows]
