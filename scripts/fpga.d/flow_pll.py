# SPDX-License-Identifier: Apache-2.0
"""Dividers of the ECP5's PLL (EHXPLLL) for a clock.

Limits: ECP5 and ECP5-5G Family Data Sheet (Lattice FPGA-DS-02012), section "sysCLOCK PLL Timing": input 8 to 400 MHz, output 3.125 to
400 MHz, VCO 400 to 800 MHz, phase detector 10 to 400 MHz. Dividers: FPGA-TN-02200, "ECP5 and ECP5-5G sysCLOCK PLL/DLL Design and
Usage Guide": CLKI_DIV, CLKOP_DIV, CLKOS_DIV 1 to 128, CLKFB_DIV 1 to 80.

The feedback is taken from CLKOP, which drives nothing else, and the clock from CLKOS, so that the clock may be any fraction of the
VCO's frequency and need not be a multiple of the phase detector's:

    f_pfd = f_in / ref        f_vco = f_pfd * fb * op        f_clk = f_vco / os
"""
from dataclasses import dataclass
from fractions import Fraction

from flow_errors import BadInput

INPUT_MHZ = (8, 400)
OUTPUT_MHZ = (Fraction(25, 8), 400)
VCO_MHZ = (400, 800)
PFD_MHZ = (10, 400)
REF_DIV, FB_DIV, OUT_DIV = 128, 80, 128


@dataclass(frozen=True)
class Pll:
    """The four dividers (EHXPLLL's CLKI_DIV, CLKFB_DIV, CLKOP_DIV, CLKOS_DIV) and the frequencies that they make, in MHz, exact."""
    ref: int
    fb: int
    op: int
    os: int
    pfd: Fraction
    vco: Fraction
    clock: Fraction

    def parameters(self):
        """What the board's top takes."""
        return {"PllRefDiv": self.ref, "PllFbDiv": self.fb, "PllOpDiv": self.op, "PllOsDiv": self.os}


def within(value, limits):
    return limits[0] <= value <= limits[1]


def dividers(reference_mhz, target_mhz):
    """The Pll whose clock is the lowest at or above `target_mhz`. Among equals: the fastest phase detector (less jitter), then the VCO
    nearest the middle of its range, then the smallest dividers. BadInput where there is none."""
    reference, target = Fraction(str(reference_mhz)), Fraction(str(target_mhz))
    if not within(reference, INPUT_MHZ):
        raise BadInput(f"the PLL takes {INPUT_MHZ[0]} to {INPUT_MHZ[1]} MHz, not a reference of {float(reference):g} MHz")
    best = None
    for ref in range(1, REF_DIV + 1):
        pfd = reference / ref
        if not within(pfd, PFD_MHZ):
            continue
        for fb in range(1, FB_DIV + 1):
            feedback = pfd * fb
            if not within(feedback, OUTPUT_MHZ):
                continue
            # The VCO's range leaves few CLKOP_DIV; each VCO has one CLKOS_DIV that comes nearest from above.
            for op in range(max(1, int(VCO_MHZ[0] / feedback)), min(OUT_DIV, int(VCO_MHZ[1] / feedback)) + 1):
                vco = feedback * op
                os = min(int(vco / target), OUT_DIV) if target > 0 else 0
                if not within(vco, VCO_MHZ) or os < 1 or not within(vco / os, OUTPUT_MHZ):
                    continue
                pll = Pll(ref, fb, op, os, pfd, vco, vco / os)
                key = (pll.clock, -pfd, abs(vco - sum(VCO_MHZ) / 2), op, fb)
                if best is None or key < best[0]:
                    best = (key, pll)
    if best is None:
        raise BadInput(f"the PLL makes no clock of {float(target):g} MHz from {float(reference):g} MHz "
                       f"(output {float(OUTPUT_MHZ[0]):g} to {OUTPUT_MHZ[1]} MHz)")
    return best[1]
