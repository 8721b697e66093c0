import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { parseDriverFlags, parseKeyValues, parseP2pDeviceAddress } from './supplicant-replies.ts';

describe('parseKeyValues', () => {
  test('reads one pair a line and keeps an equals sign in the value', () => {
    const values = parseKeyValues('wpa_state=COMPLETED\nssid=a=b\n\nnonsense\n=empty\n');
    expect([...values]).toEqual([
      ['wpa_state', 'COMPLETED'],
      ['ssid', 'a=b'],
    ]);
  });

  test('does not let a later line replace an earlier one', () => {
    expect(parseKeyValues('address=real\nssid=x\naddress=forged').get('address')).toBe('real');
  });

  property.prop([fc.string({ unit: 'binary' })])('takes any text', (text) => {
    expect(parseKeyValues(text)).toBeInstanceOf(Map);
  });
});

describe('parseDriverFlags', () => {
  test('reads the names after the number', () => {
    expect(parseDriverFlags('00000007:\nAP\nP2P_CAPABLE\n')).toEqual(new Set(['AP', 'P2P_CAPABLE']));
    expect(parseDriverFlags('0000000000000000:\n')).toEqual(new Set());
  });

  test.each(['', 'FAIL\n', 'UNKNOWN COMMAND\n', 'P2P_CAPABLE\n'])('is undefined for %j', (reply) => {
    expect(parseDriverFlags(reply)).toBeUndefined();
  });

  property.prop([fc.string({ unit: 'binary' })])('takes any text', (text) => {
    const flags = parseDriverFlags(text);
    expect(flags === undefined || flags instanceof Set).toBe(true);
  });
});

describe('parseP2pDeviceAddress', () => {
  test.each([
    ['02:00:00:aa:BB:cc', '02:00:00:aa:bb:cc'],
    ['00:00:00:00:00:00', undefined],
    ['02:00:00:aa:bb', undefined],
    ['02:00:00:aa:bb:cc; reboot', undefined],
    ['', undefined],
  ])('makes of %j %j', (written, read) => {
    expect(parseP2pDeviceAddress(new Map([['p2p_device_address', written]]))).toBe(read);
  });

  test('is undefined when the supplicant does not speak of it', () => {
    expect(parseP2pDeviceAddress(new Map())).toBeUndefined();
  });
});
