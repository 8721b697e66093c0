// Everything that this package refuses or fails with. Branch on `code`; `remedy` says what a person can do next, and the
// message is for somebody who reads a log.

const remedies = {
  // What was asked for can never be right.
  interface_name_invalid: 'Give the name of a network interface, such as wlan0; `ip link` lists them.',
  path_invalid: 'Give a path without NUL or line breaks.',
  address_invalid: 'Give a hardware address such as 02:00:00:00:01:00, as peers() and services() do.',
  pin_invalid: 'Type the 8 digits that the other device shows, all of them.',
  ssid_invalid:
    'Choose a name of 1 to 32 bytes on one line; that of a group begins with DIRECT- and two letters.',
  passphrase_invalid: 'Choose 16 to 63 printable ASCII characters, and give them for a new network only.',
  setting_invalid: 'Look up the range of the setting in the README.',
  device_name_invalid: 'Choose a device name of 1 to 32 bytes on one line.',
  frequency_invalid: 'Give a channel’s frequency in MHz, such as 2412, 2437, 2462 or 5180, or none at all.',
  duration_invalid: 'Search for 1 to 3600 seconds.',
  group_unknown: 'Host or join a group first; storedGroups() lists those that are kept.',
  client_unknown: 'Look at clients(): it is not among them any more.',
  service_invalid: 'Name a service as DNS-SD (_printer._tcp) or UPnP (urn:…, uuid:…, ssdp:all) does.',
  push_button_refused:
    'Join by PIN: with a push button anybody who stands near could be the one who is let in.',
  // What was asked for did not happen.
  unsupported_platform:
    'Use Linux with the addon built (npm rebuild node-wifi-direct), or another way to connect.',
  supplicant_unreachable:
    'Start wpa_supplicant with a control interface that this user may use; see probe().',
  supplicant_refused:
    'Look at probe() and the supplicant’s log; the radio may be blocked or too old for this.',
  frequency_unavailable: 'Let the radio choose (no frequencyMhz), or one that this country and radio allow.',
  already_in_group: 'Call leave() first: a radio is in one group at a time.',
  timed_out: 'Try again nearer to the other device; leave() and host() again when it stays stuck.',
  group_not_formed: 'Try again with a new PIN; ask whether the other device still hosts its group.',
  group_removed: 'Host or join again; the reason is in the event.',
  wrong_passphrase: 'Type the passphrase again, or scan the code again: it may have changed meanwhile.',
  aborted: 'Nothing: somebody asked for it.',
  closed: 'Open a new radio: this one was closed.',
} as const;

export type WifiDirectErrorCode = keyof typeof remedies;

/** What a person can do next. */
export const wifiDirectRemedies: Readonly<Record<WifiDirectErrorCode, string>> = remedies;

export class WifiDirectError extends Error {
  readonly code: WifiDirectErrorCode;

  constructor(code: WifiDirectErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WifiDirectError';
    this.code = code;
  }

  /** What a person can do next: one sentence. */
  get remedy(): string {
    return remedies[this.code];
  }
}
