import { fc, test as property } from '@fast-check/vitest';
import { expect, test } from 'vitest';
import { instancesIn, queryOf, recordsOf, requestTlv, type ServiceType } from './dns-sd.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

// The example in wpa_supplicant's own README-P2P.
test('a record is what the supplicant’s manual shows', () => {
  const [pointer, text] = recordsOf({ type: '_afpovertcp._tcp', instance: 'Example' });
  expect(hex(pointer?.query ?? new Uint8Array())).toBe('0b5f6166706f766572746370c00c000c01');
  expect(hex(pointer?.data ?? new Uint8Array())).toBe('074578616d706c65c027');
  expect(hex(text?.query ?? new Uint8Array())).toBe('074578616d706c650b5f6166706f766572746370c00c001001');
  expect(hex(text?.data ?? new Uint8Array())).toBe('00');
});

test('attributes follow each other with their lengths', () => {
  const [, text] = recordsOf({ type: '_ipp._tcp', instance: 'MyPrinter' }, { txtvers: '1', pdl: 'a' });
  expect(hex(text?.data ?? new Uint8Array())).toBe('09747874766572733d310570646c3d61');
});

test('a question is wrapped with its length, protocol and number', () => {
  expect(hex(requestTlv(1, queryOf('_ipp._tcp')))).toBe('0c000101045f697070c00c000c01');
});

/** As a supplicant answers: the request's form with a status, and the record behind the question. */
function answer(type: ServiceType, instance: string, status = 0): Uint8Array {
  const [{ query, data } = { query: new Uint8Array(), data: new Uint8Array() }] = recordsOf({
    type,
    instance,
  });
  const length = query.length + data.length + 3;
  return Uint8Array.from([length & 0xff, length >> 8, 1, 1, status, ...query, ...data]);
}

test('an answer names its instances', () => {
  const both = Uint8Array.from([...answer('_tikipay._tcp', 'Till 1'), ...answer('_tikipay._tcp', 'كشك')]);
  expect(instancesIn(both, '_tikipay._tcp')).toEqual([
    { type: '_tikipay._tcp', instance: 'Till 1' },
    { type: '_tikipay._tcp', instance: 'كشك' },
  ]);
});

test('an answer about something else, a refusal and a cut answer name none', () => {
  expect(instancesIn(answer('_ipp._tcp', 'Printer'), '_tikipay._tcp')).toEqual([]);
  expect(instancesIn(answer('_tikipay._tcp', 'Till 1', 1), '_tikipay._tcp')).toEqual([]);
  expect(instancesIn(answer('_tikipay._tcp', 'Till 1').subarray(0, -1), '_tikipay._tcp')).toEqual([]);
});

test.each(['tikipay._tcp', '_tikipay', '_a b._tcp', '_tikipay._tcp.local', `_${'x'.repeat(16)}._tcp`])(
  'refuses %j as a kind of service',
  (type) => {
    expect(() => queryOf(type as ServiceType)).toThrow(expect.objectContaining({ code: 'service_invalid' }));
  },
);

property.prop([fc.uint8Array({ maxLength: 300 })], { numRuns: 5_000 })(
  'R13 takes any bytes for an answer',
  (bytes) => {
    expect(Array.isArray(instancesIn(bytes, '_tikipay._tcp'))).toBe(true);
  },
);
