# SPDX-License-Identifier: Apache-2.0
"""scripts/setup on machines that lack everything: PATH names one folder with only what a test puts there, so every command of the
list is missing. The script asks `id -u` whether it is root; the `id` there answers for root or for a user, so that the test does the
same whoever runs it. The apt-get and sudo there only leave a mark: nothing can be installed."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SETUP = pathlib.Path(os.environ.get("SETUP", "scripts/setup")).resolve()
BASH = shutil.which("bash")
SIM_PACKAGES = ("cmake", "clang", "verilator")
TEST_PACKAGES = ("iverilog", "yosys", "gcc-riscv64-unknown-elf")


class SetupTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="systole-setup-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        self.mark = self.folder / "mark"
        self.mark.mkdir()

    def command(self, name, status):
        """A command that leaves a file of its name in the folder of marks and exits with `status`."""
        path = self.bin / name
        path.write_text(f"#!{BASH}\n: >'{self.mark}/{name}'\nexit {status}\n")
        path.chmod(0o755)

    def marks(self):
        return sorted(path.name for path in self.mark.iterdir())

    def setup(self, *arguments, uid=1000, script=SETUP, **environment):
        identity = self.bin / "id"
        identity.write_text(f"#!{BASH}\necho {uid}\n")
        identity.chmod(0o755)
        return subprocess.run([BASH, str(script), *arguments], stdin=subprocess.DEVNULL, env={"PATH": str(self.bin), **environment},
                              cwd=self.folder, capture_output=True, text=True, timeout=30)

    def expect_one_line(self, result, reason, packages):
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertTrue(result.stderr.startswith(f"setup: {reason}; install: "), result.stderr)
        named = result.stderr.split("install: ")[1].split()
        for package in packages:
            self.assertIn(package, named)

    def test_without_root_and_sudo_one_line_names_the_packages(self):
        self.command("apt-get", 0)
        self.expect_one_line(self.setup("test"), "neither root nor sudo", SIM_PACKAGES + TEST_PACKAGES)
        self.assertEqual(self.marks(), [], "apt-get was called")

    def test_only_the_packages_of_the_group_are_named(self):
        self.command("apt-get", 0)
        result = self.setup("sim")
        self.expect_one_line(result, "neither root nor sudo", SIM_PACKAGES)
        for package in TEST_PACKAGES:
            self.assertNotIn(package, result.stderr)

    def test_proofs_need_yosys_with_its_abc_and_no_simulator(self):
        self.command("apt-get", 0)
        self.command("yosys", 0)  # as packaged elsewhere, without ABC
        result = self.setup("formal")
        self.expect_one_line(result, "neither root nor sudo", ("yosys", "python3"))
        self.assertNotIn("verilator", result.stderr)

    def test_only_what_is_missing_is_named(self):
        self.command("apt-get", 0)
        self.command("verilator", 0)
        result = self.setup("sim")
        self.expect_one_line(result, "neither root nor sudo", ("cmake", "clang"))
        self.assertNotIn("verilator", result.stderr)

    def test_sudo_that_would_ask_a_script_for_a_password_counts_as_none(self):
        self.command("apt-get", 0)
        self.command("sudo", 1)
        self.expect_one_line(self.setup("test"), "neither root nor sudo", SIM_PACKAGES)
        self.assertEqual(self.marks(), ["sudo"])

    def test_without_apt_one_line_names_the_packages(self):
        self.expect_one_line(self.setup("test", uid=0), "no apt-get here", SIM_PACKAGES + TEST_PACKAGES)

    def test_no_setup_does_nothing(self):
        self.command("apt-get", 0)
        result = self.setup("test", SYSTOLE_NO_SETUP="1")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
        self.assertEqual(self.marks(), [])

    def test_the_list_needs_neither_apt_nor_permission(self):
        for environment in ({}, {"SYSTOLE_NO_SETUP": "1"}):
            result = self.setup("--list", "test", **environment)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            for package in SIM_PACKAGES + TEST_PACKAGES:
                self.assertIn(package, result.stdout.splitlines())

    def test_an_fpga_board_needs_its_own_familys_packages_only(self):
        for group, packages in (("fpga-ice40", {"yosys", "nextpnr-ice40", "fpga-icestorm", "python3"}), ("fpga-ecp5", {"python3-venv", "python3"}),
                                ("python", {"python3"})):
            result = self.setup(group)
            self.expect_one_line(result, "no apt-get here", packages)
            self.assertEqual(set(result.stderr.split("install: ")[1].split()), packages)

    def test_a_python_module_is_asked_of_python(self):
        self.command("python3", 1)  # a Python that cannot import it
        self.expect_one_line(self.setup("fpga-ecp5"), "no apt-get here", ("python3-venv",))
        self.command("python3", 0)
        self.assertEqual(self.setup("fpga-ecp5").returncode, 0)

    def test_a_file_may_have_wildcards(self):
        script = self.folder / "setup"
        script.write_text(re.sub(r"(?m)^(test +libclang-rt-dev +)/.*$", rf"\g<1>{self.folder}/clang/*/fuzzer-*.a", SETUP.read_text()))
        self.expect_one_line(self.setup("test", script=script), "no apt-get here", ("libclang-rt-dev", "iverilog"))
        (self.folder / "clang" / "14").mkdir(parents=True)
        (self.folder / "clang" / "14" / "fuzzer-x86_64.a").write_text("")
        result = self.setup("test", script=script)
        self.expect_one_line(result, "no apt-get here", ("iverilog",))
        self.assertNotIn("libclang-rt-dev", result.stderr)

    def test_programs_that_apt_did_not_install_will_do(self):
        for name in ("python3", "yosys", "nextpnr-ice40", "icepack"):
            self.command(name, 0)
        result = self.setup("fpga-ice40")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_an_unknown_group_is_refused(self):
        result = self.setup("everything")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(result.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
