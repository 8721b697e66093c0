/**
 * The key by which this browser proves that a session is its own. A browser writes a cookie to its disk when it likes:
 * a phone whose battery goes half a minute after a log-in has none, and would ask for the password again.
 *
 * Owns: the session's ECDSA key (`extractable: false`) and its count of proofs, which is on the disk before a proof is
 * made: a count that was sent is never sent again, and one that comes to the cloud twice is a copy's.
 */
import { toBase64Url } from '@tikiwallet/protocol';
import type { SessionProof } from '@tikiwallet/server/contract';
import { dropMeta, putMetaStrictly } from '../store/database.ts';
import type { Database, MetaValues } from '../store/schema.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

export interface OfferedKey {
  /** For the request that opens the session: the uncompressed point, base64url. */
  readonly publicKey: string;
  /** The session was opened with it: on the disk when this resolves. */
  readonly keep: (sessionId: string) => Promise<void>;
}

export class SessionKeys {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async offer(): Promise<OfferedKey> {
    const pair = await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
    const point = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    return {
      publicKey: toBase64Url(point),
      keep: (sessionId) =>
        putMetaStrictly(this.#database, 'sessionKey', { sessionId, privateKey: pair.privateKey, count: 0 }),
    };
  }

  /** Null when there is no session with a key on this phone. */
  async prove(): Promise<SessionProof | null> {
    const transaction = this.#database.transaction('meta', 'readwrite', { durability: 'strict' });
    // `putMeta` and this are the only writers of that name.
    const stored = (await transaction.store.get('sessionKey')) as MetaValues['sessionKey'] | undefined;
    if (stored === undefined) return null;
    const { sessionId, privateKey } = stored;
    const count = stored.count + 1;
    await Promise.all([transaction.store.put({ ...stored, count }, 'sessionKey'), transaction.done]);
    const text = new TextEncoder().encode(`tikiwallet session\n${sessionId}\n${String(count)}`);
    const signature = new Uint8Array(await crypto.subtle.sign(SIGNATURE, privateKey, text));
    return { sessionId, count, signature: toBase64Url(signature) };
  }

  /** The session is over. */
  async forget(): Promise<void> {
    await dropMeta(this.#database, 'sessionKey');
  }
}
