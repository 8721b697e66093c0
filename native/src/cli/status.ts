// `wifi-direct status`: what the supplicant says, and what the kernel says without it.

import { WifiDirectError } from '../errors.ts';
import type { MachineFacts, RadioFacts } from '../machine-facts.ts';
import type { RadioState } from '../radio-state.ts';
import type { CommandContext } from './run.ts';

const SENTENCES: Readonly<Record<RadioState['state'], string>> = {
  unsupported_platform:
    'This machine cannot: Linux is needed, with the addon built (npm rebuild node-wifi-direct).',
  no_supplicant:
    'No wpa_supplicant can be asked: is it running with a control interface, and may this user use it?',
  no_p2p_radio: 'There is a supplicant, but its radio or driver knows no Wi-Fi Direct.',
  blocked_by_rfkill: 'The radio is switched off: rfkill unblock wlan, or the switch on the machine.',
  ready: 'Ready for Wi-Fi Direct.',
};

export async function showStatus({ line, terminal, system }: CommandContext): Promise<number> {
  const { controlFolder, interfaceName } = line;
  const state = await system.probe({
    ...(controlFolder === undefined ? {} : { controlFolder }),
    ...(interfaceName === undefined ? {} : { interfaceName }),
  });
  const facts = await factsOrNone(system.readMachineFacts);
  terminal.say({ type: 'status', ...state, radios: facts?.radios ?? [] }, describe(state));
  for (const radio of facts?.radios ?? []) terminal.note(describeRadio(radio));
  if (facts?.radios.length === 0) terminal.note('The kernel knows no Wi-Fi radio here.');
  return state.state === 'ready' ? 0 : 3;
}

async function factsOrNone(read: () => Promise<MachineFacts>): Promise<MachineFacts | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof WifiDirectError) return undefined;
    throw error;
  }
}

function describe(state: RadioState): string {
  const where = 'interfaceName' in state ? ` on ${state.interfaceName}` : '';
  const why = 'code' in state ? ` (${state.code})` : '';
  return `${state.state}${where}${why}\n${SENTENCES[state.state]}`;
}

function describeRadio({ name, isP2pCapable, isAccessPointCapable, block, ...facts }: RadioFacts): string {
  const abilities = [
    isP2pCapable ? 'Wi-Fi Direct' : 'no Wi-Fi Direct',
    isAccessPointCapable ? 'access point' : '',
  ];
  const words = [...abilities, block ?? '', `hosts on ${facts.hostableFrequenciesMhz.join(', ')} MHz`];
  return `  ${name} (${facts.interfaceNames.join(', ')}): ${words.filter((word) => word !== '').join('; ')}`;
}
