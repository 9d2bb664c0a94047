"""Checks a topology (see topology.ts for the fields' meaning) before anything is built.

Every complaint names the field by its path, says what was expected and what was found.
"""

import ipaddress
import json
import re

from lab_errors import LabError
from lab_references import check_references


def fail(path, expected, found):
    raise LabError(f"{path}: expected {expected}, found {json.dumps(found)}")


def pattern(expression, expected):
    def check(value, path):
        if not isinstance(value, str) or not re.fullmatch(expression, value):
            fail(path, expected, value)

    return check


def number(low, high, integer=True):
    kind = "an integer" if integer else "a number"

    def check(value, path):
        if isinstance(value, bool) or not isinstance(value, int if integer else (int, float)):
            fail(path, f"{kind} of {low} to {high}", value)
        if not low <= value <= high:
            fail(path, f"{kind} of {low} to {high}", value)

    return check


def one_of(*choices):
    def check(value, path):
        if value not in choices:
            fail(path, f"one of {', '.join(choices)}", value)

    return check


def parsed_by(parse, expected):
    def check(value, path):
        try:
            if not isinstance(value, str):
                raise ValueError
            parse(value)
        except ValueError:
            fail(path, expected, value)

    return check


def interface_address(value):
    if "/" not in value:
        raise ValueError
    ipaddress.ip_interface(value)


def boolean(value, path):
    if not isinstance(value, bool):
        fail(path, "true or false", value)


def sysctls(value, path):
    if not isinstance(value, dict):
        fail(path, "an object", value)
    for key, setting in value.items():
        if isinstance(setting, bool) or not isinstance(setting, (int, str)):
            fail(f"{path}.{key}", "a number or a string", setting)


def text(value, path):
    if not isinstance(value, str):
        fail(path, "a string", value)


# The kernel's limit is 15; Mininet names a switch's ports NAME-eth1 and on.
NODE = pattern(r"[a-z][a-z0-9-]{0,8}", "a name of 1 to 9 of a-z, 0-9 and -")
NAME = pattern(r"[a-z][a-z0-9-]{0,31}", "a name of 1 to 32 of a-z, 0-9 and -")
INTERFACE = pattern(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}", "an interface name of at most 15 characters")
ADDRESS = parsed_by(ipaddress.ip_address, "an IP address")
PREFIX = parsed_by(ipaddress.ip_network, "a prefix (as 10.0.0.0/8)")
FOLDER = pattern(r"(/[A-Za-z0-9_.-]+)+", "the absolute path of a folder, of letters, digits, - _ and .")
INTERFACE_ADDRESS = parsed_by(interface_address, "an address with a prefix length (as 10.0.1.2/24)")


def target(value, path):
    if value != "default":
        PREFIX(value, path)


# Keys with a trailing ? may be absent; a list of one shape is a list of such values.
END = {"node": NODE, "interface?": INTERFACE, "addresses?": [INTERFACE_ADDRESS]}
PERCENT = number(0, 100, integer=False)
MILLISECONDS = number(0, 10000, integer=False)
BURST_LOSS = {"p": PERCENT, "r": PERCENT, "inBad?": PERCENT, "inGood?": PERCENT}
DIRECTION_SETTINGS = {
    "rate?": number(0.01, 1000, integer=False),
    "trace?": text,
    "queue?": number(1, 100000),
    "queueBytes?": number(1514, 1000000000),
    "delay?": MILLISECONDS,
    "jitter?": MILLISECONDS,
    "jitterModel?": one_of("uniform", "normal"),
    "loss?": PERCENT,
    "burstLoss?": BURST_LOSS,
}
BOTH_DIRECTIONS = "both"
LINK = {
    "name": NAME,
    "a": END,
    "b": END,
    "mtu?": number(576, 65521),
    "emulator?": one_of("htb", "netem", "linkem"),
    "aToB?": DIRECTION_SETTINGS,
    "bToA?": DIRECTION_SETTINGS,
    **DIRECTION_SETTINGS,
}
ROUTE = {
    "to": target,
    "via?": ADDRESS,
    "interface?": INTERFACE,
    "table?": number(1, 4294967295),
    "metric?": number(0, 4294967295),
}
RULE = {"from": parsed_by(ipaddress.ip_network, "an address or a prefix"), "table": number(1, 4294967295),
        "priority?": number(1, 32765)}
ENDPOINT = {
    "address": ADDRESS,
    "interface?": INTERFACE,
    "flags": [one_of("signal", "subflow", "backup", "fullmesh")],
    "port?": number(1, 65535),
    "id?": number(1, 255),
}
MPTCP = {
    "limits?": {"subflows": number(0, 8), "addAddrAccepted": number(0, 8)},
    "endpoints?": [ENDPOINT],
}
HOST = {
    "name": NODE,
    "router?": boolean,
    "privateFolders?": [FOLDER],
    "sysctls?": sysctls,
    "routes?": [ROUTE],
    "rules?": [RULE],
    "mptcp?": MPTCP,
    "commands?": [[text]],
}
TOPOLOGY = {
    "name": NAME,
    "description?": text,
    "hosts": [HOST],
    "switches?": [{"name": NODE}],
    "links": [LINK],
}


def check_shape(value, shape, path):
    if isinstance(shape, list):
        if not isinstance(value, list):
            fail(path, "a list", value)
        for index, item in enumerate(value):
            check_shape(item, shape[0], f"{path}.{index}")
    elif isinstance(shape, dict):
        check_object(value, shape, path)
    else:
        shape(value, path)


def check_object(value, shape, path):
    if not isinstance(value, dict):
        fail(path or "topology", "an object", value)
    dot = f"{path}." if path else ""
    known = {key.rstrip("?"): key for key in shape}
    for key, item in value.items():
        if key not in known:
            raise LabError(f"{dot}{key}: unknown key; known are {', '.join(known)}")
        check_shape(item, shape[known[key]], f"{dot}{key}")
    for key in shape:
        if not key.endswith("?") and key not in value:
            raise LabError(f"{dot}{key}: missing")


def parse_topology(source):
    """Reads a topology from JSON text; each route gets the interface it uses. Raises LabError."""
    try:
        topology = json.loads(source)
    except ValueError as error:
        raise LabError(f"topology: not JSON: {error}") from error
    check_shape(topology, TOPOLOGY, "")
    check_references(topology)
    return topology
