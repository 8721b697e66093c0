/**
 * What phones may reach on the kiosk (R15): DHCP, the kiosk's name, the port they pay at, and nothing behind it. Owns one
 * table of nftables, named after this program; other tables are never touched, and what they refuse stays refused.
 */
import { KIOSK_ADDRESS, KIOSK_NETWORK } from './address-plan.ts';
import { ProgramError, type Programs } from './run-program.ts';

export const TABLE = 'tikipay_radio';

export interface FirewallPlan {
  readonly interfaceName: string;
  /** Of the listener for phones. */
  readonly port: number;
}

/** Replaces the table in one transaction: there is no moment at which phones are let through. */
export function rulesFor({ interfaceName, port }: FirewallPlan): string {
  const name = quoted(interfaceName);
  return `table inet ${TABLE}
delete table inet ${TABLE}
table inet ${TABLE} {
  chain input {
    type filter hook input priority -10; policy accept;
    iifname != ${name} accept
    udp sport 68 udp dport 67 accept
    ip saddr ${KIOSK_NETWORK} ip daddr ${KIOSK_ADDRESS} udp dport 53 accept
    ip saddr ${KIOSK_NETWORK} ip daddr ${KIOSK_ADDRESS} tcp dport { 53, ${port} } accept
    counter drop
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    iifname ${name} counter drop
    oifname ${name} counter drop
  }
}
`;
}

/** @throws ProgramError */
export async function raiseFirewall(programs: Programs, plan: FirewallPlan): Promise<void> {
  await programs.run('nft', ['-f', '-'], rulesFor(plan));
}

/** Made first and then deleted, so that deleting never fails for want of a table. @throws ProgramError */
export async function removeFirewall(programs: Programs): Promise<void> {
  await programs.run('nft', ['-f', '-'], `table inet ${TABLE}\ndelete table inet ${TABLE}\n`);
}

/** Names of interfaces come from the kernel by way of the supplicant; a quote in one would end the string. */
function quoted(interfaceName: string): string {
  if (!/^[A-Za-z0-9_.:-]{1,15}$/.test(interfaceName))
    throw new ProgramError('nft', 'program_failed', 'the name of the interface makes no sense');
  return `"${interfaceName}"`;
}
