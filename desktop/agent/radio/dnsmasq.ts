/**
 * How dnsmasq is run for phones: addresses by DHCP without a router (so that phones keep their mobile data for the
 * internet), and a DNS that knows the kiosk's names and refuses everything else. Owns its arguments and the reading of
 * what it says; it is bound to the group's interface alone and reads no file of the system.
 */
import { KIOSK_ADDRESS, KIOSK_NAMES, LEASE_MINUTES, LEASE_POOL, NETMASK } from './address-plan.ts';

export interface DnsmasqPlan {
  readonly interfaceName: string;
  /** Where it notes its leases; removed with it. */
  readonly leaseFile: string;
}

export function dnsmasqArguments({ interfaceName, leaseFile }: DnsmasqPlan): readonly string[] {
  return [
    // Stays in the foreground, keeps its user, writes no file of its own, and says everything on its error output. Not
    // `--no-daemon`: by that, one phone that opens a connection and says nothing holds up everybody's leases and names.
    '--keep-in-foreground',
    '--log-facility=-',
    '--user=root',
    '--pid-file',
    '--conf-file=/dev/null',
    `--interface=${interfaceName}`,
    '--except-interface=lo',
    '--bind-interfaces',
    // Nothing is passed on, nothing of /etc is told: what is not the kiosk's name is refused.
    '--no-resolv',
    '--no-poll',
    '--no-hosts',
    '--cache-size=0',
    ...KIOSK_NAMES.map((name) => `--address=/${name}/${KIOSK_ADDRESS}`),
    `--dhcp-range=${LEASE_POOL.first},${LEASE_POOL.last},${NETMASK},${LEASE_MINUTES}m`,
    `--dhcp-leasefile=${leaseFile}`,
    '--dhcp-lease-max=100',
    '--dhcp-authoritative',
    // Option 3 without a value: no router is offered.
    '--dhcp-option=3',
    // A phone that calls itself as the kiosk is called must not become that name.
    '--dhcp-ignore-names',
    '--no-ping',
    '--log-dhcp',
  ];
}

/** A phone that has an address now. */
export interface Lease {
  /** Lower case, with colons. */
  readonly hardwareAddress: string;
  /** What it calls itself, made safe to show; empty when it says nothing. */
  readonly name: string;
}

const PROVIDES_NAME = /^dnsmasq-dhcp\[\d{1,10}\]: (\d{1,10}) client provides name: (.{1,255})$/;
const ACKNOWLEDGED =
  /^dnsmasq-dhcp\[\d{1,10}\]: (\d{1,10}) DHCPACK\([^)]{1,32}\) [\d.]{7,15} ((?:[0-9a-f]{2}:){5}[0-9a-f]{2})/;
/** Conversations whose name is remembered until the lease; anybody nearby can begin some. */
const MAX_CONVERSATIONS = 64;

/** Reads dnsmasq's lines one by one and tells of leases. Whatever is not understood is passed over. */
export class LeaseReader {
  readonly #names = new Map<string, string>();

  read(line: string): Lease | null {
    const named = PROVIDES_NAME.exec(line);
    if (named !== null) {
      this.#remember(named[1] ?? '', safePhoneName(named[2] ?? ''));
      return null;
    }
    const acknowledged = ACKNOWLEDGED.exec(line);
    if (acknowledged === null) return null;
    return { hardwareAddress: acknowledged[2] ?? '', name: this.#names.get(acknowledged[1] ?? '') ?? '' };
  }

  #remember(conversation: string, name: string): void {
    this.#names.delete(conversation);
    this.#names.set(conversation, name);
    const [oldest] = this.#names.keys();
    if (this.#names.size > MAX_CONVERSATIONS && oldest !== undefined) this.#names.delete(oldest);
  }
}

/** Letters and digits of a host's name; anything else says nothing about a phone and much about who wrote it. */
export function safePhoneName(name: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,31}$/.test(name) ? name : '';
}
