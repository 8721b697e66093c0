// The picture on the kiosk's screen, read as a phone's camera reads it: what it says is all that a phone learns of the
// network.

import { readCodes } from '../story/read-code.ts';

export type JoinCode = { readonly ssid: string; readonly passphrase: string };

/** @param picture a data: address of a PNG */
export async function scanJoinCode(picture: string): Promise<JoinCode> {
  const [text = ''] = await readCodes(Buffer.from(picture.split(',')[1] ?? '', 'base64'));
  return parseJoinCode(text);
}

/** `WIFI:T:WPA;S:name;P:passphrase;;` with a backslash before what means something. */
function parseJoinCode(text: string): JoinCode {
  const fields = new Map(
    [...text.replace(/^WIFI:/, '').matchAll(/([A-Z]):((?:\\.|[^\\;])*);/g)].map(
      ([, name = '', value = '']) => [name, value.replace(/\\(.)/g, '$1')],
    ),
  );
  const [ssid, passphrase] = [fields.get('S'), fields.get('P')];
  if (
    !text.startsWith('WIFI:') ||
    fields.get('T') !== 'WPA' ||
    ssid === undefined ||
    passphrase === undefined
  )
    throw new Error('it is no code to join by');
  return { ssid, passphrase };
}
