// Everything that this package refuses or fails with. Branch on `code`; the message is for a person who reads a log.

export const wifiDirectErrorCodes = [
  // What was asked for can never be right.
  'interface_name_invalid',
  'path_invalid',
  'address_invalid',
  'pin_invalid',
  'ssid_invalid',
  'passphrase_invalid',
  'setting_invalid',
  'device_name_invalid',
  'frequency_invalid',
  'duration_invalid',
  'group_unknown',
  'client_unknown',
  'service_invalid',
  // What was asked for did not happen: try again, or look at the radio's state.
  'supplicant_unreachable',
  'supplicant_refused',
  'timed_out',
  'group_not_formed',
  'group_removed',
  'wrong_passphrase',
  'aborted',
  'closed',
] as const;

export type WifiDirectErrorCode = (typeof wifiDirectErrorCodes)[number];

export class WifiDirectError extends Error {
  readonly code: WifiDirectErrorCode;

  constructor(code: WifiDirectErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'WifiDirectError';
    this.code = code;
  }
}
