/**
 * The shops of a measurement in a thread of their own: phones and kiosks with their keys and journals are not part of a cloud, and its
 * garbage collector should not have to walk them. They work only while they are asked, so never beside what is measured.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { EnrolledKiosk } from '../../src/kiosks/index.ts';
import type { BenchCloud } from './cloud.ts';
import type { SignedPair } from './limits.ts';

/** Each group of kiosks has phones of its own. */
export interface Group {
  readonly kiosks: number;
  readonly phones: number;
}

export interface ShopsSetup {
  readonly folder: string;
  readonly ownerUrl: string;
  readonly appUrl: string;
  readonly groups: readonly Group[];
  /** With money online. */
  readonly customers: number;
}

export interface Laid {
  /** In the order of the groups. */
  readonly kiosks: readonly (readonly EnrolledKiosk[])[];
  readonly accounts: readonly string[];
  /** Of the first group's phones. */
  readonly signed: readonly SignedPair[];
}

/** `batches` of each kiosk of a group, `size` sales in each. */
export interface Wanted {
  readonly group: number;
  readonly batches: number;
  readonly size: number;
}

export interface Unsettled {
  readonly kiosk: EnrolledKiosk;
  readonly envelopes: readonly Uint8Array<ArrayBuffer>[];
}

export class Shops {
  readonly #worker: Worker;
  readonly laid: Laid;

  private constructor(worker: Worker, laid: Laid) {
    this.#worker = worker;
    this.laid = laid;
  }

  static async open(
    { folder, ownerUrl, appUrl }: BenchCloud,
    wanted: Pick<ShopsSetup, 'groups' | 'customers'>,
  ): Promise<Shops> {
    const workerData: ShopsSetup = { folder, ownerUrl, appUrl, ...wanted };
    const worker = new Worker(new URL('./shops-thread.ts', import.meta.url), { workerData, name: 'shops' });
    const [laid] = await once(worker, 'message');
    return new Shops(worker, laid);
  }

  /** New batches of each kiosk, no phone in two of them; from turn to turn the phones go from shop to shop. */
  async next(wanted: Wanted): Promise<readonly Unsettled[]> {
    const answered = once(this.#worker, 'message');
    this.#worker.postMessage(wanted);
    const [envelopes]: readonly (readonly Uint8Array<ArrayBuffer>[])[][] = await answered;
    const kiosks = this.laid.kiosks[wanted.group] ?? [];
    return kiosks.map((kiosk, k) => ({ kiosk, envelopes: envelopes?.[k] ?? [] }));
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
