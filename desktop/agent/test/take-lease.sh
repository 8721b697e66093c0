#!/bin/sh
# What a DHCP client was given, one word a line; takes the address too.
[ "$1" = bound ] || exit 0
echo "address=$ip"
echo "router=$router"
echo "dns=$dns"
ip addr add "$ip/24" dev "$interface"
