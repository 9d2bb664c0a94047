"""How a link is built: the one place that chooses between HTB, netem and linkem."""

from mininet.link import TCLink

import lab_htb
import lab_netem
from lab_errors import LabError, run
from lab_linkem import Linkem, LinkemLink, starting
from lab_settings import KEYS, changed, check_changes, chosen, complete, directions_of, needed_emulator


class LabLink:
    """One link of the lab, with the settings that it has now."""

    def __init__(self, spec, directions, interfaces, shaper):
        self.spec = spec
        self.built = directions
        self.settings = {name: dict(settings) for name, settings in directions.items()}
        self.intf1, self.intf2 = interfaces
        self.shaper = shaper

    def change(self, direction, changes):
        """Changes settings of a direction or both; a value of null takes one away. Raises LabError."""
        check_changes(changes)
        after = {}
        for name in chosen(direction):
            after[name] = changed(self.settings[name], changes)
            if not any(key in after[name] for key in ("rate", "trace")):
                for key in ("queue", "queueBytes"):
                    after[name].pop(key, None)
            complete(after[name], f"link {self.spec['name']}")
        for name, settings in after.items():
            self.take(name, settings)

    def restore(self):
        """Both directions as the topology has them."""
        for name, settings in self.built.items():
            self.take(name, dict(settings))

    def take(self, name, settings):
        before = self.settings[name]
        keys = [key for key in KEYS if before.get(key) != settings.get(key)]
        if not keys:
            return
        try:
            self.shaper.apply(name, before, settings, keys)
        except LabError as error:
            raise LabError(f"link {self.spec['name']}: {error}") from error
        self.settings[name] = settings

    def set_down(self, down):
        """The a end's interface; only this link, also where others join the same nodes."""
        self.shaper.set_down(down)
        run(["ip", "link", "set", "dev", self.intf1.name, "down" if down else "up"], self.intf1.node)

    def describe(self):
        ends = (("a", self.intf1), ("b", self.intf2))
        return {side: {"node": self.spec[side]["node"], "interface": interface.name} for side, interface in ends} | {
            "emulator": self.shaper.name,
            **{name: settings for name, settings in self.settings.items()},
        }


class LinkBuilder:
    """Builds the links of one network."""

    def __init__(self, net, on_death):
        self.net = net
        self.on_death = on_death
        self.has_netem = None
        self.emulators = []

    def netem(self):
        """Asked once, and only when a link needs to know."""
        if self.has_netem is None:
            self.has_netem = lab_netem.available()
        return self.has_netem

    def choose(self, spec, directions, path):
        needed = needed_emulator(directions, netem=False)
        if needed == "linkem" and needed_emulator(directions, netem=True) == "netem" and self.netem():
            needed = "netem"
        asked = spec.get("emulator", needed)
        if asked == "netem" and not self.netem():
            raise LabError(f"{path}.emulator: this kernel has no netem (module sch_netem)")
        if asked == "htb" and needed != "htb" or asked == "netem" and needed_emulator(directions, True) == "linkem":
            raise LabError(f"{path}.emulator: what is asked of this link needs {needed}, found {asked}")
        return asked

    def add(self, spec, path):
        """Builds one link of a topology. Returns a LabLink."""
        directions = directions_of(spec, path)
        emulator = self.choose(spec, directions, path)
        ends = [self.net.nameToNode[spec[side]["node"]] for side in ("a", "b")]
        names = {"intfName1": spec["a"].get("interface"), "intfName2": spec["b"].get("interface")}
        if emulator == "linkem":
            settings = ["--mtu", str(spec.get("mtu", 1500)), *starting(directions)]
            link = self.net.addLink(
                *ends,
                cls=LinkemLink,
                start=lambda taps: Linkem(spec["name"], [*taps, *settings], self.emulators, self.on_death),
                **names,
            )
            shaper = link.emulator
        else:
            module, kind, shaping = (
                (lab_htb, lab_htb.HtbInterface, lab_htb.HtbShaper) if emulator == "htb"
                else (lab_netem, lab_netem.NetemInterface, lab_netem.NetemShaper)
            )
            link = self.net.addLink(*ends, cls=TCLink, cls1=kind, cls2=kind, **names,
                                    params1=module.options(directions["aToB"]),
                                    params2=module.options(directions["bToA"]))
            shaper = shaping(link)
        for interface in (link.intf1, link.intf2):
            finish_interface(interface, spec)
        return LabLink(spec, directions, (link.intf1, link.intf2), shaper)


    def stop(self):
        """Ends the emulators; before their devices are removed, which would end them as failed."""
        for emulator in self.emulators:
            emulator.stop()


def finish_interface(interface, spec):
    # A veth takes TCP segments of up to 64 KB in one piece. To a queue that is one packet: at
    # 10 Mbit/s it would hold up all others for 52 ms, and 100 of them are five seconds of queue.
    # Real uplinks queue frames. Turning GSO off on the device does not help (the segments are
    # then cut up behind the queue), so TCP is told to build no more than one frame at a time.
    # Links without a rate too: what they carry goes on to links that have one.
    run(["ip", "link", "set", "dev", interface.name, "gso_max_segs", "1"], interface.node)
    if "mtu" in spec:
        run(["ip", "link", "set", "dev", interface.name, "mtu", str(spec["mtu"])], interface.node)
