/**
 * The key to which kiosks seal their batches, so that nobody between a till and this server reads them (protocol page 15): made, signed
 * for kiosks, rotated, and what was sealed opened.
 *
 * Owns: the keys of this purpose in `server_keys`: the current one and those before that still open. Never: opens by a key that was taken back, or
 * answers why something does not open.
 */
import {
  type HeldSealingKey,
  keyIdOf,
  type Result,
  signCloudSealingKey,
  toBase64Url,
} from '@tikiwallet/protocol';
import { generateKeyPair, loadPrivateKey, settlementOpener } from '@tikiwallet/protocol/node';
import type { Clock } from '../clock.ts';
import type { Db } from '../db/client.ts';
import {
  forgetServerKeys,
  type KeyMaterial,
  rotateServerKey,
  serverKey,
  serverKeys,
} from '../db/server-keys.ts';
import { problem } from '../http/problem.ts';
import type { SignedBundle } from './bundle.ts';
import type { Trust } from './index.ts';
import { must } from './protocol-run.ts';

const PURPOSE = 'settlement_sealing';
const DAY_SECONDS = 24 * 3600;
/** As long as the usual policy lets a kiosk be without contact; signed anew with every bundle. */
const VALID_SECONDS = 14 * DAY_SECONDS;
/** A former key opens as long as it was offered for, with a day for clocks and for processes that had not noticed. */
const FORMER_OPENS_MS = (VALID_SECONDS + DAY_SECONDS) * 1000;
/** Another process may have rotated. A key that is not known here is looked for at once. */
const REMEMBERED_MS = 30_000;

interface HeldKey extends HeldSealingKey {
  readonly publicKey: Uint8Array;
  readonly generation: number;
}

interface Held {
  /** Null: kiosks were never offered one, and are not now. */
  readonly current: HeldKey | null;
  readonly open: (sealed: Uint8Array) => Result<Uint8Array>;
  readonly readAtMs: number;
}

export interface SealingKeyParts {
  readonly db: Db;
  readonly clock: Clock;
  /** TIKI_KEYS_SECRET. */
  readonly secret: string | undefined;
}

export class SealingKeys {
  readonly #parts: SealingKeyParts;
  readonly #trust: Pick<Trust, 'issuerKeyId' | 'signAsIssuer'>;
  readonly #isOffered: boolean;
  #held: Held | null = null;
  #signed: { readonly of: string; readonly bytes: Uint8Array } | null = null;

  /** @param isOffered false: kiosks that have a key are told that its time is over; what is sealed is opened all the same */
  constructor(
    parts: SealingKeyParts & {
      readonly trust: Pick<Trust, 'issuerKeyId' | 'signAsIssuer'>;
      readonly isOffered: boolean;
    },
  ) {
    this.#parts = parts;
    this.#trust = parts.trust;
    this.#isOffered = parts.isOffered;
  }

