import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { parseEvent } from './supplicant-events.ts';
import { displayName, splitWords, unescapeBytes } from './supplicant-text.ts';

const found = (name: string): string =>
  `<3>P2P-DEVICE-FOUND 02:00:00:00:01:00 p2p_dev_addr=02:00:00:00:01:00 pri_dev_type=10-0050F204-5 name='${name}' config_methods=0x188 dev_capab=0x25 group_capab=0x1 vendor_elems=1 new=1\n`;

const peer = {
  address: '02:00:00:00:01:00',
  name: 'till',
  primaryDeviceType: '10-0050F204-5',
  category: 'telephone',
  configMethods: 0x188,
  isGroupOwner: true,
};

describe('parseEvent', () => {
  test('reads a peer', () => {
    expect(parseEvent(found('till'))).toEqual({ type: 'peer_found', peer });
  });

  test.each([
    ['a quote', "o'neill", "o'neill"],
    ['words of its own', "x' group_capab=0x0 y", "x' group_capab=0x0 y"],
    ['what looks like the end', "x' new=1", "x' new=1"],
    ['nothing', '', ''],
    ['a line break and a mark that turns the writing', 'a\\nb\\xe2\\x80\\xaec', 'a\ufffdb\ufffdc'],
    ['bytes that are no text', '\\xff\\xfe', '\ufffd\ufffd'],
  ])('R13 a name with %s stays a name', (_case, written, shown) => {
    expect(parseEvent(found(written))).toEqual({ type: 'peer_found', peer: { ...peer, name: shown } });
  });

  test('reads a group of its own, passphrase included', () => {
    const line =
      '<3>P2P-GROUP-STARTED p2p-wlan0-0 GO ssid="DIRECT-a\\"b\\\\" freq=2412 passphrase="12 \\" 345678" go_dev_addr=02:00:00:00:00:00 [PERSISTENT]';
    expect(parseEvent(line)).toEqual({
      type: 'group_started',
      interfaceName: 'p2p-wlan0-0',
      role: 'group_owner',
      ssid: new TextEncoder().encode('DIRECT-a"b\\'),
      frequencyMhz: 2412,
      passphrase: '12 " 345678',
      groupOwnerAddress: '02:00:00:00:00:00',
      isPersistent: true,
    });
  });

  test('a network’s name cannot add words', () => {
    const line =
      '<3>P2P-GROUP-STARTED wlan0 client ssid="DIRECT-x\\" freq=5180 [PERSISTENT]" freq=2412 psk=00 go_dev_addr=02:00:00:00:00:00';
    expect(parseEvent(line)).toMatchObject({
      role: 'client',
      frequencyMhz: 2412,
      passphrase: undefined,
      isPersistent: false,
    });
  });

  test.each([
    [
      '<3>P2P-DEVICE-LOST p2p_dev_addr=02:00:00:00:01:00',
      { type: 'peer_lost', address: '02:00:00:00:01:00' },
    ],
    ['<3>P2P-FIND-STOPPED ', { type: 'find_stopped' }],
    [
      '<3>P2P-GROUP-REMOVED p2p-wlan0-0 GO reason=REQUESTED',
      { type: 'group_removed', interfaceName: 'p2p-wlan0-0', reason: 'REQUESTED' },
    ],
    [
      '<3>P2P-GROUP-REMOVED wlan0 GO reason=<b>',
      { type: 'group_removed', interfaceName: 'wlan0', reason: 'UNKNOWN' },
    ],
    [
      '<3>AP-STA-CONNECTED 02:00:00:00:02:00 p2p_dev_addr=02:00:00:00:02:01',
      { type: 'station_joined', address: '02:00:00:00:02:00', deviceAddress: '02:00:00:00:02:01' },
    ],
    ['<3>AP-STA-DISCONNECTED 02:00:00:00:02:00', { type: 'station_left', address: '02:00:00:00:02:00' }],
    ['<3>P2P-GO-NEG-FAILURE status=7', { type: 'negotiation_failed', status: 7 }],
    [
      '<3>P2P-SERV-DISC-RESP 02:00:00:00:02:00 1 0500',
      {
        type: 'service_response',
        address: '02:00:00:00:02:00',
        updateIndicator: 1,
        tlvs: Uint8Array.of(5, 0),
      },
    ],
    ['<3>CTRL-EVENT-TERMINATING ', { type: 'supplicant_ending' }],
  ])('reads %j', (line, event) => {
    expect(parseEvent(line)).toEqual(event);
  });

  test.each([
    '',
    '<3>',
    '<3>CTRL-EVENT-SCAN-STARTED ',
    '<3>P2P-DEVICE-FOUND p2p_dev_addr=nobody name=x',
    '<3>P2P-GROUP-STARTED ../../x GO ssid="x"',
    '<3>P2P-GROUP-STARTED wlan0 both ssid="x"',
    '<3>P2P-SERV-DISC-RESP 02:00:00:00:02:00 1 0',
    '<3>AP-STA-CONNECTED everybody',
  ])('makes nothing of %j', (line) => {
    expect(parseEvent(line)).toBeUndefined();
  });

  const names = [
    'P2P-DEVICE-FOUND',
    'P2P-GROUP-STARTED',
    'P2P-GROUP-REMOVED',
    'P2P-SERV-DISC-RESP',
    'AP-STA-CONNECTED',
  ];
  property.prop([fc.constantFrom(...names), fc.string({ unit: 'binary' })], { numRuns: 2_000 })(
    'R13 takes any line',
    (name, rest) => {
      const event = parseEvent(`<3>${name} ${rest}`);
      expect(event === undefined || typeof event.type === 'string').toBe(true);
    },
  );

  property.prop([fc.uint8Array({ maxLength: 32 })], { numRuns: 2_000 })(
    'R13 a name of any bytes changes nothing else, and is safe to show',
    (bytes) => {
      const event = parseEvent(found(escapeAsSupplicant(bytes)));
      if (event?.type !== 'peer_found') throw new Error('the peer is not seen');
      expect({ ...event.peer, name: '' }).toEqual({ ...peer, name: '' });
      expect(event.peer.name).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    },
  );
});

/** The supplicant's own printf_encode. */
function escapeAsSupplicant(bytes: Uint8Array): string {
  return [...bytes]
    .map((byte) => {
      if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCodePoint(byte)}`;
      if (byte >= 0x20 && byte <= 0x7e) return String.fromCodePoint(byte);
      return `\\x${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
}

property.prop([fc.uint8Array({ maxLength: 64 })])(
  'unescapeBytes undoes the supplicant’s escapes',
  (bytes) => {
    expect(unescapeBytes(escapeAsSupplicant(bytes))).toEqual(bytes);
  },
);

property.prop([fc.string({ unit: 'binary' })])('splitWords and displayName take any text', (text) => {
  expect(splitWords(text, new Set(['name'])).named).toBeInstanceOf(Map);
  expect([...displayName(new TextEncoder().encode(text))].length).toBeLessThanOrEqual(64);
});
