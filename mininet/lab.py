#!/usr/bin/python3
"""Builds a topology with Mininet, takes commands, and leaves nothing behind.

    lab.py FILE      the topology is the file's JSON; commands on standard input
    lab.py -         the topology is the first line of standard input
    lab.py --clean   removes what killed labs left behind, then ends

One JSON object a line. Out: {"event": "ready", "hosts": {NAME: {"pid", "interfaces"}}, "switches",
"links": {NAME: {"a", "b", "emulator": "htb" | "netem" | "linkem", "aToB", "bToA"}}}, or
{"event": "error", "message"} and exit code 1. In, each with an "id" that the answer {"id", "ok": true}
or {"id", "error"} repeats:

    {"op": "link", "link": NAME, "state": "down" | "up"}
    {"op": "set", "link": NAME, "direction": "both" | "aToB" | "bToA", "settings": {…}}
    {"op": "restore", "link": NAME}      its settings as the topology has them
    {"op": "stats", "link": NAME}        the answer has "stats": {"aToB", "bToA"}
    {"op": "stop"}

Settings are the topology's keys of a direction: rate, trace, queue, queueBytes, delay, jitter,
jitterModel, loss, burstLoss; null takes one away.

The end of standard input, SIGTERM, SIGINT and SIGHUP stop the lab too. /usr/bin/python3 is the
Python that Debian's mininet package is for.
"""

import json
import os
import signal
import sys
import traceback

sys.dont_write_bytecode = True

from lab_errors import INSTALL_TOOLS, LabError  # noqa: E402
from lab_topology import BOTH_DIRECTIONS, parse_topology  # noqa: E402
import lab_namespaces  # noqa: E402

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked for the end."""


def on_signal(_number, _frame):
    raise Stopped


def claim_stdout():
    """Keeps standard output for the protocol: whatever else prints, prints to standard error."""
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return protocol


class Session:
    """The commands' side of a running network."""

    def __init__(self, network, say):
        self.network = network
        self.say = say

    def serve(self, lines):
        """Answers commands until stop or the end of input; returns the id of the stop command."""
        for line in lines:
            if not line.strip():
                continue
            try:
                command = json.loads(line)
                if not isinstance(command, dict):
                    raise ValueError("expected an object")
            except ValueError as error:
                self.say({"id": None, "error": f"not a command: {error}"})
                continue
            if command.get("op") == "stop":
                return command.get("id")
            self.answer(command)
        return None

    def answer(self, command):
        try:
            result = self.perform(command) or {}
            self.say({"id": command.get("id"), "ok": True, **result})
        except LabError as error:
            self.say({"id": command.get("id"), "error": str(error)})

    def perform(self, command):
        """Carries out a command; returns what its answer has besides ok."""
        operation, name = command.get("op"), command.get("link")
        if operation == "link":
            self.network.set_link(name, command.get("state"))
        elif operation == "set":
            if not isinstance(command.get("settings"), dict):
                raise LabError(f"settings: expected an object, found {json.dumps(command.get('settings'))}")
            self.network.find_link(name).change(command.get("direction", BOTH_DIRECTIONS), command["settings"])
        elif operation == "restore":
            self.network.find_link(name).restore()
        elif operation == "stats":
            return {"stats": self.network.find_link(name).shaper.stats()}
        else:
            raise LabError(f"op: expected link, set, restore, stats or stop, found {json.dumps(operation)}")
        return None


def read_topology(source):
    if source == "-":
        return parse_topology(sys.stdin.readline())
    try:
        with open(source, encoding="utf-8") as file:
            return parse_topology(file.read())
    except OSError as error:
        raise LabError(f"{source}: {error.strerror}") from error


def run_lab(source, say):
    topology = read_topology(source)
    if os.geteuid() != 0:
        raise LabError("the lab needs root: it makes network namespaces")
    lab_namespaces.remove_leftovers()
    try:
        from lab_network import Network  # pylint: disable=import-outside-toplevel
    except ImportError as error:
        message = f"Mininet is not installed for {sys.executable} ({error}): {INSTALL_TOOLS}"
        raise LabError(message) from error
    network = Network(topology)
    stop_id = None
    try:
        network.build()
        say({"event": "ready", **network.describe()})
        stop_id = Session(network, say).serve(sys.stdin)
    except Stopped:
        if network.failure is not None:
            raise LabError(network.failure) from None
        raise
    finally:
        for number_ in SIGNALS:
            signal.signal(number_, signal.SIG_IGN)
        network.stop()
    if stop_id is not None:
        say({"id": stop_id, "ok": True})


def main(arguments):
    if len(arguments) != 1 or arguments[0] in ("-h", "--help"):
        print(__doc__, file=sys.stderr)
        return 2
    for number_ in SIGNALS:
        signal.signal(number_, on_signal)
    protocol = claim_stdout()

    def say(message):
        try:
            print(json.dumps(message), file=protocol, flush=True)
        except BrokenPipeError:
            # Whoever started the lab is gone; its end of our input is closed too, and that ends the lab.
            pass

    try:
        if arguments[0] == "--clean":
            lab_namespaces.remove_leftovers()
        else:
            run_lab(arguments[0], say)
        return 0
    except Stopped:
        return 0
    except LabError as error:
        say({"event": "error", "message": str(error)})
    except Exception as error:  # pylint: disable=broad-except
        traceback.print_exc()
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        place = f"{os.path.basename(where.filename)}:{where.lineno}"
        say({"event": "error", "message": f"{said} ({place})"})
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
