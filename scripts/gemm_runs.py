# SPDX-License-Identifier: Apache-2.0
"""Runs `systole gemm` on random matrices; shared by scripts/bench and scripts/check-shapes."""
import json
import pathlib
import random
import struct
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOL = ROOT / "build" / "bin" / "systole"


class RunError(Exception):
    """The tool failed; the message is its own."""


def write_npy(path, dtype, shape, data):
    """Writes a version 1.0 .npy file in C order. dtype: i1, u1, <i4, <u2, <f2 or <f4."""
    dims = ", ".join(str(extent) for extent in shape) + ("," if len(shape) == 1 else "")
    header = f"{{'descr': '{'|' + dtype if len(dtype) == 2 else dtype}', 'fortran_order': False, 'shape': ({dims}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("ascii") + data)


# Type of the operands: NumPy's code, and for floats the bits that are kept of random ones and those that are set, so that the
# numbers have both signs and magnitudes from about 1/8 to 2.
OPERANDS = {"int8": ("i1", None, None), "fp16": ("<f2", b"\xff\x8f", b"\x00\x30"), "bf16": ("<u2", b"\xff\x81", b"\x00\x3e")}


def random_bytes(source, dtype, count):
    """`count` random elements of OPERANDS."""
    _, keep, put = OPERANDS[dtype]
    if keep is None:
        return source.randbytes(count)
    bits = int.from_bytes(source.randbytes(2 * count), "little")
    bits = bits & int.from_bytes(keep * count, "little") | int.from_bytes(put * count, "little")
    return bits.to_bytes(2 * count, "little")


def run(folder, config, *options, engine="rtl"):
    """Multiplies a.npy and b.npy of the folder to c.npy; returns the tool's JSON with `process_s` added."""
    output, report = folder / "c.npy", folder / "run.json"
    for stale in (output, report):
        stale.unlink(missing_ok=True)
    command = [TOOL, "gemm", "--a", folder / "a.npy", "--b", folder / "b.npy", "--out", output, "--config", config,
               "--engine", engine, "--json", report, *options]
    begin = time.monotonic()
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    seconds = time.monotonic() - begin
    if done.returncode != 0:
        raise RunError(f"{' '.join(str(word) for word in command)}: exit {done.returncode}\n{done.stdout}")
    return {**json.loads(report.read_text()), "process_s": seconds}


def gemm(folder, m, n, k, config, *options, dtype="int8", out_dtype=None, seed=1, engine="rtl"):
    """Multiplies random matrices. dtype: int8, fp16 or bf16; out_dtype: the tool's default, or its name (int8: with one scale).
    Leaves a.npy, b.npy, c.npy in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(f"{seed} {m} {n} {k}")
    code = OPERANDS[dtype][0]
    write_npy(folder / "a.npy", code, (m, k), random_bytes(source, dtype, m * k))
    write_npy(folder / "b.npy", code, (k, n), random_bytes(source, dtype, k * n))
    more = ["--dtype", "bf16"] if dtype == "bf16" else []
    if out_dtype is not None:
        more += ["--out-dtype", out_dtype]
    if out_dtype in ("int8", "uint8"):
        # Brings the sums, of standard deviation 2^12.4 * sqrt(k), to about that of the type.
        write_npy(folder / "scale.npy", "<f4", (1,), struct.pack("<f", 64 / (5461 * k**0.5)))
        more += ["--scale", folder / "scale.npy"]
    return run(folder, config, *options, *more, engine=engine)
