/**
 * The phone's device key: made here, used here, never readable by anyone. The only room that touches private keys.
 *
 * Owns: ECDSA P-256 keys of WebCrypto, `extractable: false`, kept as CryptoKey objects in IndexedDB. Never: exports a
 * private key, signs anything but what protocol steps ask for, or hands a key object to another room.
 */
import { compressPoint, toHex, type AsyncSigner } from '@tikiwallet/protocol';
import type { Database } from '../store/schema.ts';

export interface DeviceKey {
  readonly id: string;
  /** 33-byte compressed P-256 point. */
  readonly publicKey: Uint8Array;
  readonly sign: AsyncSigner;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

function signerOf(privateKey: CryptoKey, subtle: SubtleCrypto): AsyncSigner {
  return async (data) => new Uint8Array(await subtle.sign(SIGNATURE, privateKey, new Uint8Array(data)));
}

export interface KeyOwner {
  readonly userId: string;
  readonly epoch: number;
}

/** Makes a key and has it on disk before it answers: a certificate for a key that is gone would lock money up. */
async function createDeviceKey(
  database: Database,
  owner: KeyOwner,
  subtle: SubtleCrypto,
): Promise<DeviceKey> {
  const pair = await subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
  const publicKey = compressPoint(new Uint8Array(await subtle.exportKey('raw', pair.publicKey)));
  const id = toHex(publicKey);
  const transaction = database.transaction('keys', 'readwrite', { durability: 'strict' });
  await Promise.all([
    transaction.store.add({ id, ...owner, privateKey: pair.privateKey, publicKey, createdAtMs: Date.now() }),
    transaction.done,
  ]);
  return { id, publicKey, sign: signerOf(pair.privateKey, subtle) };
}

/** The key of this person in this epoch; made when there is none. */
export async function ensureDeviceKey(
  database: Database,
  owner: KeyOwner,
  subtle: SubtleCrypto = crypto.subtle,
): Promise<DeviceKey> {
  const keys = await database.getAllFromIndex('keys', 'userId', owner.userId);
  const known = keys.find((key) => key.epoch === owner.epoch);
  if (known === undefined) return await createDeviceKey(database, owner, subtle);
  return { id: known.id, publicKey: known.publicKey, sign: signerOf(known.privateKey, subtle) };
}

/** Undefined when this phone does not hold the key: its storage was cleared, or the key was made elsewhere. */
export async function openDeviceKey(
  database: Database,
  id: string,
  subtle: SubtleCrypto = crypto.subtle,
): Promise<DeviceKey | undefined> {
  const stored = await database.get('keys', id);
  if (stored === undefined) return undefined;
  return { id, publicKey: stored.publicKey, sign: signerOf(stored.privateKey, subtle) };
}
