/**
 * The addresses of the kiosk's own network and the names it answers to. Owns the plan and nothing that puts it into
 * effect; Android's own group owners use the same network, so a phone never meets it from two sides.
 */

export const KIOSK_ADDRESS = '192.168.49.1';
export const KIOSK_NETWORK = '192.168.49.0/24';
export const PREFIX_LENGTH = 24;
export const NETMASK = '255.255.255.0';

/** What the supplicant gives devices that join by Wi-Fi Direct, inside the key handshake (`ip_addr_start`, `ip_addr_end`). */
export const HANDSHAKE_POOL = { first: '192.168.49.20', last: '192.168.49.89' } as const;

/** What DHCP leases; R16: no address of it is in the other pool. */
export const LEASE_POOL = { first: '192.168.49.100', last: '192.168.49.199' } as const;

/** Phones come and go: an address is free again soon after its phone has left. */
export const LEASE_MINUTES = 10;

/** Typed by hand where no code can be read; answered by the kiosk's DNS and by nobody else's. */
export const KIOSK_NAMES = ['kiosk.tiki', 'pay.tiki'] as const;
