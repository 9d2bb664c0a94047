"""Whose network namespace is it: marks on the lab's namespaces, and the end of what runs in them.

A lab is nothing but namespaces: hosts and switches each have one, and every interface lives in
one of them. A namespace with its interfaces disappears with its last process. So the mark is
kept in the namespace itself, as the alias of its loopback device: it cannot outlive what it
stands for, and needs no state file that a crash would leave behind.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time

from lab_errors import LabError, run

MARK = "mptk-lab"
# In the environment of what a lab runs outside its namespaces: the same mark.
OWNER_VARIABLE = "MPTK_LAB_OWNER"
KILL_SECONDS = 30.0


def start_time(pid):
    """When a process started, in ticks since boot: with its id, its identity. None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # the command's name, in parentheses, may itself contain spaces and parentheses
            fields = file.read().rpartition(")")[2].split()
            # One that has ended is listed until somebody takes note, which may be never.
            return None if fields[0] in "ZX" else int(fields[19])
    except (OSError, ValueError):
        return None


def own_mark():
    owner = os.getpid()
    return f"{MARK} {owner} {start_time(owner)}"


def parse_mark(text):
    """(owner's id, owner's start time), None for anything but a mark."""
    try:
        word, owner, started = text.split()
        return (int(owner), int(started)) if word == MARK else None
    except ValueError:
        return None


def mark(node):
    """Says in the node's namespace which process owns it."""
    run(["ip", "link", "set", "dev", "lo", "alias", own_mark()], node)


def processes():
    """Pairs of process id and network namespace (inode) of all processes seen from here."""
    own = os.stat("/proc/self/ns/pid").st_ino
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            # A container's lab has an owner whose id means nothing out here.
            if os.stat(f"/proc/{entry}/ns/pid").st_ino == own:
                yield int(entry), os.stat(f"/proc/{entry}/ns/net").st_ino
        except OSError:
            continue


def owner_of(pid):
    """The mark in the namespace of a process as (owner's id, owner's start time), None for anyone else's."""
    shown = subprocess.run(
        ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-j", "link", "show", "dev", "lo"],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return parse_mark(json.loads(shown.stdout)[0].get("ifalias", ""))
    except (ValueError, IndexError):
        return None


def kill_in(inodes, spare=()):
    """Ends every process in the given network namespaces but those to spare; waits until they are gone."""
    deadline = time.monotonic() + KILL_SECONDS
    while True:
        victims = [pid for pid, inode in processes() if inode in inodes and pid not in spare]
        if not victims:
            return
        if time.monotonic() > deadline:
            raise LabError(f"processes do not end: {' '.join(map(str, victims))}")
        for pid in victims:
            kill(pid, inodes)


def kill(pid, inodes):
    """Kills a process if it is (still) in one of the namespaces: unlike its id, a descriptor is not reused."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if os.stat(f"/proc/{pid}/ns/net").st_ino in inodes:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            select.select([descriptor], [], [], 0.5)
    except OSError:
        pass
    finally:
        os.close(descriptor)


def remove_leftovers():
    """Ends what labs left behind whose lab.py is gone; returns the number of namespaces."""
    remove_emulators()
    own = os.stat("/proc/self/ns/net").st_ino
    members = {}
    for pid, inode in processes():
        if inode != own:
            members.setdefault(inode, pid)
    removed = 0
    for inode, pid in members.items():
        owner = owner_of(pid)
        if owner is None or start_time(owner[0]) == owner[1]:
            continue
        remove_namespace(inode, pid, owner)
        removed += 1
    return removed


def remove_emulators():
    """Link emulators run outside the namespaces. They end with lab.py, unless somebody had stopped them."""
    for pid, inode in list(processes()):
        try:
            with open(f"/proc/{pid}/environ", encoding="utf-8", errors="replace") as file:
                variables = file.read().split("\0")
        except OSError:
            continue
        values = [each.partition("=")[2] for each in variables if each.startswith(f"{OWNER_VARIABLE}=")]
        owner = parse_mark(values[0]) if values else None
        if owner is not None and start_time(owner[0]) != owner[1]:
            kill(pid, {inode})
            print(f"lab: ended the link emulator {pid} of lab {owner[0]}", file=sys.stderr)


def remove_namespace(inode, pid, owner):
    # Held open, the namespace keeps its inode number to itself while its processes end.
    try:
        descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    except OSError:
        return
    try:
        if os.fstat(descriptor).st_ino == inode:
            kill_in({inode})
            print(f"lab: removed what lab {owner[0]} had left behind", file=sys.stderr)
    finally:
        os.close(descriptor)
