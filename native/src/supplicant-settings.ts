// How a radio is set up before it does anything, and again whenever its supplicant starts anew. Pure.

import { WifiDirectError } from './errors.ts';
import { checkedDeviceName } from './supplicant-commands.ts';

export type RadioSettings = {
  /** Whether those in a group may talk to each other. Default false: phones of one shop have nothing to say to each other. */
  readonly clientsMayTalk: boolean;
  /** From 0 (rather a client) to 15 (owns the group or there is none). Default 15. */
  readonly groupOwnerIntent: number;
  /** Whether a client whose frames are not acknowledged any more is sent away at once. Default true. */
  readonly dropsSilentClients: boolean;
  /** After how many seconds without a sign of life a client is asked, and sent away when it does not answer: 10 to 3600. Default 60. */
  readonly clientInactivitySeconds: number;
  /** Of the passphrase that the supplicant makes up for a new group, from 16 to 63. Default 16. */
  readonly passphraseLength: number;
};

export const defaultRadioSettings: RadioSettings = {
  clientsMayTalk: false,
  groupOwnerIntent: 15,
  dropsSilentClients: true,
  clientInactivitySeconds: 60,
  passphraseLength: 16,
};

export type SettingCommand = {
  readonly command: string;
  /** A supplicant that refuses this one is not to be trusted with a group; without the others one can live. */
  readonly isNeeded: boolean;
};

/** Throws WifiDirectError setting_invalid. */
export function checkedSettings(settings: Partial<RadioSettings>): RadioSettings {
  const all = { ...defaultRadioSettings, ...settings };
  checkRange('groupOwnerIntent', all.groupOwnerIntent, 0, 15);
  checkRange('clientInactivitySeconds', all.clientInactivitySeconds, 10, 3_600);
  checkRange('passphraseLength', all.passphraseLength, 16, 63);
  return all;
}

export function settingCommands(deviceName: string, settings: RadioSettings): readonly SettingCommand[] {
  const needed = (command: string): SettingCommand => ({ command, isNeeded: true });
  const wished = (command: string): SettingCommand => ({ command, isNeeded: false });
  return [
    needed(`SET device_name ${checkedDeviceName(deviceName)}`),
    // Not by push button: anybody who stands near could be the one who is let in.
    needed('SET config_methods display keypad'),
    needed(`SET p2p_intra_bss ${settings.clientsMayTalk ? '1' : '0'}`),
    needed(`SET p2p_passphrase_len ${String(settings.passphraseLength)}`),
    // The same for the plain access point; supplicants before 2.10 do not know it.
    wished(`SET ap_isolate ${settings.clientsMayTalk ? '0' : '1'}`),
    wished(`SET p2p_go_intent ${String(settings.groupOwnerIntent)}`),
    wished(`SET disassoc_low_ack ${settings.dropsSilentClients ? '1' : '0'}`),
    wished(`SET p2p_go_max_inactivity ${String(settings.clientInactivitySeconds)}`),
  ];
}

function checkRange(name: keyof RadioSettings, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new WifiDirectError('setting_invalid', `${name} is from ${String(least)} to ${String(most)}.`);
}
