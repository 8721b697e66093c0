#!/bin/sh
# Called by udhcpc: takes the address, and writes down what the DHCP server said.
[ "$1" = bound ] || exit 0
ip addr add "$ip/${mask:-24}" dev "$interface"
printf 'address=%s\nrouter=%s\ndns=%s\n' "$ip" "$router" "$dns" >"$LEASE"
