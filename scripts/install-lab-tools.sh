#!/bin/sh
# Installs from Debian what the lab, the tests, the demo and the benchmarks run; only what is missing.
# Usage: install-lab-tools.sh [--check]     --check names what is missing and exits 1
set -eu

# bridge-utils and ethtool are what Mininet's LinuxBridge and TCLink call; it does not depend on them.
PACKAGES='mininet bridge-utils ethtool iproute2 procps util-linux nftables iperf3 curl iputils-ping
nginx-light tcpdump chromium haproxy dante-server microsocks proxychains4 netcat-openbsd openssh-client openssh-server mptcpize
dnsmasq-base libnginx-mod-stream wrk wget git openssl systemd tinyproxy-bin privoxy python3-urllib3 python3-httpx'
# Of these packages, what would listen on ports from now on or from the next boot on.
SERVICES='nginx haproxy danted openvswitch-switch iperf3 ssh privoxy'
POLICY=/usr/sbin/policy-rc.d
ASIDE=/usr/sbin/policy-rc.d.mptk-aside

missing_packages() {
	for package in $PACKAGES; do
		state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$state" = installed ] || printf '%s ' "$package"
	done
}

service_exists() {
	[ -e "/etc/init.d/$1" ]
}

# A fresh package would start its service at once (invoke-rc.d, deb-systemd-invoke); 101 forbids it.
forbid_services() {
	if [ -e "$POLICY" ] || [ -L "$POLICY" ]; then mv "$POLICY" "$ASIDE"; fi
	printf '#!/bin/sh\n# mptk: temporary, while packages are installed\nexit 101\n' >"$POLICY"
	chmod 755 "$POLICY"
}

restore_policy() {
	if [ -e "$ASIDE" ] || [ -L "$ASIDE" ]; then
		mv -f "$ASIDE" "$POLICY"
	elif grep -qs '^# mptk: temporary' "$POLICY"; then
		rm -f "$POLICY"
	fi
}

# Only services that were not there before: a web server already in use stays as it is.
disable_new_services() {
	for service in $SERVICES; do
		case " $present " in *" $service "*) continue ;; esac
		service_exists "$service" || continue
		update-rc.d "$service" disable >/dev/null 2>&1 || true
	done
}

command -v dpkg-query >/dev/null || {
	echo "install-lab-tools: this is not Debian (no dpkg); install by hand: $(echo $PACKAGES)" >&2
	exit 1
}
missing=$(missing_packages)
missing=${missing% }
if [ -z "$missing" ]; then
	echo 'install-lab-tools: everything is installed'
	exit 0
fi
if [ "${1:-}" = --check ]; then
	echo "install-lab-tools: missing: $missing" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "install-lab-tools: missing: $missing; install them as root: sudo $0" >&2
	exit 1
fi

export DEBIAN_FRONTEND=noninteractive LC_ALL=C
# A run that was killed may have left its policy behind.
restore_policy
present=
for service in $SERVICES; do
	if service_exists "$service"; then present="$present $service"; fi
done
trap restore_policy EXIT
trap 'exit 1' HUP INT TERM
forbid_services

output=$(mktemp)
install_missing() {
	# shellcheck disable=SC2086 # one word per package
	apt-get install -y -q --no-install-recommends $missing >"$output" 2>&1
}
# Lists that are absent or stale show as a failed install; only then are they fetched.
if ! install_missing && ! { apt-get update -q >"$output" 2>&1 && install_missing; }; then
	echo "install-lab-tools: could not install: $missing" >&2
	tail -n 5 "$output" >&2
	rm -f "$output"
	exit 1
fi
rm -f "$output"
disable_new_services
echo "install-lab-tools: installed $missing"
