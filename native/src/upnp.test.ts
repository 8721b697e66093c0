import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { checkedUpnpName, upnpNamesIn, type UpnpSearchTarget } from './upnp.ts';

function answer(text: string, status = 0): Uint8Array {
  const data = Buffer.from(text, 'latin1');
  const length = data.length + 4;
  return Uint8Array.from([length & 0xff, length >> 8, 2, 1, status, 0x10, ...data]);
}

test('an answer names what is offered', () => {
  const printer = 'uuid:1::urn:schemas-upnp-org:device:Printer:1';
  expect(upnpNamesIn(answer(`${printer},uuid:2::upnp:rootdevice`))).toEqual([
    printer,
    'uuid:2::upnp:rootdevice',
  ]);
});

test('a refusal, a cut answer and one of another protocol name nothing', () => {
  expect(upnpNamesIn(answer('uuid:1', 1))).toEqual([]);
  expect(upnpNamesIn(answer('uuid:1').subarray(0, -1))).toEqual([]);
  expect(upnpNamesIn(answer('uuid:1').map((byte, at) => (at === 2 ? 1 : byte)))).toEqual([]);
});

test('R13 what a stranger calls a service is made safe to show', () => {
  expect(upnpNamesIn(answer('uuid:a\nb\0c'))).toEqual(['uuid:a\ufffdb\ufffdc']);
});

test.each([
  '',
  'printer',
  'urn:',
  'uuid:a b',
  'uuid:a,b',
  'urn:x\nQUIT',
  'ssdp:allx',
  `urn:${'x'.repeat(200)}`,
])('refuses %j as a UPnP name', (name) => {
  expect(() => checkedUpnpName(name as UpnpSearchTarget)).toThrow(
    expect.objectContaining({ code: 'service_invalid' }),
  );
});

property.prop([fc.uint8Array({ maxLength: 300 })], { numRuns: 5_000 })(
  'R13 takes any bytes for an answer',
  (bytes) => {
    expect(Array.isArray(upnpNamesIn(bytes))).toBe(true);
  },
);
