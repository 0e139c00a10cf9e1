# SPDX-License-Identifier: Apache-2.0
"""Why the flow stops."""


class BadInput(Exception):
    """Something the user gave or has to install: one line, exit status 2."""


class FlowError(Exception):
    """A tool failed or the design does not fit: one line, exit status 2, and where the log is."""
