import { expect, test } from 'vitest';
import {
  accessPointSettings,
  addNetwork,
  checkedPassphrase,
  newGroupName,
  ownGroupSettings,
} from './supplicant-networks.ts';

const passphrase = 'sixteen letters!';
const accessPoint = { ssid: 'Till 1', passphrase, clientInactivitySeconds: 60 };

test('R15 what is hosted takes WPA2 with CCMP and nothing older', () => {
  for (const settings of [
    accessPointSettings(accessPoint),
    ownGroupSettings({ passphrase }, '02:00:00:00:00:00'),
  ])
    for (const line of ['key_mgmt WPA-PSK', 'proto RSN', 'pairwise CCMP', 'group CCMP'])
      expect(settings).toContain(line);
});

test('a name goes to the supplicant as digits, whatever stands in it', () => {
  expect(accessPointSettings({ ...accessPoint, ssid: 'a" b' })[0]).toBe('ssid 61222062');
  expect(ownGroupSettings({ ssid: 'DIRECT-ab', passphrase }, '02:00:00:00:00:00')[0]).toBe(
    'ssid 4449524543542d6162',
  );
});

test.each(['short', 'x'.repeat(15), 'x'.repeat(64), 'sixteen letters\n!', 'sixteen letters é'])(
  'R14 refuses %j as a passphrase',
  (one) => {
    expect(() => checkedPassphrase(one)).toThrow(expect.objectContaining({ code: 'passphrase_invalid' }));
  },
);

test.each(['', 'x'.repeat(33), 'كشك'.repeat(6), 'a\nb', 'a\0b', 'a\u202eb'])(
  'refuses %j as a network’s name',
  (ssid) => {
    expect(() => accessPointSettings({ ...accessPoint, ssid })).toThrow(
      expect.objectContaining({ code: 'ssid_invalid' }),
    );
  },
);

test.each(['Till', 'DIRECT-', 'DIRECT-a!', 'DIRECT-ab\nX', `DIRECT-ab${'x'.repeat(24)}`])(
  'refuses %j as a group’s name',
  (ssid) => {
    expect(() => ownGroupSettings({ ssid, passphrase }, '02:00:00:00:00:00')).toThrow(
      expect.objectContaining({ code: 'ssid_invalid' }),
    );
  },
);

test('a group’s name begins as the standard wants it', () => {
  expect(newGroupName('-Till1')).toMatch(/^DIRECT-[A-Za-z0-9]{2}-Till1$/);
});

test('a network that is refused half-way is taken back', async () => {
  const asked: string[] = [];
  const ask = async (command: string): Promise<string> => {
    asked.push(command);
    if (command.includes('mode')) throw new Error('FAIL');
    return '3';
  };
  await expect(addNetwork(ask, ['mode 2'])).rejects.toThrow('FAIL');
  expect(asked).toEqual(['ADD_NETWORK', 'SET_NETWORK 3 mode 2', 'REMOVE_NETWORK 3']);
});
