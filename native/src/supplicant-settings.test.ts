import { expect, test } from 'vitest';
import { checkedSettings, defaultRadioSettings, settingCommands } from './supplicant-settings.ts';

const linesOf = (settings = {}): readonly string[] =>
  settingCommands('Till 1', checkedSettings(settings)).map(({ command }) => command);

test('R15 clients are kept apart unless somebody asks for the contrary', () => {
  expect(linesOf()).toEqual(expect.arrayContaining(['SET p2p_intra_bss 0', 'SET ap_isolate 1']));
  expect(linesOf({ clientsMayTalk: true })).toEqual(
    expect.arrayContaining(['SET p2p_intra_bss 1', 'SET ap_isolate 0']),
  );
});

test('R17 there is no push button', () => {
  expect(linesOf()).toContain('SET config_methods display keypad');
});

test('R14 a passphrase that is made up has 16 characters or more', () => {
  expect(linesOf()).toContain('SET p2p_passphrase_len 16');
  expect(() => checkedSettings({ passphraseLength: 8 })).toThrow(
    expect.objectContaining({ code: 'setting_invalid' }),
  );
});

test.each([{ groupOwnerIntent: 16 }, { groupOwnerIntent: 0.5 }, { clientInactivitySeconds: 1 }])(
  'refuses %j as a setting',
  (settings) => {
    expect(() => checkedSettings(settings)).toThrow(expect.objectContaining({ code: 'setting_invalid' }));
  },
);

test('what is not said is as it is by default', () => {
  expect(checkedSettings({ groupOwnerIntent: 3 })).toEqual({ ...defaultRadioSettings, groupOwnerIntent: 3 });
});
