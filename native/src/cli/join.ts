// `wifi-direct join`: into the group of somebody near, by PIN or as before, until Ctrl-C.

import { WifiDirectError } from '../errors.ts';
import type { JoinMethod, Radio } from '../radio.ts';
import type { HardwareAddress } from '../supplicant-events.ts';
import { waitFor } from '../wait-for.ts';
import type { CommandContext } from './run.ts';
import { describeGroup, stayUntilTheEnd } from './stay.ts';

const DEFAULT_SECONDS = 60;
const ADDRESS = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

export async function join(radio: Radio, context: CommandContext): Promise<number> {
  const { line, terminal, system } = context;
  const [who] = line.words;
  if (who === undefined) throw new WifiDirectError('address_invalid', 'Whom to join is missing.');
  const method = methodOf(context);
  const timeoutMs = (line.seconds ?? DEFAULT_SECONDS) * 1_000;
  const address = ADDRESS.test(who) ? who : await addressOf(radio, who, timeoutMs, system.signal);
  const events = radio.events({ signal: system.signal });
  const isPersistent = line.values['persistent'] === true;
  const group = await radio.join(address, method, { timeoutMs, isPersistent, signal: system.signal });
  terminal.say({ type: 'group_started', group }, `Joined ${describeGroup(group)}. Ctrl-C leaves it.`);
  return await stayUntilTheEnd(radio, events, context);
}

function methodOf({ line }: CommandContext): JoinMethod {
  const { pin, stored } = line.values;
  if (typeof pin === 'string') return { by: 'pin', pin };
  if (typeof stored === 'string') return { by: 'stored_group', storedGroupId: Number(stored) };
  throw new WifiDirectError('pin_invalid', 'The PIN is missing: --pin, with what the other device shows.');
}

/** Looks for a peer of that name. */
async function addressOf(
  radio: Radio,
  name: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<HardwareAddress> {
  const address = await waitFor(
    radio.events(),
    (event) =>
      event.type === 'peer_found' && event.peer.name === name ? { value: event.peer.address } : undefined,
    {
      timeoutMs,
      signal,
      start: async () => {
        await radio.find({ signal });
        return undefined;
      },
    },
  );
  await radio.stopFinding();
  return address;
}
