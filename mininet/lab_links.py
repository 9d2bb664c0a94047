"""How a link is built: the one place that knows veth, HTB, queues and offloads."""

from mininet.link import TCIntf, TCLink

from lab_errors import LabError, run

DEFAULT_QUEUE = 100
QUANTUM = "quantum 1514"


class LabInterface(TCIntf):
    """Mininet's TCIntf, except that failures are errors and that the queue needs no netem."""

    def tc(self, cmd, tc="tc"):
        return run((cmd % (tc, self)).split(), self.node)

    def bwCmds(self, **options):
        # With one class the quantum is of no use, but the default fills the kernel's log with warnings.
        commands, parent = super().bwCmds(**options)
        return [f"{each} {QUANTUM}" if " class add " in each else each for each in commands], parent

    @staticmethod
    def delayCmds(parent, delay=None, jitter=None, loss=None, max_queue_size=None):
        # Mininet limits the queue by a netem qdisc even where nothing is to be delayed.
        if delay is None and not loss and max_queue_size is not None:
            return [f"%s qdisc add dev %s {parent} handle 10: pfifo limit {max_queue_size}"], " parent 10: "
        return TCIntf.delayCmds(parent, delay, jitter, loss, max_queue_size)

    def set_rate(self, rate):
        """Mbit/s, on an interface that was built with a rate; what is queued stays queued."""
        self.tc(f"%s class change dev %s parent 5:0 classid 5:1 htb rate {rate:f}Mbit burst 15k {QUANTUM}")

    def set_queue(self, packets):
        self.tc(f"%s qdisc change dev %s parent 5:1 handle 10: pfifo limit {packets}")


def check_netem(node, path):
    """Delay and loss are netem's; a kernel without it must say so before anything is measured."""
    try:
        run(["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"], node)
    except LabError as error:
        message = f"{path}: this kernel has no netem (module sch_netem), so links have neither delay nor loss"
        raise LabError(message) from error
    run(["tc", "qdisc", "del", "dev", "lo", "root"], node)


def add_link(net, spec, path):
    """Builds one link of a topology; rate and queue hold for each direction. Returns Mininet's link."""
    ends = [net.nameToNode[spec[side]["node"]] for side in ("a", "b")]
    options = {}
    if "rate" in spec:
        options = {"bw": spec["rate"], "max_queue_size": spec.get("queue", DEFAULT_QUEUE)}
    elif "queue" in spec:
        raise LabError(f"{path}.queue: a link without a rate has no queue")
    for key in ("delay", "loss"):
        if spec.get(key):
            check_netem(ends[0], f"{path}.{key}")
    if spec.get("delay"):
        options["delay"] = f"{spec['delay']}ms"
    if spec.get("loss"):
        options["loss"] = spec["loss"]
    link = net.addLink(
        ends[0],
        ends[1],
        cls=TCLink,
        cls1=LabInterface,
        cls2=LabInterface,
        intfName1=spec["a"].get("interface"),
        intfName2=spec["b"].get("interface"),
        **options,
    )
    for interface in (link.intf1, link.intf2):
        finish_interface(interface, spec)
    return link


def finish_interface(interface, spec):
    # A veth takes TCP segments of up to 64 KB in one piece. To a queue that is one packet: at
    # 10 Mbit/s it would hold up all others for 52 ms, and 100 of them are five seconds of queue.
    # Real uplinks queue frames. Turning GSO off on the device does not help (the segments are
    # then cut up behind the queue), so TCP is told to build no more than one frame at a time.
    # Links without a rate too: what they carry goes on to links that have one.
    run(["ip", "link", "set", "dev", interface.name, "gso_max_segs", "1"], interface.node)
    if "mtu" in spec:
        run(["ip", "link", "set", "dev", interface.name, "mtu", str(spec["mtu"])], interface.node)
