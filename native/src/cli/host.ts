// `wifi-direct host`: a group or an access point until Ctrl-C. The passphrase is never an argument, which others on the
// machine could read, and is shown on request alone.

import { renderUnicodeCompact } from 'uqr';
import { isServiceType, type ServiceInstance } from '../dns-sd.ts';
import { WifiDirectError } from '../errors.ts';
import type { Group, Radio } from '../radio.ts';
import { wifiCode } from '../wifi-code.ts';
import type { CommandContext } from './run.ts';
import { describeGroup, stayUntilTheEnd } from './stay.ts';

export async function host(radio: Radio, context: CommandContext): Promise<number> {
  const { line, terminal, system } = context;
  const service = serviceToOffer(line.values['advertise']);
  const events = radio.events({ signal: system.signal });
  const group = await start(radio, context);
  terminal.say({ type: 'group_started', group }, `Hosting ${describeGroup(group)}. Ctrl-C ends it.`);
  if (service !== undefined) await radio.advertise(service);
  await showTheWayIn(radio, context);
  return await stayUntilTheEnd(radio, events, context);
}

async function start(radio: Radio, { line, system }: CommandContext): Promise<Group> {
  const text = (name: string): string | undefined => {
    const value = line.values[name];
    return typeof value === 'string' ? value : undefined;
  };
  const file = text('passphrase-file');
  const passphrase = file === undefined ? undefined : (await system.readFile(file)).replace(/\r?\n$/, '');
  const frequency = text('frequency');
  const shared = {
    signal: system.signal,
    ...(frequency === undefined ? {} : { frequencyMhz: Number(frequency) }),
    ...(line.seconds === undefined ? {} : { timeoutMs: line.seconds * 1_000 }),
  };
  const ssid = text('ssid');
  if (line.values['access-point'] === true) {
    if (ssid === undefined || passphrase === undefined)
      throw new WifiDirectError('passphrase_invalid', 'An access point needs --ssid and --passphrase-file.');
    return await radio.hostAccessPoint({ ssid, passphrase, ...shared });
  }
  const ssidPostfix = text('ssid-postfix');
  return await radio.host({
    ...shared,
    isPersistent: line.values['persistent'] === true,
    ...(ssid === undefined ? {} : { ssid }),
    ...(ssidPostfix === undefined ? {} : { ssidPostfix }),
    ...(passphrase === undefined ? {} : { passphrase }),
  });
}

async function showTheWayIn(radio: Radio, { line, terminal }: CommandContext): Promise<void> {
  const isShown = line.values['show-passphrase'] === true;
  const isCode = line.values['qr'] === true;
  if (line.values['pin'] === true) {
    const pin = await radio.invitePin();
    terminal.say({ type: 'pin', pin, seconds: 120 }, `PIN for one device, for two minutes: ${pin}`);
  }
  if (!isShown && !isCode) {
    terminal.note('Phones join by its passphrase: --qr shows it as a code, --show-passphrase as text.');
    return;
  }
  const credentials = await radio.credentials();
  if (isShown) terminal.say({ type: 'credentials', ...credentials }, `Passphrase: ${credentials.passphrase}`);
  if (isCode) terminal.note(`\n${renderUnicodeCompact(wifiCode(credentials), { border: 2 })}\n`);
}

function serviceToOffer(words: string | boolean | undefined): ServiceInstance | undefined {
  if (typeof words !== 'string') return undefined;
  const [type = '', ...name] = words.split('=');
  const instance = name.join('=');
  if (!isServiceType(type) || instance === '')
    throw new WifiDirectError('service_invalid', '--advertise takes a kind and a name: _http._tcp=Shop.');
  return { type, instance };
}
