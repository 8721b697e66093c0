import { networkInterfaces } from 'node:os';
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { loadAddon } from './addon.ts';
import { readMachineFacts } from './machine-facts.ts';
import { buildAttribute, buildMessage, parseAttributes, parseMessages } from './netlink.ts';
import { parseFamily, parseRadios } from './nl80211.ts';
import { parseInterfaces } from './route-netlink.ts';

const nest = (type: number, ...inner: readonly Uint8Array[]): Uint8Array =>
  buildAttribute({ type, value: Buffer.concat(inner) });
const flag = (type: number): Uint8Array => buildAttribute({ type, value: new Uint8Array() });
const uint32 = (type: number, value: number): Uint8Array => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return buildAttribute({ type, value: bytes });
};
const text = (type: number, value: string): Uint8Array =>
  buildAttribute({ type, value: Buffer.from(`${value}\0`) });
const answer = (...attributes: readonly Uint8Array[]): Uint8Array =>
  buildMessage({ type: 0x1c, flags: 2, payload: Buffer.concat([Buffer.from([3, 1, 0, 0]), ...attributes]) });

property.prop([fc.integer({ min: 0, max: 0x3f_ff }), fc.uint8Array({ maxLength: 40 })])(
  'an attribute comes back as it was built',
  (type, value) => {
    expect(parseAttributes(buildAttribute({ type, value }))).toEqual([{ type, value: Buffer.from(value) }]);
  },
);

test('a radio that is told in parts is one, with what it can do and where it may host', () => {
  const frequency = (at: number, mhz: number, ...flags: readonly number[]): Uint8Array =>
    nest(at, uint32(1, mhz), ...flags.map(flag));
  const parts = [
    answer(uint32(1, 0), text(2, 'phy0')),
    answer(uint32(1, 0), nest(32, flag(2), flag(3), flag(8), flag(9))),
    answer(
      uint32(1, 0),
      nest(22, nest(0, nest(1, frequency(0, 2412), frequency(1, 2484, 2), frequency(2, 5180, 3)))),
    ),
    answer(uint32(1, 1), text(2, 'phy1'), nest(32, flag(2))),
  ];
  const interfaces = [answer(uint32(1, 0), text(4, 'wlan0')), answer(uint32(1, 0), text(4, 'wlan1'))];
  expect(parseRadios(parts, interfaces)).toEqual([
    {
      index: 0,
      name: 'phy0',
      isP2pCapable: true,
      isAccessPointCapable: true,
      hostableFrequenciesMhz: [2412],
      interfaceNames: ['wlan0', 'wlan1'],
    },
    {
      index: 1,
      name: 'phy1',
      isP2pCapable: false,
      isAccessPointCapable: false,
      hostableFrequenciesMhz: [],
      interfaceNames: [],
    },
  ]);
});

property.prop([fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 })], { numRuns: 5_000 })(
  'R13 takes any bytes for an answer of the kernel',
  (datagrams) => {
    expect(Array.isArray(parseRadios(datagrams, datagrams))).toBe(true);
    expect(Array.isArray(parseInterfaces(datagrams, datagrams))).toBe(true);
    parseFamily(datagrams);
  },
);

property.prop([fc.uint8Array({ maxLength: 80 }), fc.nat(15)], { numRuns: 5_000 })(
  'R13 a true message with changed bytes is read without harm',
  (noise, at) => {
    const message = Buffer.from(
      answer(uint32(1, 0), nest(32, flag(9)), nest(22, nest(0, nest(1, nest(0, uint32(1, 2412)))))),
    );
    message.set(noise.subarray(0, message.length - at), at);
    expect(parseMessages(message).length).toBeLessThanOrEqual(6);
    expect(parseRadios([message], [message]).length).toBeLessThanOrEqual(6);
  },
);

describe.skipIf(typeof loadAddon() === 'string')('the kernel (needs Linux and g++ when installing)', () => {
  test('tells the same interfaces and addresses as the system does', async () => {
    const { interfaces } = await readMachineFacts();
    const told = new Set(
      interfaces.flatMap(({ name, addresses }) => addresses.map(({ address }) => `${name} ${address}`)),
    );
    for (const [name, addresses = []] of Object.entries(networkInterfaces()))
      for (const { address } of addresses) expect(told).toContain(`${name} ${address}`);
    expect(interfaces.find(({ name }) => name === 'lo')?.isUp).toBe(true);
  });

  test('is not asked with what is no message', async () => {
    const addon = loadAddon();
    if (typeof addon === 'string') return;
    const message = new Uint8Array(7);
    await expect(addon.netlink({ protocol: 'route', message, timeoutMs: 100 })).rejects.toMatchObject({
      code: 'hostile_input',
    });
  });
});

test('there is none to ask on other systems', async () => {
  await expect(readMachineFacts({ load: () => 'platform_not_linux' })).rejects.toMatchObject({
    code: 'unsupported_platform',
  });
});
