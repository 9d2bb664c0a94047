"""The lab's one error and its one way to run a command."""

import os
import subprocess


SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "scripts")
# What to run for a tool that is missing, whether this is a checkout or an installed package.
INSTALL_TOOLS = f"run sh {SCRIPTS}/install-lab-tools.sh"
BUILD_LINKEM = f"run node {SCRIPTS}/build-native.mjs, which needs gcc and make for it"


class LabError(Exception):
    """What the lab reports to whoever started it: one line that names the field or command."""


def run(argv, node=None):
    """Runs a command, in the namespaces of a Mininet node if one is given, and returns its output.

    Mininet's own node.cmd() goes through an interactive shell and ignores failures.
    """
    prefix = ["mnexec", "-a", str(node.pid)] if node else []
    result = subprocess.run(
        prefix + argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    if result.returncode != 0:
        where = f"{node.name}: " if node else ""
        said = " ".join((result.stderr or result.stdout).split())
        raise LabError(f"{where}{' '.join(argv)}: exit code {result.returncode}: {said}")
    return result.stdout
