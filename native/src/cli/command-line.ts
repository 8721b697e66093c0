// What the words of `wifi-direct` mean. Pure: words in, a command or a complaint out.

import { hostname } from 'node:os';
import { parseArgs, type ParseArgsConfig } from 'node:util';

export type CommandName = 'status' | 'find' | 'listen' | 'services' | 'host' | 'join';

export type CommandLine = {
  readonly command: CommandName;
  readonly words: readonly string[];
  readonly json: boolean;
  readonly interfaceName: string | undefined;
  readonly deviceName: string;
  readonly controlFolder: string | undefined;
  /** How long to look, or to wait for a group; undefined: as the command sees fit. */
  readonly seconds: number | undefined;
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
};

const common = {
  help: { type: 'boolean', short: 'h' },
  json: { type: 'boolean' },
  interface: { type: 'string' },
  name: { type: 'string' },
  'control-folder': { type: 'string' },
  seconds: { type: 'string' },
} as const;

type Options = NonNullable<ParseArgsConfig['options']>;

const commands: Readonly<Record<CommandName, { readonly words: number; readonly options: Options }>> = {
  status: { words: 0, options: {} },
  find: { words: 0, options: {} },
  listen: { words: 0, options: {} },
  services: { words: 1, options: { upnp: { type: 'string' } } },
  host: {
    words: 0,
    options: {
      'access-point': { type: 'boolean' },
      ssid: { type: 'string' },
      'ssid-postfix': { type: 'string' },
      'passphrase-file': { type: 'string' },
      frequency: { type: 'string' },
      persistent: { type: 'boolean' },
      pin: { type: 'boolean' },
      advertise: { type: 'string' },
      'show-passphrase': { type: 'boolean' },
      qr: { type: 'boolean' },
    },
  },
  join: {
    words: 1,
    options: { pin: { type: 'string' }, stored: { type: 'string' }, persistent: { type: 'boolean' } },
  },
};

export const usage = `wifi-direct: Wi-Fi Direct from the command line

  wifi-direct status                       what this machine can do, and what is in the way
  wifi-direct find                         who is near
  wifi-direct listen                       be found, without looking
  wifi-direct services [_http._tcp]        services that are offered near (--upnp ssdp:all for UPnP)
  wifi-direct host                         own a group until Ctrl-C; phones join it as an ordinary network
      --qr, --show-passphrase              how phones get in: as a code, or as text; neither is shown otherwise
      --pin                                let one device in by PIN, and show the PIN
      --ssid-postfix=-Shop, --ssid DIRECT-ab-Shop, --passphrase-file FILE (- reads it from standard input)
      --frequency MHZ, --persistent, --advertise _http._tcp=NAME
      --access-point --ssid NAME --passphrase-file FILE     a plain network, without Wi-Fi Direct
  wifi-direct join NAME|ADDRESS --pin 12345670   (--stored ID instead: as before, without a PIN)

  --interface wlan0   --name DEVICE   --seconds N   --json (one object a line)   --control-folder FOLDER
`;

/** A command, or why it is none. */
export function parseCommandLine(args: readonly string[]): CommandLine | { readonly complaint: string } {
  const [name, ...rest] = args;
  if (name === undefined || ['help', '-h', '--help'].includes(name)) return { complaint: '' };
  const command = commandNames().find((one) => one === name);
  if (command === undefined) return { complaint: `There is no command ${JSON.stringify(name)}.` };
  const { words, options } = commands[command];
  try {
    const { values, positionals } = parseArgs({
      args: [...rest],
      options: { ...common, ...options },
      allowPositionals: true,
      strict: true,
    });
    if (values.help === true) return { complaint: '' };
    if (positionals.length > words) return { complaint: `${command} takes ${String(words)} words at most.` };
    const seconds = readSeconds(values.seconds);
    if (seconds === 'wrong') return { complaint: '--seconds is from 1 to 3600.' };
    return {
      command,
      words: positionals,
      json: values.json === true,
      interfaceName: values.interface,
      deviceName: values.name ?? shortHostName(),
      controlFolder: values['control-folder'],
      seconds,
      values: Object.fromEntries(
        Object.entries(values).filter((entry) => !Array.isArray(entry[1])),
      ) as Readonly<Record<string, string | boolean | undefined>>,
    };
  } catch (error) {
    return { complaint: error instanceof Error ? error.message : String(error) };
  }
}

function commandNames(): readonly CommandName[] {
  return ['status', 'find', 'listen', 'services', 'host', 'join'];
}

function readSeconds(text: string | undefined): number | undefined | 'wrong' {
  if (text === undefined) return undefined;
  const seconds = Number(text);
  return Number.isInteger(seconds) && seconds >= 1 && seconds <= 3_600 ? seconds : 'wrong';
}

/** A device's name has 32 bytes at most. */
function shortHostName(): string {
  const name = Buffer.from(hostname()).subarray(0, 32).toString();
  return name === '' ? 'node' : name;
}
