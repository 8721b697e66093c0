// Service discovery over a supplicant: what this device offers, and asking what others do.

import {
  instancesIn,
  queryOf,
  recordsOf,
  requestTlv,
  type ServiceInstance,
  type ServiceType,
} from './dns-sd.ts';
import { WifiDirectError } from './errors.ts';
import { EventQueue } from './event-queue.ts';
import type { FoundService, FoundUpnpService, ServiceAttributes } from './radio.ts';
import type { SupplicantEvent } from './supplicant-events.ts';
import {
  checkedUpnpName,
  UPNP_VERSION,
  upnpNamesIn,
  type UpnpSearchTarget,
  type UpnpServiceName,
} from './upnp.ts';

type ServiceResponse = SupplicantEvent & { readonly type: 'service_response' };

const EVERYBODY = '00:00:00:00:00:00';

export class SupplicantServices {
  readonly #ask: (command: string) => Promise<string>;
  readonly #responses = new EventQueue<ServiceResponse>();
  /** What is offered to what withdraws it; told to the supplicant again when it starts anew. */
  readonly #offered = new Map<string, string>();
  #transaction = 0;
  #searches = 0;

  constructor(ask: (command: string) => Promise<string>) {
    this.#ask = ask;
  }

  onResponse(response: ServiceResponse): void {
    this.#responses.push(response);
  }

  async advertise(service: ServiceInstance, attributes?: ServiceAttributes): Promise<void> {
    for (const { query, data } of recordsOf(service, attributes))
      await this.#offer(`bonjour ${toHex(query)} ${toHex(data)}`, `bonjour ${toHex(query)}`);
  }

  async withdraw(service: ServiceInstance): Promise<void> {
    for (const { query } of recordsOf(service)) await this.#takeBack(`bonjour ${toHex(query)}`);
  }

  async advertiseUpnp(name: UpnpServiceName): Promise<void> {
    const words = `upnp ${UPNP_VERSION} ${checkedUpnpName(name)}`;
    await this.#offer(words, words);
  }

  async withdrawUpnp(name: UpnpServiceName): Promise<void> {
    await this.#takeBack(`upnp ${UPNP_VERSION} ${checkedUpnpName(name)}`);
  }

  /** After the supplicant came back: it has forgotten everything. */
  async offerAgain(): Promise<void> {
    for (const words of this.#offered.keys()) await this.#ask(`P2P_SERVICE_ADD ${words}`);
  }

  async withdrawAll(): Promise<void> {
    for (const words of new Set(this.#offered.values())) await this.#takeBack(words);
  }

  async *find(type: ServiceType, signal: AbortSignal | undefined): AsyncGenerator<FoundService, void> {
    this.#transaction = (this.#transaction % 255) + 1;
    const question = toHex(requestTlv(this.#transaction, queryOf(type)));
    for await (const { address, tlvs } of this.#answers(question, signal)) {
      for (const instance of instancesIn(tlvs, type)) yield { ...instance, address };
    }
  }

  async *findUpnp(
    target: UpnpSearchTarget,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<FoundUpnpService, void> {
    const question = `upnp ${UPNP_VERSION} ${checkedUpnpName(target)}`;
    for await (const { address, tlvs } of this.#answers(question, signal)) {
      for (const name of upnpNamesIn(tlvs)) yield { name, address };
    }
  }

  close(): void {
    this.#responses.close();
  }

  async #offer(words: string, toWithdraw: string): Promise<void> {
    await this.#ask(`P2P_SERVICE_ADD ${words}`);
    this.#offered.set(words, toWithdraw);
  }

  async #takeBack(toWithdraw: string): Promise<void> {
    for (const [words, one] of this.#offered) {
      if (one !== toWithdraw) continue;
      this.#offered.delete(words);
      await this.#ask(`P2P_SERVICE_DEL ${toWithdraw}`);
    }
  }

  async *#answers(question: string, signal: AbortSignal | undefined): AsyncGenerator<ServiceResponse, void> {
    // Reading begins first: a neighbour may answer before the supplicant has named the request.
    const responses = this.#responses.read(signal);
    const request = await this.#ask(`P2P_SERV_DISC_REQ ${EVERYBODY} ${question}`);
    this.#searches += 1;
    try {
      await this.#ask('P2P_FIND');
      yield* responses;
    } finally {
      this.#searches -= 1;
      await responses.return?.();
      await this.#ask(`P2P_SERV_DISC_CANCEL_REQ ${request}`).catch(ignoreRefusal);
      // Another one may still be looking.
      if (this.#searches === 0) await this.#ask('P2P_STOP_FIND').catch(ignoreRefusal);
    }
  }
}

/** Each item once, by its key. */
export async function* eachOnce<Item>(
  items: AsyncGenerator<Item, void>,
  keyOf: (item: Item) => string,
): AsyncGenerator<Item, void> {
  const seen = new Set<string>();
  for await (const item of items) {
    const key = keyOf(item);
    if (seen.has(key)) continue;
    // A neighbour that answers with ever new names must not fill the memory.
    if (seen.size < MOST_SERVICES) seen.add(key);
    else return;
    yield item;
  }
}

const MOST_SERVICES = 10_000;

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof WifiDirectError)) throw error;
}
