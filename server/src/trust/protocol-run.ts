/** The protocol's rules on this process's primitives: node:crypto, with one cache of imported keys. */
import { runSync, type Result, type Steps, type SyncCrypto, type SyncSigner } from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';

const primitives = nodeCrypto();

/** For what asks for nothing but hashes. */
export const hashing: Pick<SyncCrypto, 'digest'> = primitives;

/** Runs a check of bytes from outside; a refusal is a value. */
export function check<T>(steps: Steps<T>): Result<T> {
  return runSync(steps, primitives);
}

/** Runs steps whose refusal would be our own mistake: making objects, and reading what this server made. */
export function must<T>(steps: Steps<T>, signer?: SyncSigner): T {
  const result = runSync(steps, primitives, signer);
  if (!result.ok) throw new Error(`the protocol refused an object of our own: ${result.code}`);
  return result.value;
}
