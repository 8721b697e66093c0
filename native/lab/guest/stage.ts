// What the cases play with: a kiosk and four phones, each a radio with a supplicant in a network namespace of its own,
// and the internet, which only the kiosk is wired to.

import { openRadio, type Radio, type RadioEvent } from '../../src/index.ts';
import { Network } from './network.ts';
import { Phone } from './phone.ts';
import { Supplicant } from './supplicant.ts';

export type LabCase = {
  readonly name: string;
  /** Default 150 s. */
  readonly timeoutMs?: number;
  readonly run: (stage: Stage, course: Course) => Promise<void>;
};

export type Course = {
  /** What is being done from now on; said when it fails. */
  readonly step: (what: string) => void;
  /** A time worth a line in the table. */
  readonly figure: (what: string, ms: number) => void;
};

/** Of somebody in the internet, at the end of the kiosk's cable. */
export const INTERNET_ADDRESS = '203.0.113.1';
export const KIOSK_CABLE_ADDRESS = '203.0.113.2';

export class Stage {
  readonly kiosk: Supplicant;
  readonly phones: readonly [Phone, Phone, Phone, Phone];
  /** Where the program of the cases runs as well. */
  readonly internet: Network;

  constructor() {
    this.kiosk = new Supplicant('kiosk', 0);
    this.phones = [
      new Phone('phone1', 1),
      new Phone('phone2', 2),
      new Phone('phone3', 3),
      new Phone('phone4', 4),
    ];
    this.internet = Network.own();
  }

  get #all(): readonly Supplicant[] {
    return [this.kiosk, ...this.phones];
  }

  async set(): Promise<void> {
    for (const one of this.#all) {
      await one.prepare();
      await one.start();
    }
    await this.internet.exec(
      'ip',
      'link',
      'add',
      'cable',
      'type',
      'veth',
      'peer',
      'name',
      'cable',
      'netns',
      'kiosk',
    );
    await this.internet.exec('ip', 'addr', 'add', `${INTERNET_ADDRESS}/24`, 'dev', 'cable');
    await this.internet.exec('ip', 'link', 'set', 'cable', 'up');
    await this.kiosk.exec('ip', 'addr', 'add', `${KIOSK_CABLE_ADDRESS}/24`, 'dev', 'cable');
    await this.kiosk.exec('ip', 'link', 'set', 'cable', 'up');
  }

  /** As at the beginning, whatever a case has left behind. */
  async reset(): Promise<void> {
    for (const one of this.#all) await one.restore();
  }

  async end(): Promise<void> {
    for (const one of this.#all) await one.kill();
  }
}

export async function setStage(): Promise<Stage> {
  const stage = new Stage();
  await stage.set();
  return stage;
}

/** Opens the radio of a supplicant for the time of `use`. */
export async function withRadio<T>(supplicant: Supplicant, use: (radio: Radio) => Promise<T>): Promise<T> {
  const radio = await openRadio({
    interfaceName: supplicant.p2pInterfaceName,
    deviceName: supplicant.name,
    controlFolder: supplicant.controlFolder,
    clientFolder: supplicant.clientFolder,
    // An emulated machine on a busy host takes its time.
    timeoutMs: 8_000,
    pingIntervalMs: 1_000,
  });
  try {
    return await use(radio);
  } finally {
    await radio.close();
  }
}

/** The next event that fits, from the moment of the call on. */
export function nextEvent<Type extends RadioEvent['type']>(
  radio: Radio,
  type: Type,
  timeoutMs: number,
): Promise<RadioEvent & { readonly type: Type }> {
  const found = readEvent(radio, type, timeoutMs);
  // Who waits for it may have failed before.
  found.catch(() => undefined);
  return found;
}

async function readEvent<Type extends RadioEvent['type']>(
  radio: Radio,
  type: Type,
  timeoutMs: number,
): Promise<RadioEvent & { readonly type: Type }> {
  const isWanted = (event: RadioEvent): event is RadioEvent & { readonly type: Type } => event.type === type;
  for await (const event of radio.events({ signal: AbortSignal.timeout(timeoutMs) })) {
    if (isWanted(event)) return event;
  }
  throw new Error(`no ${type} within ${String(timeoutMs)} ms`);
}
