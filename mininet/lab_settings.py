"""What a link does to packets, as data: the settings of each direction and the changes they take.

A link's settings hold for both directions; its keys aToB and bToA add to them or replace them for
one. Within a pair of EXCLUSIVE the one that is set last counts, as a link has either a rate or a
trace.
"""

import os

from lab_errors import LabError
from lab_topology import BOTH_DIRECTIONS, DIRECTION_SETTINGS, check_shape

DIRECTIONS = ("aToB", "bToA")
EXCLUSIVE = (("rate", "trace"), ("loss", "burstLoss"), ("queue", "queueBytes"))
KEYS = tuple(key.rstrip("?") for key in DIRECTION_SETTINGS)
# What no queueing discipline but netem does.
EMULATED = ("delay", "jitter", "loss", "burstLoss")
# What no queueing discipline does.
LINKEM_ONLY = ("trace", "queueBytes")
# Frames, where a rate or a trace makes them wait and the topology says nothing.
DEFAULT_QUEUE = 100


def changed(settings, changes):
    """Settings with changes made to them; a key with null is taken away, as is what a new one excludes."""
    merged = dict(settings)
    for key, value in changes.items():
        for pair in EXCLUSIVE:
            if key in pair and value is not None:
                merged.pop(pair[1 - pair.index(key)], None)
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = os.path.abspath(value) if key == "trace" else value
    return merged


def directions_of(spec, path):
    """The settings of each direction of a link as the topology has them. Raises LabError."""
    common = {key: spec[key] for key in KEYS if key in spec}
    resolved = {name: changed(changed({}, common), spec.get(name, {})) for name in DIRECTIONS}
    for name in DIRECTIONS:
        own = spec.get(name, {})
        for pair in EXCLUSIVE:
            for given in (common, own):
                if all(key in given for key in pair):
                    raise LabError(f"{path}: {pair[0]} and {pair[1]} exclude each other")
        complete(resolved[name], path)
    return resolved


def complete(settings, path):
    """Adds what follows from the other settings; refuses what means nothing without them."""
    limited = "rate" in settings or "trace" in settings
    for key in ("queue", "queueBytes"):
        if key in settings and not limited:
            raise LabError(f"{path}.{key}: a link without a rate has no queue")
    if limited and "queueBytes" not in settings:
        settings.setdefault("queue", DEFAULT_QUEUE)
    if settings.get("jitter", 0) > settings.get("delay", 0):
        raise LabError(f"{path}.jitter: expected at most the delay of {settings.get('delay', 0)} ms")


def check_changes(changes):
    """A command's settings, null for what is to go. Raises LabError, naming the key."""
    given = {key: value for key, value in changes.items() if value is not None}
    check_shape(given, DIRECTION_SETTINGS, "")
    for key in changes:
        if key not in KEYS:
            raise LabError(f"{key}: unknown key; known are {', '.join(KEYS)}")


def chosen(direction):
    """The directions that a command's word means."""
    if direction == BOTH_DIRECTIONS:
        return DIRECTIONS
    if direction in DIRECTIONS:
        return (direction,)
    raise LabError(f"direction: expected {BOTH_DIRECTIONS}, {' or '.join(DIRECTIONS)}, found {direction}")


def needed_emulator(directions, netem):
    """Which emulator a link's settings need: htb unless asked for more, then netem where there is one."""
    keys = {key for settings in directions.values() for key in settings if settings[key] != 0}
    if keys & set(LINKEM_ONLY):
        return "linkem"
    if keys & set(EMULATED):
        return "netem" if netem else "linkem"
    return "htb"
