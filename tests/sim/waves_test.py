#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Waves as a user gets them: the FST file, and the GTKWave view next to it with a group of signals for each engine.

    waves_test.py PROGRAM A.npy B.npy FOLDER
"""
import pathlib
import subprocess
import sys

# Group and the instance whose signals it holds.
ENGINES = {"control": "u_control", "load": "u_load", "compute": "u_compute", "store": "u_store"}
GROUP_BEGIN, GROUP_BEGIN_CLOSED, GROUP_END = "@800200", "@c00200", "@1000200"


def groups(view):
    """The signals of each top-level group of a GTKWave save file, those of the groups in it included."""
    found, stack, flags = {}, [], ""
    for line in view.splitlines():
        if line.startswith("@"):
            flags = line
        elif line.startswith("-") and flags in (GROUP_BEGIN, GROUP_BEGIN_CLOSED):
            stack.append(line[1:])
            if len(stack) == 1:
                assert line[1:] not in found, f"two groups {line}"
                found[line[1:]] = []
        elif line.startswith("-") and flags == GROUP_END:
            assert stack and stack.pop() == line[1:], f"{line} ends a group that is not open"
        elif line.startswith("TOP.") and stack:
            found[stack[0]].append(line)
    assert not stack, f"groups that do not end: {stack}"
    return found


def main(program, a, b, folder):
    base = pathlib.Path(folder) / "waves"
    fst, view = base.with_suffix(".fst"), base.with_suffix(".gtkw")
    for file in (fst, view):
        file.unlink(missing_ok=True)
    subprocess.run([program, "gemm", "--a", a, "--b", b, "--out", f"{base}.npy", "--waves", fst], check=True)
    assert fst.stat().st_size > 0, f"{fst} is empty"
    found = groups(view.read_text())
    for group, instance in ENGINES.items():
        assert group in found, f"{view} has no group -{group}, only {sorted(found)}"
        signals = found[group]
        assert signals, f"group -{group} is empty"
        foreign = [signal for signal in signals if f".{instance}." not in signal]
        assert not foreign, f"group -{group} holds {foreign}"
    print({group: len(signals) for group, signals in found.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
