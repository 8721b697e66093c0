import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { clientAddress, trustedProxies } from './client-address.ts';

/** The address that counts for a request from `socket` with this X-Forwarded-For. */
async function counted(socket: string, forwarded?: string, proxies: readonly string[] = []): Promise<string> {
  const app = new Hono();
  app.get('/', (c) => c.text(clientAddress(c, trustedProxies(proxies))));
  const headers: Record<string, string> = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  const incoming = { socket: { remoteAddress: socket, remotePort: 1, remoteFamily: 'IPv4' } };
  return (await app.request('/', { headers }, { incoming })).text();
}

test('a forwarded address counts only from a proxy that the operator named (R58)', async () => {
  expect(await counted('198.51.100.7', '203.0.113.9')).toBe('198.51.100.7');
  expect(await counted('10.0.0.2', '203.0.113.9', ['10.0.0.0/8'])).toBe('203.0.113.9');
  expect(await counted('::ffff:10.0.0.2', '1.2.3.4, 203.0.113.9, 10.0.0.3', ['10.0.0.0/8'])).toBe(
    '203.0.113.9',
  );
  expect(await counted('10.0.0.2', 'nonsense', ['10.0.0.0/8'])).toBe('10.0.0.2');
});

test('all addresses of one IPv6 network are one caller: a home has 2^64 of them', async () => {
  const first = await counted('2001:db8:1:2:3:4:5:6');
  expect(await counted('2001:db8:1:2:ffff::1')).toBe(first);
  expect(await counted('2001:db8:1:2::')).toBe(first);
  expect(await counted('2001:0db8:0001:0002:0:0:0:9')).toBe(first);
  expect(await counted('2001:db8:1:3::1')).not.toBe(first);
  expect(await counted('10.0.0.2', '2001:db8:1:2::77', ['10.0.0.2'])).toBe(first);
  expect(await counted('fe80::1%eth0')).toBe(await counted('fe80::2%eth0'));
});

test('an IPv4 address written as IPv6 is the IPv4 address', async () => {
  expect(await counted('::ffff:203.0.113.9')).toBe('203.0.113.9');
  expect(await counted('10.0.0.2', '::ffff:203.0.113.9', ['10.0.0.2'])).toBe('203.0.113.9');
});
