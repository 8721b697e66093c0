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
import type { FoundService } from './radio.ts';
import type { SupplicantEvent } from './supplicant-events.ts';

type ServiceResponse = SupplicantEvent & { readonly type: 'service_response' };

const EVERYBODY = '00:00:00:00:00:00';

export class SupplicantServices {
  readonly #ask: (command: string) => Promise<string>;
  readonly #responses = new EventQueue<ServiceResponse>();
  /** Told to the supplicant again when it starts anew; the key is the question's bytes. */
  readonly #offered = new Map<string, string>();
  #transaction = 0;

  constructor(ask: (command: string) => Promise<string>) {
    this.#ask = ask;
  }

  onResponse(response: ServiceResponse): void {
    this.#responses.push(response);
  }

  async advertise(service: ServiceInstance, attributes?: Readonly<{ [key: string]: string }>): Promise<void> {
    for (const { query, data } of recordsOf(service, attributes)) {
      const key = `${toHex(query)} ${toHex(data)}`;
      this.#offered.set(key, toHex(query));
      await this.#ask(`P2P_SERVICE_ADD bonjour ${key}`);
    }
  }

  async withdraw(service: ServiceInstance): Promise<void> {
    const questions = new Set(recordsOf(service).map(({ query }) => toHex(query)));
    for (const [key, query] of this.#offered) {
      if (!questions.has(query)) continue;
      this.#offered.delete(key);
      await this.#ask(`P2P_SERVICE_DEL bonjour ${query}`);
    }
  }

  /** After the supplicant came back: it has forgotten everything. */
  async offerAgain(): Promise<void> {
    for (const key of this.#offered.keys()) await this.#ask(`P2P_SERVICE_ADD bonjour ${key}`);
  }

  async withdrawAll(): Promise<void> {
    const questions = new Set(this.#offered.values());
    this.#offered.clear();
    for (const query of questions) await this.#ask(`P2P_SERVICE_DEL bonjour ${query}`);
  }

  async *find(type: ServiceType, signal: AbortSignal | undefined): AsyncGenerator<FoundService, void> {
    this.#transaction = (this.#transaction % 255) + 1;
    const question = toHex(requestTlv(this.#transaction, queryOf(type)));
    // Reading begins first: a neighbour may answer before the supplicant has named the request.
    const responses = this.#responses.read(signal);
    const seen = new Set<string>();
    const request = await this.#ask(`P2P_SERV_DISC_REQ ${EVERYBODY} ${question}`);
    try {
      await this.#ask('P2P_FIND');
      for await (const { address, tlvs } of responses) {
        for (const found of instancesIn(tlvs, type)) {
          const key = `${address} ${found.instance}`;
          if (seen.has(key)) continue;
          seen.add(key);
          yield { ...found, address };
        }
      }
    } finally {
      await responses.return?.();
      await this.#ask(`P2P_SERV_DISC_CANCEL_REQ ${request}`).catch(ignoreRefusal);
      await this.#ask('P2P_STOP_FIND').catch(ignoreRefusal);
    }
  }

  close(): void {
    this.#responses.close();
  }
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof WifiDirectError)) throw error;
}
