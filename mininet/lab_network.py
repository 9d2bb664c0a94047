"""A topology as a running Mininet network, and the changes it takes while running."""

import ipaddress
import json
import os
import shutil
import signal
import sys

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge

import lab_folders
import lab_namespaces
from lab_errors import INSTALL_TOOLS, LabError, run
from lab_links import LinkBuilder

TOOLS = {
    "mnexec": "mininet",
    "brctl": "bridge-utils",
    "ethtool": "ethtool",
    "tc": "iproute2",
    "sysctl": "procps",
}

# Addresses are usable at once, replies leave where the routes say, and nothing but the topology
# adds addresses or routes.
BASE_SYSCTLS = {
    f"net.{family}.conf.{scope}.{key}": value
    for family, key, value in (("ipv4", "rp_filter", 0), ("ipv6", "accept_dad", 0), ("ipv6", "accept_ra", 0))
    for scope in ("all", "default")
}
ROUTER_SYSCTLS = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1}


def family_flag(address):
    """ip(8)'s -4 or -6 for an address or prefix."""
    return "-6" if ":" in address else "-4"


class Network:
    """Built from a parsed topology; always call stop(), also after a failed build()."""

    def __init__(self, topology):
        for tool, package in TOOLS.items():
            if shutil.which(tool) is None:
                raise LabError(f"there is no {tool} (Debian package {package}): {INSTALL_TOOLS}")
        self.topology = topology
        self.hosts = {host["name"]: host for host in topology["hosts"]}
        self.links = {}
        self.namespaces = {}
        # Why the network is no longer what it was built as.
        self.failure = None
        setLogLevel("error")
        # Mininet would raise limits and sysctls of the machine for good; a guest leaves them alone.
        Mininet.inited = True
        self.net = Mininet(switch=LinuxBridge, controller=None, build=False)
        self.builder = LinkBuilder(self.net, self.on_death)

    def build(self):
        for spec in self.topology["hosts"]:
            self.add_node(self.net.addHost(spec["name"], ip=None))
            lab_folders.make_private(self.node(spec["name"]), spec.get("privateFolders", []))
            base = {**BASE_SYSCTLS, **(ROUTER_SYSCTLS if spec.get("router") else {})}
            self.set_sysctls(spec["name"], base)
        for index, spec in enumerate(self.topology.get("switches", [])):
            # In a namespace of its own nothing of the lab shows in the machine's, and labs never collide.
            self.add_node(self.net.addSwitch(spec["name"], inNamespace=True, dpid=f"{index + 1:x}"))
        for index, spec in enumerate(self.topology["links"]):
            self.links[spec["name"]] = self.builder.add(spec, f"links.{index}")
        self.net.start()
        self.check_switches()
        for link in self.links.values():
            for side in ("a", "b"):
                self.set_addresses(link.spec[side])
        for spec in self.topology["hosts"]:
            self.configure_host(spec)

    def add_node(self, node):
        lab_namespaces.mark(node)
        # Held open, a namespace's inode number cannot pass to anybody else's.
        descriptor = os.open(f"/proc/{node.pid}/ns/net", os.O_RDONLY)
        self.namespaces[os.fstat(descriptor).st_ino] = descriptor

    def check_switches(self):
        """Mininet overlooks a bridge that could not be made."""
        for link in self.links.values():
            for side, interface in (("a", link.intf1), ("b", link.intf2)):
                node = link.spec[side]["node"]
                if node not in self.hosts:
                    ports = run(["ip", "link", "show", "master", node], interface.node)
                    if interface.name not in ports:
                        raise LabError(f"switch {node}: the bridge could not be made")

    def on_death(self, reason):
        """Called by a thread when a link's emulator is gone; the lab ends as it would by a signal."""
        self.failure = reason
        os.kill(os.getpid(), signal.SIGTERM)

    def node(self, name):
        return self.net.nameToNode[name]

    def set_sysctls(self, name, sysctls):
        for key, value in sysctls.items():
            run(["sysctl", "-q", "-w", f"{key}={value}"], self.node(name))

    def set_addresses(self, end):
        for address in end.get("addresses", []):
            flags = ["nodad"] if ":" in address else []
            run(["ip", "address", "replace", address, "dev", end["interface"], *flags], self.node(end["node"]))

    def set_routes(self, name, interface=None):
        """The host's declared routes, or those over one interface."""
        for route in self.hosts.get(name, {}).get("routes", []):
            if interface is not None and route["interface"] != interface:
                continue
            argv = ["ip", family_flag(route.get("via", route["to"])), "route", "replace", route["to"]]
            argv += ["via", route["via"]] if "via" in route else []
            argv += ["dev", route["interface"]]
            for key in ("table", "metric"):
                argv += [key, str(route[key])] if key in route else []
            run(argv, self.node(name))

    def configure_host(self, spec):
        node = self.node(spec["name"])
        self.set_sysctls(spec["name"], spec.get("sysctls", {}))
        self.set_routes(spec["name"])
        for rule in spec.get("rules", []):
            argv = ["ip", family_flag(rule["from"]), "rule", "add", "from", rule["from"]]
            argv += ["table", str(rule["table"])]
            run(argv + (["priority", str(rule["priority"])] if "priority" in rule else []), node)
        self.configure_mptcp(node, spec.get("mptcp", {}))
        for argv in spec.get("commands", []):
            run(argv, node)

    def configure_mptcp(self, node, spec):
        limits = spec.get("limits")
        if limits:
            run(["ip", "mptcp", "limits", "set", "subflow", str(limits["subflows"]),
                 "add_addr_accepted", str(limits["addAddrAccepted"])], node)
        for endpoint in spec.get("endpoints", []):
            argv = ["ip", "mptcp", "endpoint", "add", endpoint["address"]]
            for key, word in (("interface", "dev"), ("id", "id"), ("port", "port")):
                argv += [word, str(endpoint[key])] if key in endpoint else []
            run(argv + endpoint["flags"], node)

    def find_link(self, name):
        if name not in self.links:
            raise LabError(f"there is no link {name}; there are {', '.join(self.links)}")
        return self.links[name]

    def set_link(self, name, state):
        """Takes a link's a end down or up: this link only, also where others join the same nodes."""
        link = self.find_link(name)
        if state not in ("down", "up"):
            raise LabError(f"link {name}: expected state down or up, found {state}")
        link.set_down(state == "down")
        end = link.spec["a"]
        if state == "up" and end["node"] in self.hosts:
            # The kernel dropped the interface's routes and IPv6 addresses when it went down.
            self.set_addresses(end)
            self.set_routes(end["node"], end["interface"])

    def describe(self):
        """What is there, for the ready event."""
        nodes = self.net.hosts + self.net.switches
        described = {node.name: {"pid": node.pid, "interfaces": describe_interfaces(node)} for node in nodes}
        return {
            "name": self.topology["name"],
            "hosts": {name: described[name] for name in self.hosts},
            "switches": {switch.name: described[switch.name] for switch in self.net.switches},
            "links": {name: link.describe() for name, link in self.links.items()},
        }

    def stop(self):
        """Ends every process in the lab's namespaces, and with them the namespaces and interfaces."""
        nodes = self.net.hosts + self.net.switches
        inodes = set(self.namespaces)
        lab_namespaces.kill_in(inodes, spare={node.pid for node in nodes})
        self.builder.stop()
        try:
            self.net.stop()
        except Exception as error:  # pylint: disable=broad-except
            # A shell that was killed from outside; its namespace goes below.
            print(f"lab: Mininet did not stop cleanly: {error}", file=sys.stderr)
        lab_namespaces.kill_in(inodes)
        for descriptor in self.namespaces.values():
            os.close(descriptor)
        self.namespaces.clear()


def describe_interfaces(node):
    shown = json.loads(run(["ip", "-j", "address", "show"], node))
    return [
        {
            "name": link["ifname"],
            "mac": link.get("address"),
            "mtu": link["mtu"],
            "addresses": [
                f"{address['local']}/{address['prefixlen']}"
                for address in link["addr_info"]
                if not ipaddress.ip_address(address["local"]).is_link_local
            ],
        }
        for link in shown
        if link["ifname"] != "lo"
    ]
