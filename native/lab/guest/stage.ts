// What the cases play with: a kiosk and three phones, each a radio with a supplicant in a network namespace of its own.

import { openRadio, type Radio, type RadioEvent } from '../../src/index.ts';
import { Phone } from './phone.ts';
import { Supplicant } from './supplicant.ts';

export type Stage = {
  readonly kiosk: Supplicant;
  readonly phones: readonly [Phone, Phone, Phone];
};

export type LabCase = {
  readonly name: string;
  readonly run: (stage: Stage) => Promise<void>;
};

export async function setStage(): Promise<Stage> {
  const kiosk = new Supplicant('kiosk', 0);
  const phones = [new Phone('phone1', 1), new Phone('phone2', 2), new Phone('phone3', 3)] as const;
  for (const one of [kiosk, ...phones]) {
    await one.prepare();
    await one.start();
  }
  return { kiosk, phones: [...phones] };
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
export async function nextEvent<Type extends RadioEvent['type']>(
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
