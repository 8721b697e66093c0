// Staying in a group until Ctrl-C or until it ends, saying who comes and goes.

import type { Group, Radio, RadioEvent } from '../radio.ts';
import type { CommandContext } from './run.ts';

/** 0 when it was ended here, 1 when it ended by itself. */
export async function stayUntilTheEnd(
  radio: Radio,
  events: AsyncIterable<RadioEvent>,
  { terminal }: CommandContext,
): Promise<number> {
  // It may have ended before anybody looked.
  if (radio.group() === undefined) return 1;
  for await (const event of events) {
    switch (event.type) {
      case 'client_joined':
        terminal.say(event, `${event.address} joined (${String(radio.clients().length)} here)`);
        break;
      case 'client_left':
        terminal.say(event, `${event.address} left (${String(radio.clients().length)} here)`);
        break;
      case 'wrong_passphrase':
        terminal.say(event, `${event.address ?? 'somebody'} tried a wrong passphrase`);
        break;
      case 'group_removed':
        terminal.say(event, `The group has ended: ${event.reason}`);
        return 1;
      case 'supplicant_lost':
        terminal.say(event, 'The supplicant went away, and the group with it');
        return 1;
      default:
    }
  }
  terminal.note('Ending the group.');
  return 0;
}

export function describeGroup({ ssid, interfaceName, frequencyMhz }: Group): string {
  const where = frequencyMhz === undefined ? '' : `, ${String(frequencyMhz)} MHz`;
  return `${ssid} on ${interfaceName}${where}`;
}
