/**
 * The radio as its clients see it: how it stands, who is in the kiosk's own network, what a person may set. The
 * passphrase is nowhere in here; what the screen gets of it is a picture.
 */
import { z } from 'zod';

/**
 * `no_radio`: the machine has none at all. `ready`: a radio that can, and nobody wants it to. `up`: phones can join. `rebuilding`: something broke, and it is put
 * right by itself. `radio_busy`: the radio does not host, most often because it is held by another network.
 * `not_permitted`: the agent may not do what hosting needs. `program_missing`: a program of the system is not installed.
 * `port_taken`: another program listens where phones should pay. `failing`: tried again and again, in vain.
 */
export const RadioState = z.enum([
  'checking',
  'unsupported_platform',
  'no_radio',
  'no_supplicant',
  'no_p2p_radio',
  'blocked_by_rfkill',
  'ready',
  'starting',
  'up',
  'rebuilding',
  'radio_busy',
  'not_permitted',
  'program_missing',
  'port_taken',
  'failing',
]);
export type RadioState = z.infer<typeof RadioState>;

/** `access_point`: a plain network without Wi-Fi Direct, for radios and phones that stumble over it. */
export const RadioMode = z.enum(['wifi_direct', 'access_point']);
export type RadioMode = z.infer<typeof RadioMode>;

export const ROTATION_HOURS = [4, 8, 12, 24] as const;
/** A passphrase is used for so long at most; a new day begins with a new one as well. */
const RotationHours = z.literal(ROTATION_HOURS);

export const RadioSettings = z.object({ isOn: z.boolean(), mode: RadioMode, rotationHours: RotationHours });
export type RadioSettings = z.infer<typeof RadioSettings>;

export const Radio = z.object({
  state: RadioState,
  /** For support: what exactly stands in the way. */
  code: z.string().nullable(),
  settings: RadioSettings,
  /** While the group stands. */
  network: z
    .object({ ssid: z.string(), interfaceName: z.string(), frequencyMhz: z.int().nullable() })
    .nullable(),
  /** Another number means another picture to join by; null while nobody can join. */
  joinCodeId: z.int().nullable(),
  phones: z.object({
    count: z.int(),
    /** Of those that say one: letters, digits and spaces only. */
    names: z.array(z.string()),
  }),
});
export type Radio = z.infer<typeof Radio>;

/** What the self-test looks at, in the order in which one thing needs the other. */
export const RADIO_CHECKS = [
  'hardware',
  'supplicant',
  'radio',
  'switch',
  'programs',
  'permission',
  'network_manager',
  'group',
  'firewall',
  'address',
  'dns',
  'listener',
] as const;
export const RadioCheck = z.object({
  name: z.enum(RADIO_CHECKS),
  /** `not_tried`: something before it failed, or the radio is switched off in the settings. */
  outcome: z.enum(['passed', 'failed', 'not_tried']),
  code: z.string().nullable(),
});
export type RadioCheck = z.infer<typeof RadioCheck>;

const Nothing = z.object({});

export const radioCalls = {
  /** A data: address of a PNG; null while nobody can join. */
  'radio.joinCode': { params: Nothing, result: z.object({ picture: z.string().nullable() }) },
  'radio.configure': { params: RadioSettings, result: Nothing },
  /** A new name and passphrase, as soon as no request is open. */
  'radio.rotate': { params: Nothing, result: Nothing },
  'radio.selfTest': { params: Nothing, result: z.object({ checks: z.array(RadioCheck) }) },
} as const;
