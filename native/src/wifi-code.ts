// The text of the code that phones' cameras read to join a network. Pure.

import type { Credentials } from './radio.ts';

/** `WIFI:T:WPA;S:…;P:…;;`, with what has a meaning there escaped. */
export function wifiCode({ ssid, passphrase }: Credentials): string {
  return `WIFI:T:WPA;S:${escaped(ssid)};P:${escaped(passphrase)};;`;
}

function escaped(text: string): string {
  return text.replaceAll(/[\\;,":]/g, String.raw`\$&`);
}
