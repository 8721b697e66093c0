/** The order of the ways (R5), for every browser that is known. */
import { expect, test } from 'vitest';
import { firstWay, pageAddress, wayAfterSilence, type LinkFacts } from './ways.ts';

const KIOSK = 'http://192.168.49.1:7070';
const facts = (changes: Partial<LinkFacts> = {}): LinkFacts => ({
  walletOrigin: 'https://wallet.test',
  addresses: [KIOSK],
  permission: 'prompt',
  kioskOrigins: [KIOSK],
  hasNetwork: true,
  past: null,
  ...changes,
});

test.each([
  ['Chromium that was allowed calls', { permission: 'granted' }, 'radio'],
  ['Chromium that was not asked yet asks by calling', { permission: 'prompt' }, 'radio'],
  ['Chromium that was forbidden goes to the page', { permission: 'denied' }, 'page'],
  ['Safari and Firefox go to the page', { permission: 'unknown' }, 'page'],
  ['no network, no way but the code', { permission: 'granted', hasNetwork: false }, 'code'],
  ['a kiosk without an address is paid by code', { permission: 'granted', addresses: [] }, 'code'],
  ['an address that the page may not call is visited', { permission: 'granted', kioskOrigins: [] }, 'page'],
  [
    'a page over http calls its neighbour',
    { walletOrigin: 'http://localhost:8080', permission: 'denied' },
    'radio',
  ],
] as const)('R5 %s', (_name, changes, way) => {
  expect(firstWay(facts(changes))).toBe(way);
});

test('R5 what worked last time comes first where the browser says nothing certain', () => {
  const page = { way: 'page', address: KIOSK } as const;
  const radio = { way: 'radio', address: null } as const;
  expect(firstWay(facts({ permission: 'prompt', past: page }))).toBe('page');
  expect(firstWay(facts({ permission: 'unknown', past: radio }))).toBe('radio');
  expect(firstWay(facts({ permission: 'granted', past: page }))).toBe('radio');
  expect(firstWay(facts({ permission: 'denied', past: radio }))).toBe('page');
});

test('R5 after silence: the page where the browser may have been in the way, else the code', () => {
  expect(wayAfterSilence(facts({ permission: 'prompt' }))).toBe('page');
  expect(wayAfterSilence(facts({ permission: 'denied' }))).toBe('page');
  expect(wayAfterSilence(facts({ permission: 'granted' }))).toBe('code');
  expect(wayAfterSilence(facts({ walletOrigin: 'http://localhost:8080' }))).toBe('code');
  expect(wayAfterSilence(facts({ hasNetwork: false }))).toBe('code');
});

test('nobody is taken to an address outside the shop, whatever a signed request says', () => {
  const strangers = [
    'http://8.8.8.8:80',
    'http://evil.test',
    'http://192.168.49.1.evil.test',
    'http://10.0.0.evil',
    'http://172.32.0.1:7070',
    'http://192.169.1.1',
    'http://[2001:db8::1]:7070',
    'http://127.0.0.1:7070',
    'http://localhost:7070',
    'http://:::',
  ];
  for (const address of strangers) expect(pageAddress(facts({ addresses: [address] })), address).toBeNull();
  for (const address of [
    'http://10.0.0.9:7070',
    'http://172.16.0.1:7070',
    'http://172.31.255.1',
    'http://169.254.7.7:7070',
    'http://[fd00::1]:7070',
    'http://[fe80::1]:7070',
  ])
    expect(pageAddress(facts({ addresses: [address] }))).toBe(address);
});

test('a wallet on this very machine may visit a kiosk on it', () => {
  const addresses = ['http://127.0.0.1:7070'];
  expect(pageAddress(facts({ addresses, walletOrigin: 'http://localhost:8080' }))).toBe(addresses[0]);
});

test('a name is visited when the wallet’s own server names it', () => {
  const addresses = ['http://kiosk.shop:7070'];
  expect(pageAddress(facts({ addresses, kioskOrigins: addresses }))).toBe(addresses[0]);
});

test('of several addresses: where it worked, then the Wi-Fi Direct group, then the first', () => {
  const lan = 'http://10.0.0.9:7070';
  const other = 'http://10.0.0.8:7070';
  expect(pageAddress(facts({ addresses: [lan, KIOSK] }))).toBe(KIOSK);
  expect(pageAddress(facts({ addresses: [lan, other] }))).toBe(lan);
  const past = { way: 'page', address: other } as const;
  expect(pageAddress(facts({ addresses: [lan, other, KIOSK], past }))).toBe(other);
});
