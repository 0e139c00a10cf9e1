#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""planted_test.py PROGRAM TABLE NAME CORPUS: the corpus breaks the rule that plants.toml names when the fault NAME is awake in PROGRAM, and
none if NAME is "none"."""
import os
import pathlib
import re
import subprocess
import sys
import tomllib

# Wall time that a replay may take; simulated time is bounded by the judge's own rule.
TIMEOUT_S = 240


def main(program, table, name, corpus):
    plants = {plant["name"]: plant for plant in tomllib.loads(pathlib.Path(table).read_text())["plant"]}
    environment = {**os.environ, "SYSTOLE_PLANT": "" if name == "none" else name}
    done = subprocess.run([program, "--require-all", corpus], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=TIMEOUT_S, check=False)
    print(done.stdout)
    if name == "none":
        return done.returncode
    if done.returncode != 1:
        print(f"{name}: NOT CAUGHT: exit status {done.returncode}")
        return 1
    if not re.search("^fuzz: (" + plants[name]["rule"] + ")", done.stdout, re.MULTILINE):
        print(f"{name}: caught, but by another rule than /{plants[name]['rule']}/")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
