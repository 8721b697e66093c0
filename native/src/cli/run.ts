// `wifi-direct`: one command, from its words to its exit code. Everything of the system comes in as a parameter, so that
// the tests run it over the fake.

import { WifiDirectError } from '../errors.ts';
import type { MachineFacts } from '../machine-facts.ts';
import type { RadioState } from '../radio-state.ts';
import type { Radio } from '../radio.ts';
import type { OpenRadioOptions } from '../supplicant-radio.ts';
import { type CommandLine, parseCommandLine, usage } from './command-line.ts';
import { findPeers, listen, lookForServices } from './find.ts';
import { host } from './host.ts';
import { join } from './join.ts';
import { showStatus } from './status.ts';
import { Terminal } from './terminal.ts';

export type CliSystem = {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly readFile: (path: string) => Promise<string>;
  readonly probe: (options: {
    readonly controlFolder?: string;
    readonly interfaceName?: string;
  }) => Promise<RadioState>;
  readonly readMachineFacts: () => Promise<MachineFacts>;
  readonly openRadio: (options: OpenRadioOptions) => Promise<Radio>;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
};

export type CommandContext = {
  readonly line: CommandLine;
  readonly terminal: Terminal;
  readonly system: CliSystem;
};

/** 0: done; 1: it did not work; 2: the words make no sense; 3: this machine cannot. */
export async function runCli(args: readonly string[], system: CliSystem): Promise<number> {
  const line = parseCommandLine(args);
  if ('complaint' in line) {
    if (line.complaint === '') {
      system.out(usage);
      return 0;
    }
    system.err(`${line.complaint}\n\n${usage}`);
    return 2;
  }
  const terminal = new Terminal(system.out, line.json);
  try {
    return await run({ line, terminal, system });
  } catch (error) {
    if (!(error instanceof WifiDirectError)) throw error;
    // Whoever pressed Ctrl-C knows.
    if (error.code === 'aborted' && system.signal.aborted) return 0;
    terminal.say({ type: 'error', code: error.code, message: error.message, remedy: error.remedy });
    system.err(`wifi-direct: ${error.message} (${error.code})\n${error.remedy}\n`);
    return error.code === 'unsupported_platform' || error.code === 'supplicant_unreachable' ? 3 : 1;
  }
}

async function run(context: CommandContext): Promise<number> {
  switch (context.line.command) {
    case 'status':
      return await showStatus(context);
    case 'find':
      return await withRadio(context, findPeers);
    case 'listen':
      return await withRadio(context, listen);
    case 'services':
      return await withRadio(context, lookForServices);
    case 'host':
      return await withRadio(context, host);
    case 'join':
      return await withRadio(context, join);
  }
}

/** Whatever happens, nothing is left behind: closing ends searches, services and the group. */
async function withRadio(
  context: CommandContext,
  use: (radio: Radio, context: CommandContext) => Promise<number>,
): Promise<number> {
  const { line, system } = context;
  const { controlFolder } = line;
  const folder = controlFolder === undefined ? {} : { controlFolder };
  const interfaceName = line.interfaceName ?? (await readyInterface(context));
  const radio = await system.openRadio({
    interfaceName,
    deviceName: line.deviceName,
    signal: system.signal,
    // A person waits rather than beginning again because a small machine was busy.
    timeoutMs: 8_000,
    ...folder,
  });
  try {
    return await use(radio, context);
  } finally {
    await radio.close();
  }
}

async function readyInterface({ line, system }: CommandContext): Promise<string> {
  const { controlFolder } = line;
  const state = await system.probe(controlFolder === undefined ? {} : { controlFolder });
  if (state.state === 'ready') return state.interfaceName;
  const code = state.state === 'unsupported_platform' ? 'unsupported_platform' : 'supplicant_unreachable';
  throw new WifiDirectError(code, `This machine is not ready: ${state.state} (${state.code}).`);
}
