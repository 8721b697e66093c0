/**
 * What phones may reach on the kiosk (R15): DHCP, the kiosk's name, the port they pay at, and nothing behind it. Owns one
 * table of nftables, named after this program; other tables are never touched, and what they refuse stays refused.
 */
import { KIOSK_ADDRESS, KIOSK_NETWORK } from './address-plan.ts';
import { ProgramError, type Programs } from './run-program.ts';

export const TABLE = 'tikipay_radio';

export interface FirewallPlan {
  /** Where phones pay; null while nobody may reach anything. */
  readonly open: { readonly interfaceName: string; readonly port: number } | null;
  /** Interfaces that nothing comes in by and nothing passes through; a name that ends with `*` means all that begin so. */
  readonly shut: readonly string[];
}

/** Replaces the table in one transaction: there is no moment at which phones are let through. */
export function rulesFor({ open, shut }: FirewallPlan): string {
  const walled = [...new Set([...(open === null ? [] : [open.interfaceName]), ...shut])].map(quoted);
  const pays = open === null ? [] : [`iifname ${quoted(open.interfaceName)} jump phones`];
  // The address is the phones' alone: the kernel would answer for it on every other interface as well.
  const guards = open === null ? [] : [`iifname != "lo" ip daddr ${KIOSK_ADDRESS} counter drop`];
  return `table inet ${TABLE}
delete table inet ${TABLE}
table inet ${TABLE} {
  chain phones {${lines(open === null ? [] : allowed(open.port))}
    counter drop
  }
  chain input {
    type filter hook input priority -10; policy accept;${lines([
      ...pays,
      ...walled.map((name) => `iifname ${name} counter drop`),
      ...guards,
    ])}
  }
  chain forward {
    type filter hook forward priority -10; policy accept;${lines(
      walled.flatMap((name) => [`iifname ${name} counter drop`, `oifname ${name} counter drop`]),
    )}
  }
}
`;
}

/** Names are asked by UDP: two of one address each need nothing longer, and a connection could be held open. */
function allowed(port: number): readonly string[] {
  const toKiosk = `ip saddr ${KIOSK_NETWORK} ip daddr ${KIOSK_ADDRESS}`;
  return [
    'udp sport 68 udp dport 67 accept',
    `${toKiosk} udp dport 53 accept`,
    `${toKiosk} tcp dport ${String(port)} accept`,
  ];
}

function lines(rules: readonly string[]): string {
  return rules.map((rule) => `\n    ${rule}`).join('');
}

/** @throws ProgramError */
export async function raiseFirewall(programs: Programs, plan: FirewallPlan): Promise<void> {
  await programs.run('nft', ['-f', '-'], rulesFor(plan));
}

/** Made first and then deleted, so that deleting never fails for want of a table. @throws ProgramError */
export async function removeFirewall(programs: Programs): Promise<void> {
  await programs.run('nft', ['-f', '-'], `table inet ${TABLE}\ndelete table inet ${TABLE}\n`);
}

/**
 * The interfaces that a radio may host on, before it is known which: the supplicant numbers those of its groups, and
 * leaves the radio's name out where both together would be too long for the kernel.
 */
export function hostingInterfaces(
  radioName: string,
  mode: 'wifi_direct' | 'access_point',
): readonly string[] {
  const base = radioName.replace(/^p2p-dev-/, '');
  if (mode === 'access_point') return [base];
  const group = `p2p-${base}-`;
  return [group.length < LONGEST_NAME ? `${group}*` : 'p2p-*'];
}

const LONGEST_NAME = 15;

/** Names of interfaces come from the kernel by way of the supplicant; a quote in one would end the string. */
function quoted(interfaceName: string): string {
  if (!/^[A-Za-z0-9_.:-]{1,15}\*?$/.test(interfaceName))
    throw new ProgramError('nft', 'program_failed', 'the name of the interface makes no sense');
  return `"${interfaceName}"`;
}
