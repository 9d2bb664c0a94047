"""Names that stand for something in a topology: each defined once, each use defined."""

import ipaddress

from lab_errors import LabError


def check_references(topology):
    hosts = {host["name"] for host in topology["hosts"]}
    switches = {switch["name"] for switch in topology.get("switches", [])}
    names = set()
    for kind in ("hosts", "switches", "links"):
        names = set() if kind == "links" else names
        for index, item in enumerate(topology.get(kind, [])):
            if item["name"] in names:
                raise LabError(f"{kind}.{index}.name: {item['name']} is there twice")
            names.add(item["name"])
    taken = set()
    for index, link in enumerate(topology["links"]):
        for side in ("a", "b"):
            check_end(link[side], f"links.{index}.{side}", hosts, switches, taken)
    for index, host in enumerate(topology["hosts"]):
        check_host(host, f"hosts.{index}", interfaces_of(topology, host["name"]))


def check_end(end, path, hosts, switches, taken):
    node = end["node"]
    if node in switches:
        if "interface" in end or "addresses" in end:
            raise LabError(f"{path}: a switch's port takes neither interface nor addresses")
        return
    if node not in hosts:
        raise LabError(f"{path}.node: there is no host or switch {node}")
    if "interface" not in end:
        raise LabError(f"{path}.interface: missing")
    if (node, end["interface"]) in taken or end["interface"] == "lo":
        raise LabError(f"{path}.interface: {node} has {end['interface']} already")
    taken.add((node, end["interface"]))


def interfaces_of(topology, node):
    """Interface name → its networks, for one host."""
    return {
        end["interface"]: [ipaddress.ip_interface(address).network for address in end.get("addresses", [])]
        for link in topology["links"]
        for end in (link["a"], link["b"])
        if end["node"] == node
    }


def check_host(host, path, interfaces):
    items = [(f"{path}.routes.{i}", route) for i, route in enumerate(host.get("routes", []))]
    endpoints = host.get("mptcp", {}).get("endpoints", [])
    for where, item in items + [(f"{path}.mptcp.endpoints.{i}", e) for i, e in enumerate(endpoints)]:
        if "interface" in item and item["interface"] not in interfaces:
            raise LabError(f"{where}.interface: {host['name']} has no interface {item['interface']}")
    for where, route in items:
        if "interface" not in route:
            route["interface"] = outgoing_interface(route, where, host["name"], interfaces)


def outgoing_interface(route, path, name, interfaces):
    """Which interface a route uses: needed to put it back after the link was down."""
    if "via" not in route:
        raise LabError(f"{path}: expected via or interface")
    gateway = ipaddress.ip_address(route["via"])
    for interface, networks in interfaces.items():
        if any(gateway in network for network in networks):
            return interface
    raise LabError(f"{path}.via: {route['via']} lies in none of the networks of {name}")
