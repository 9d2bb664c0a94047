"""A link whose only properties are rate and queue: veth, HTB, pfifo."""

import json

from mininet.link import TCIntf

from lab_errors import LabError, run

QUANTUM = "quantum 1514"


class TcInterface(TCIntf):
    """Mininet's TCIntf, except that failures are errors."""

    def tc(self, cmd, tc="tc"):
        """Mininet's text, in which the first two %s stand for tc and the interface; other % are themselves."""
        names = iter((tc, self.name))
        return run([next(names) if word == "%s" else word for word in cmd.split()], self.node)

    def bwCmds(self, **options):
        # With one class the quantum is of no use, but the default fills the kernel's log with warnings.
        commands, parent = super().bwCmds(**options)
        return [f"{each} {QUANTUM}" if " class add " in each else each for each in commands], parent

    def set_rate(self, rate):
        """Mbit/s, on an interface that was built with a rate; what is queued stays queued."""
        self.tc(f"%s class change dev %s parent 5:0 classid 5:1 htb rate {rate:f}Mbit burst 15k {QUANTUM}")

    def counters(self):
        """What left this interface, by its root queueing discipline."""
        shown = json.loads(run(["tc", "-s", "-j", "qdisc", "show", "dev", self.name], self.node))
        root = next((each for each in shown if each.get("root")), None)
        if root is None:
            raise LabError(f"{self.node.name} {self.name}: no queueing discipline, so nothing is counted")
        return {
            "delivered": {"packets": root["packets"], "bytes": root["bytes"]},
            "dropped": root["drops"],
            "waiting": {"packets": root["qlen"], "bytes": root["backlog"]},
        }


class HtbInterface(TcInterface):
    """The queue needs no netem, by which Mininet limits it even where nothing is to be delayed."""

    @staticmethod
    def delayCmds(parent, delay=None, jitter=None, loss=None, max_queue_size=None):
        if max_queue_size is None:
            return [], parent
        return [f"%s qdisc add dev %s {parent} handle 10: pfifo limit {max_queue_size}"], " parent 10: "

    def set_queue(self, packets):
        self.tc(f"%s qdisc change dev %s parent 5:1 handle 10: pfifo limit {packets}")


def options(settings):
    """Mininet's options for an interface that sends one direction."""
    return {"bw": settings["rate"], "max_queue_size": settings["queue"]} if "rate" in settings else {}


class HtbShaper:
    """Changes a running link; each direction is the business of the interface that sends it."""

    name = "htb"

    def __init__(self, link):
        self.interfaces = {"aToB": link.intf1, "bToA": link.intf2}

    def apply(self, direction, before, after, keys):
        """Takes over the keys' values of the settings after. Raises LabError."""
        other = [key for key in keys if key not in ("rate", "queue") and after.get(key)]
        if other:
            raise LabError(f"{other[0]}: a link by HTB has only rate and queue; build it with emulator linkem")
        if "rate" not in before or "rate" not in after:
            raise LabError("built without a rate, so it has none to change" if "rate" not in before else
                           "a link by HTB keeps a rate")
        if "rate" in keys:
            self.interfaces[direction].set_rate(after["rate"])
        if "queue" in keys:
            self.interfaces[direction].set_queue(after["queue"])

    def set_down(self, down):
        """Nothing: the interface's own state is all there is to a veth."""

    def stats(self):
        return {direction: interface.counters() for direction, interface in self.interfaces.items()}

    def stop(self):
        """Nothing runs."""