  /**
   * The current key, signed, as a kiosk takes it; null when there is none to speak of. Every process says the same with the same bundle:
   * its moment is the key's as well.
   */
  async offered({ issuedAt: bundleIssuedAt }: Pick<SignedBundle, 'issuedAt'>): Promise<Uint8Array | null> {
    const { current } = await this.#keys();
    if (current === null) return null;
    const issuedAt = Math.floor(bundleIssuedAt.getTime() / 1000);
    const notAfter = issuedAt + (this.#isOffered ? VALID_SECONDS : 1);
    const { publicKey, generation } = current;
    const of = `${toBase64Url(publicKey)} ${generation} ${notAfter}`;
    if (this.#signed?.of !== of) {
      const draft = { publicKey, generation, issuedAt, notAfter };
      const { issuerKeyId, signAsIssuer } = this.#trust;
      this.#signed = { of, bytes: must(signCloudSealingKey(draft, issuerKeyId), signAsIssuer) };
    }
    return this.#signed.bytes;
  }

  /**
   * The envelope that a kiosk sealed. It is believed no more than one that came unsealed.
   * @throws ApiProblem `sealing_key_unknown`, `batch_malformed`
   */
  async open(sealed: Uint8Array): Promise<Uint8Array> {
    const known = await this.#keys();
    let opened = known.open(sealed);
    if (!opened.ok && opened.code === 'sealing_key_unknown') opened = (await this.#read()).open(sealed);
    if (opened.ok) return opened.value;
    if (opened.code === 'sealing_key_unknown') throw problem('sealing_key_unknown');
    throw problem('batch_malformed', { detail: opened.code });
  }

  /**
   * Former keys that open nothing any more: kept, they would open what somebody recorded.
   * @returns how many
   */
  async forgetFormer(): Promise<number> {
    const { db, clock } = this.#parts;
    return forgetServerKeys(db, { purpose: PURPOSE, retiredBefore: openedSince(clock) });
  }

  async #keys(): Promise<Held> {
    const held = this.#held;
    const ageMs = held === null ? 0 : this.#parts.clock.nowMs() - held.readAtMs;
    // A clock that was set back says nothing of how old this is.
    return held !== null && ageMs >= 0 && ageMs < REMEMBERED_MS ? held : this.#read();
  }

  async #read(): Promise<Held> {
    const readAtMs = this.#parts.clock.nowMs();
    let stored = await readKeys(this.#parts);
    // Of one that was taken back kiosks must hear, also where no key is offered: the signed end needs a newer one.
    if (stored.current === null && (this.#isOffered || stored.keys.length > 0)) {
      await this.#make(stored.keys);
      stored = await readKeys(this.#parts);
    }
    this.#held = { current: stored.current, open: settlementOpener(stored.keys), readAtMs };
    return this.#held;
  }

  /** The first that comes makes it, for every process. */
  async #make(former: readonly HeldKey[]): Promise<void> {
    const { db, clock, secret } = this.#parts;
    await serverKey(db, { purpose: PURPOSE, make: () => newMaterial(clock, newestOf(former)), secret });
  }
}

/**
 * A new key from now on. The one before opens what is on its way, for as long as kiosks may seal to it; older ones are deleted.
 * @param leaked true: every former key is deleted now, and what is sealed to one is refused, so that kiosks fetch the new one
 */
export async function rotateSealingKey(
  parts: SealingKeyParts,
  { leaked }: { readonly leaked: boolean },
): Promise<void> {
  const { db, clock, secret } = parts;
  const { keys } = await readKeys(parts);
  const make = () => newMaterial(clock, newestOf(keys));
  const rotation = { now: new Date(clock.nowMs()), keeps: leaked ? 0 : 1 };
  await rotateServerKey(db, { purpose: PURPOSE, make, secret }, rotation);
}

const newestOf = (keys: readonly HeldKey[]) =>
  keys.reduce((highest, { generation }) => Math.max(highest, generation), 0);

/** A generation is the minute that made it: a database that comes back from a backup rotates once, and is ahead of what it forgot. */
function newMaterial(clock: Clock, newest: number): KeyMaterial {
  const generation = Math.max(newest + 1, Math.floor(clock.nowMs() / 60_000));
  return { pem: generateKeyPair().privateKeyPem, generation: String(generation) };
}

const openedSince = (clock: Clock) => new Date(clock.nowMs() - FORMER_OPENS_MS);

/** The current one first, then the former ones while they open. */
async function readKeys({ db, clock, secret }: SealingKeyParts): Promise<{
  readonly current: HeldKey | null;
  readonly keys: readonly HeldKey[];
}> {
  const stored = await serverKeys(db, { purpose: PURPOSE, secret, retiredSince: openedSince(clock) });
  const keys = stored.map(({ material, retiredAt }) => {
    const { publicKey, scalar: privateKey } = loadPrivateKey(material['pem'] ?? '');
    const generation = Number(material['generation']);
    const isCurrent = retiredAt === null;
    return { keyId: must(keyIdOf(publicKey)), publicKey, privateKey, generation, isCurrent };
  });
  return { current: keys.find(({ isCurrent }) => isCurrent) ?? null, keys };
}
