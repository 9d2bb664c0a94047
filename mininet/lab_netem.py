"""A link with delay and loss by the kernel's netem: veth, HTB for the rate, netem below it."""

import subprocess

from lab_errors import LabError
from lab_htb import HtbShaper, TcInterface

PROBE = ["unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]


def available():
    """Whether this kernel has netem: tried in a namespace of its own, which ends with the try."""
    return subprocess.run(PROBE, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def limit(settings):
    """Frames that netem holds. It counts those being delayed too, so that they get room besides the queue."""
    in_flight = settings.get("rate", 1000) * 1000 * settings.get("delay", 0) / 8 / 1514
    return settings.get("queue", 0 if "rate" in settings else 1000) + round(in_flight)


def words(settings):
    """All of a direction as netem's parameters: what a change leaves out netem would reset."""
    line = ["limit", str(limit(settings)), "delay", f"{settings.get('delay', 0)}ms", f"{settings.get('jitter', 0)}ms"]
    if settings.get("jitter") and settings.get("jitterModel") == "normal":
        line += ["distribution", "normal"]
    burst = settings.get("burstLoss")
    if burst:
        chances = (burst["p"], burst["r"], burst.get("inBad", 100), burst.get("inGood", 0))
        return line + ["loss", "gemodel", *(f"{each}%" for each in chances)]
    return line + ["loss", f"{settings.get('loss', 0)}%"]


class NetemInterface(TcInterface):
    """Mininet builds HTB; what is below it is ours, because Mininet knows no bursts and no single direction."""

    settings = {}

    def config(self, settings=None, **params):
        self.settings = settings or {}
        rate = {"bw": self.settings["rate"]} if "rate" in self.settings else {}
        # Mininet builds nothing below the rate, and nothing at all without one, unless a limit is asked for.
        return super().config(max_queue_size=limit(self.settings), **rate, **params)

    def delayCmds(self, parent, **_options):  # pylint: disable=arguments-differ
        return [f"%s qdisc add dev %s {parent} handle 10: netem {' '.join(words(self.settings))}"], " parent 10: "

    def change(self, settings):
        parent = "parent 5:1" if "rate" in self.settings else "root"
        self.tc(f"%s qdisc change dev %s {parent} handle 10: netem {' '.join(words(settings))}")
        self.settings = settings


def options(settings):
    """Options for an interface that sends one direction."""
    return {"settings": settings}


class NetemShaper(HtbShaper):
    """Changes a running link."""

    name = "netem"

    def apply(self, direction, before, after, keys):
        for key in ("trace", "queueBytes"):
            if key in after:
                raise LabError(f"{key}: netem has none; build the link with emulator linkem")
        if ("rate" in before) != ("rate" in after):
            raise LabError("rate: a link by netem keeps one, or none")
        if "rate" in keys:
            self.interfaces[direction].set_rate(after["rate"])
        self.interfaces[direction].change(after)
