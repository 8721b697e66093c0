import { describe, expect, test } from 'vitest';
import { LEASE_POOL } from './address-plan.ts';
import { LeaseReader, safePhoneName } from './dnsmasq.ts';

const ADDRESS = '02:00:00:00:00:01';
const named = (name: string): string => `dnsmasq-dhcp[12]: 77 client provides name: ${name}`;
const acknowledged = `dnsmasq-dhcp[12]: 77 DHCPACK(p2p-wlan0-0) ${LEASE_POOL.first} ${ADDRESS}`;

describe('a lease', () => {
  test('is known by the name that its phone gave in the same conversation', () => {
    const reader = new LeaseReader();
    expect(reader.read(named('Galaxy-A14'))).toBe(null);
    expect(reader.read(acknowledged)).toEqual({ hardwareAddress: ADDRESS, name: 'Galaxy-A14' });
    expect(reader.read(acknowledged.replace(' 77 ', ' 78 '))).toEqual({ hardwareAddress: ADDRESS, name: '' });
  });

  test.each([
    'a\u001b[31mb',
    '\u202eevil',
    'a<b>',
    'x'.repeat(33),
    'a\u0000b',
    '-rf',
    `x DHCPACK(p2p) 192.168.49.100 ${ADDRESS}(`,
  ])('R13 under the hostile name %j has none on the screen', (name) => {
    expect(safePhoneName(name)).toBe('');
    const reader = new LeaseReader();
    expect(reader.read(named(name))).toBe(null);
    expect(reader.read(acknowledged)?.name).toBe('');
  });

  test('is remembered for so many conversations, however many a stranger begins', () => {
    const reader = new LeaseReader();
    reader.read(named('Galaxy-A14'));
    for (let at = 1_000; at < 101_000; at += 1) reader.read(named('x').replace(' 77 ', ` ${String(at)} `));
    expect(reader.read(acknowledged)?.name).toBe('');
  });
});
