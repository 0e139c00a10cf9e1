# SPDX-License-Identifier: Apache-2.0
"""Runs the tool named by the environment's SYSTOLE in a folder of its own."""
import os
import pathlib
import resource
import subprocess
import tempfile
import unittest

SYSTOLE = os.environ.get("SYSTOLE", "build/bin/systole")
ENGINE = os.environ.get("SYSTOLE_ENGINE", "model")


class ToolTest(unittest.TestCase):
    program = SYSTOLE

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="systole-tool-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def put(self, name, data):
        (self.folder / name).write_bytes(data)
        return name

    def entries(self):
        """Everything below the folder, with its contents where they may be read."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() and os.access(path, os.R_OK) else None
            for path in sorted(self.folder.rglob("*"))
        }

    def systole(self, *arguments, file_limit=resource.RLIM_INFINITY):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, resource.RLIM_INFINITY))

        return subprocess.run(
            [os.path.abspath(self.program), *arguments], cwd=self.folder, input="", capture_output=True, text=True,
            errors="replace", timeout=200, preexec_fn=None if file_limit == resource.RLIM_INFINITY else limit
        )

    def expect_bad_input(self, part, *arguments, **options):
        """Status 2, one line on stderr that begins with the program's name and contains `part`, no stdout, no file changed."""
        before = self.entries()
        result = self.systole(*arguments, **options)
        with self.subTest(arguments=arguments):
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
            self.assertRegex(result.stderr, rf"(?s)\A{os.path.basename(self.program)}: .*\n\Z")
            self.assertIn(part, result.stderr)
            self.assertEqual(result.stdout, "")
            self.assertEqual(self.entries(), before)
        return result.stderr

    def expect_status(self, status, *arguments):
        result = self.systole(*arguments)
        self.assertEqual(result.returncode, status, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result
