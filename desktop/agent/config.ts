/**
 * What the agent is told from outside: environment variables, read and validated once. Never read again later, and
 * never holds a secret.
 */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { MAX_REQUEST_TTL_SECONDS } from '@tikiwallet/protocol';
import { z } from 'zod';
import { DEFAULT_ROTATION_HOURS } from './radio/radio-settings.ts';
import type { RadioConfig } from './radio/radio-room.ts';

const DEFAULT_API_URL = 'http://localhost:8080';
/** An address inside a payment request; the protocol takes no other form. */
const KioskAddress = z.string().regex(/^http:\/\/[0-9A-Za-z.:[\]-]{1,57}$/);

const Environment = z.object({
  TIKI_KIOSK_DATA: z.string().min(1).optional(),
  TIKI_API_URL: z.url({ protocol: /^https?$/ }).default(DEFAULT_API_URL),
  TIKI_LISTEN_HOST: z.string().min(1).default('127.0.0.1'),
  TIKI_LISTEN_PORT: z.coerce.number().int().min(0).max(65_535).default(7070),
  TIKI_ADVERTISE: z.string().default('').transform(splitList).pipe(z.array(KioskAddress).max(4)),
  /** How long a customer has to pay: a busy till wants it shorter. */
  TIKI_REQUEST_TTL_SECONDS: z.coerce
    .number()
    .int()
    .min(10)
    .max(MAX_REQUEST_TTL_SECONDS)
    .default(MAX_REQUEST_TTL_SECONDS),
  /** Until a person has set something else at the till. */
  TIKI_RADIO: z.enum(['on', 'off']).default('off'),
  TIKI_RADIO_MODE: z.enum(['wifi_direct', 'access_point']).default('wifi_direct'),
  /** Such as wlan0 or p2p-dev-wlan0; whichever can, when absent. */
  TIKI_RADIO_INTERFACE: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,31}$/)
    .optional(),
  TIKI_RADIO_FREQUENCY_MHZ: z.coerce.number().int().min(2_412).max(7_125).optional(),
  /** The folder with the supplicant's control sockets. */
  TIKI_RADIO_CONTROL: z.string().min(1).optional(),
  /** Where the supplicant finds this end of the talk: it must see the folder under the same name. */
  TIKI_RADIO_CLIENTS: z.string().min(1).optional(),
  /** Of a service manager that gives this program a private folder for temporary files. */
  RUNTIME_DIRECTORY: z.string().min(1).optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
});

export interface AgentConfig {
  readonly dataFolder: string;
  readonly apiUrl: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Put into requests; empty: whatever the listener is bound to. */
  readonly advertise: readonly string[];
  /** Life of a payment request, 10 to 120 s. */
  readonly requestTtlSeconds: number;
  readonly radio: RadioConfig;
  readonly logLevel: z.output<typeof Environment>['LOG_LEVEL'];
}

/** One sentence for each variable that makes no sense. */
export class ConfigInvalid extends Error {
  override readonly name = 'ConfigInvalid';
}

/** @throws ConfigInvalid */
export function readConfig(env: Readonly<Record<string, string | undefined>>): AgentConfig {
  // An empty variable means an absent one: that is how service files and shells unset things.
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
  const parsed = Environment.safeParse(given);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigInvalid(`The agent cannot start with these settings: ${faults.join('; ')}.`);
  }
  const { data } = parsed;
  const dataHome = given['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share');
  return {
    dataFolder: resolve(data.TIKI_KIOSK_DATA ?? join(dataHome, 'tikiwallet', 'kiosk')),
    apiUrl: data.TIKI_API_URL.replace(/\/+$/, ''),
    listen: { host: data.TIKI_LISTEN_HOST, port: data.TIKI_LISTEN_PORT },
    advertise: data.TIKI_ADVERTISE,
    requestTtlSeconds: data.TIKI_REQUEST_TTL_SECONDS,
    radio: {
      settings: {
        isOn: data.TIKI_RADIO === 'on',
        mode: data.TIKI_RADIO_MODE,
        rotationHours: DEFAULT_ROTATION_HOURS,
      },
      interfaceName: data.TIKI_RADIO_INTERFACE,
      frequencyMhz: data.TIKI_RADIO_FREQUENCY_MHZ,
      controlFolder: data.TIKI_RADIO_CONTROL,
      clientFolder: data.TIKI_RADIO_CLIENTS ?? data.RUNTIME_DIRECTORY?.split(':')[0],
    },
    logLevel: data.LOG_LEVEL,
  };
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim().replace(/\/$/, ''))
    .filter((part) => part !== '');
}
