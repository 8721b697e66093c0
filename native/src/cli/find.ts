// `wifi-direct find`, `listen` and `services`: looking around for a while.

import { isServiceType } from '../dns-sd.ts';
import type { Peer, Radio } from '../radio.ts';
import { isUpnpSearchTarget } from '../upnp.ts';
import { WifiDirectError } from '../errors.ts';
import type { CommandContext } from './run.ts';

const DEFAULT_SECONDS = 30;

export async function findPeers(radio: Radio, context: CommandContext): Promise<number> {
  return await search(radio, context, (options) => radio.find(options));
}

export async function listen(radio: Radio, context: CommandContext): Promise<number> {
  context.terminal.note(`Others can find "${context.line.deviceName}" now. Ctrl-C ends it.`);
  return await search(radio, context, (options) => radio.listen(options));
}

export async function lookForServices(
  radio: Radio,
  { line, terminal, system }: CommandContext,
): Promise<number> {
  const signal = within(line.seconds ?? DEFAULT_SECONDS, system.signal);
  const upnp = line.values['upnp'];
  if (typeof upnp === 'string') {
    if (!isUpnpSearchTarget(upnp)) throw new WifiDirectError('service_invalid', `${upnp} is no UPnP name.`);
    for await (const { name, address } of radio.upnpServices(upnp, { signal }))
      terminal.say({ type: 'service', name, address }, `${address}  ${name}`);
    return 0;
  }
  const type = line.words[0] ?? '_http._tcp';
  if (!isServiceType(type)) throw new WifiDirectError('service_invalid', `${type} is no kind of service.`);
  for await (const { instance, address } of radio.services(type, { signal }))
    terminal.say({ type: 'service', service: type, instance, address }, `${address}  ${instance}  ${type}`);
  return 0;
}

async function search(
  radio: Radio,
  { line, terminal, system }: CommandContext,
  start: (options: { readonly seconds: number; readonly signal: AbortSignal }) => Promise<void>,
): Promise<number> {
  const seconds = line.seconds ?? DEFAULT_SECONDS;
  const events = radio.events({ signal: within(seconds, system.signal) });
  await start({ seconds, signal: system.signal });
  for await (const event of events) {
    switch (event.type) {
      case 'peer_found':
        terminal.say(event);
        break;
      case 'peer_updated':
        terminal.say(event, describe(event.peer));
        break;
      case 'peer_lost':
        terminal.say(event, `${event.address}  gone`);
        break;
      case 'supplicant_lost':
        throw new WifiDirectError('supplicant_unreachable', 'The supplicant went away meanwhile.');
      default:
    }
  }
  return 0;
}

function describe({ address, name, category, signalDbm, isGroupOwner }: Peer): string {
  const level = signalDbm === undefined ? '' : `${String(signalDbm)} dBm`;
  return `${address}  ${level.padStart(8)}  ${category.padEnd(10)}  ${isGroupOwner ? 'hosts ' : '      '}  ${name}`;
}

/** Ends by itself, or with Ctrl-C. */
function within(seconds: number, signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(seconds * 1_000)]);
}
