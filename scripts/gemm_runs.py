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
    """Writes a version 1.0 .npy file in C order. dtype: i1, u1 or <i4."""
    header = f"{{'descr': '{'|' + dtype if len(dtype) == 2 else dtype}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode("ascii") + data)


def gemm(folder, m, n, k, config, *options, seed=1, engine="rtl"):
    """Multiplies random int8 matrices; returns the tool's JSON with `process_s` added. Leaves a.npy, b.npy, c.npy in folder."""
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(f"{seed} {m} {n} {k}")
    write_npy(folder / "a.npy", "i1", (m, k), source.randbytes(m * k))
    write_npy(folder / "b.npy", "i1", (k, n), source.randbytes(k * n))
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
