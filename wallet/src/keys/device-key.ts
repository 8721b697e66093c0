/**
 * The phone's device keys: made here, used here, never readable by anyone. The only room that touches private keys.
 *
 * Owns: ECDSA P-256 keys of WebCrypto in IndexedDB. One lies there ready to sign small change (`open`, a CryptoKey with
 * `extractable: false`), one as ciphertext that the PIN opens (`pin`, vault.ts). Never: exports a private key, signs
 * anything but what protocol steps ask for, or hands a key object to another room.
 */
import { compressPoint, toHex, type AsyncSigner } from '@tikiwallet/protocol';
import { WalletError } from '../pay/codes.ts';
import type { Database, KeyGuard, StoredKey } from '../store/schema.ts';
import { makeSealedSigningKey, openSigningKey } from './vault-crypto.ts';

export interface DeviceKey {
  readonly id: string;
  /** 33-byte compressed P-256 point. */
  readonly publicKey: Uint8Array;
  readonly sign: AsyncSigner;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

function signerOf(privateKey: CryptoKey): AsyncSigner {
  return async (data) =>
    new Uint8Array(await crypto.subtle.sign(SIGNATURE, privateKey, new Uint8Array(data)));
}

/** Gives the vault's master key, or throws {@link WalletError} `unlock_needed`. */
export type OpenVault = () => CryptoKey;

/** For who has no vault: whatever the PIN guards stays shut. */
export const shutVault: OpenVault = () => {
  throw new WalletError('unlock_needed');
};

export interface KeyOwner {
  readonly userId: string;
  readonly epoch: number;
  readonly guard: KeyGuard;
}

async function makeKey(
  owner: KeyOwner,
  openVault: OpenVault,
): Promise<{ stored: StoredKey; privateKey: CryptoKey }> {
  const createdAtMs = Date.now();
  const { userId, epoch, guard } = owner;
  if (guard === 'pin') {
    const master = openVault();
    const { sealed, rawPublicKey } = await makeSealedSigningKey(master);
    const publicKey = compressPoint(rawPublicKey);
    const privateKey = await openSigningKey(sealed, master);
    return {
      stored: { id: toHex(publicKey), userId, epoch, guard, sealed, publicKey, createdAtMs },
      privateKey,
    };
  }
  const pair = await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
  const publicKey = compressPoint(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
  const { privateKey } = pair;
  return {
    stored: { id: toHex(publicKey), userId, epoch, guard, privateKey, publicKey, createdAtMs },
    privateKey,
  };
}

/** Makes a key and has it on disk before it answers: a certificate for a key that is gone would lock money up. */
async function createDeviceKey(
  database: Database,
  owner: KeyOwner,
  openVault: OpenVault,
): Promise<DeviceKey> {
  const { stored, privateKey } = await makeKey(owner, openVault);
  const transaction = database.transaction('keys', 'readwrite', { durability: 'strict' });
  await Promise.all([transaction.store.add(stored), transaction.done]);
  return { id: stored.id, publicKey: stored.publicKey, sign: signerOf(privateKey) };
}

async function open(stored: StoredKey, openVault: OpenVault): Promise<DeviceKey> {
  const privateKey =
    stored.guard === 'pin' ? await openSigningKey(stored.sealed, openVault()) : stored.privateKey;
  return { id: stored.id, publicKey: stored.publicKey, sign: signerOf(privateKey) };
}

/** The key of this person in this epoch under this guard; made when there is none. @throws WalletError */
export async function ensureDeviceKey(
  database: Database,
  owner: KeyOwner,
  openVault: OpenVault = shutVault,
): Promise<DeviceKey> {
  const keys = await database.getAllFromIndex('keys', 'userId', owner.userId);
  const known = keys.find((key) => key.epoch === owner.epoch && key.guard === owner.guard);
  return known === undefined
    ? await createDeviceKey(database, owner, openVault)
    : await open(known, openVault);
}

/**
 * Undefined when this phone does not hold the key: its storage was cleared, or the key was made elsewhere.
 * @throws WalletError `unlock_needed`
 */
export async function openDeviceKey(
  database: Database,
  id: string,
  openVault: OpenVault = shutVault,
): Promise<DeviceKey | undefined> {
  const stored = await database.get('keys', id);
  return stored === undefined ? undefined : await open(stored, openVault);
}
