import { expect, test } from 'vitest';
import { isReady, PADDING, withoutPadding } from './startup.ts';

function startup(settings: Readonly<Record<string, string>>): Buffer {
  const said = Object.entries({ user: 'tiki_app', database: 'tikiwallet', ...settings }).map(
    ([name, value]) => `${name}\0${value}\0`,
  );
  const bytes = Buffer.from(`\0\0\0\0\0\x03\0\0${said.join('')}\0`, 'latin1');
  bytes.writeInt32BE(bytes.length, 0);
  return bytes;
}
const beginning = startup({ application_name: 'tikiwallet', role: 'tiki_app' });
const padded = startup({ application_name: 'tikiwallet', ...PADDING, role: 'tiki_app' });

test('the padding is never sent', () => {
  expect(withoutPadding(padded)).toEqual(beginning);
});

test('what was written for the connection before is not sent on the next one', () => {
  const left = Buffer.from('Q\0\0\0\x0bcommit\0', 'latin1');
  expect(withoutPadding(Buffer.concat([left, left, padded]))).toEqual(beginning);
});

test('a question to cancel is sent as it is', () => {
  const cancel = Buffer.from('0000001004d2162e0000002a00000007', 'hex');
  expect(withoutPadding(cancel)).toBe(cancel);
});

test('the database is ready when it says so at the end', () => {
  expect(isReady(Buffer.from('S\0\0\0\x09a\0b\0\0Z\0\0\0\x05I', 'latin1'))).toBe(true);
  expect(isReady(Buffer.from('Z\0\0\0\x05', 'latin1'))).toBe(false);
});
