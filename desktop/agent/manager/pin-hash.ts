/**
 * What is kept instead of a PIN: Argon2id over it and a salt, slow and large on purpose, because a million PINs are
 * few. Pure but for the processor's time, and off the main thread. Never logs, keeps or returns the PIN itself.
 */
import { argon2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const hashWith = promisify(argon2);

/** About a tenth of a second and 64 MiB on a small till; the recommendation of RFC 9106 for less memory. */
const COST = { parallelism: 4, tagLength: 32, memory: 64 * 1024, passes: 3 } as const;
const SALT_BYTES = 16;

export function newSalt(): Uint8Array {
  return new Uint8Array(randomBytes(SALT_BYTES));
}

export async function hashPin(pin: string, salt: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await hashWith('argon2id', { message: pin, nonce: salt, ...COST }));
}

/** What a thief tries first: one digit, runs up or down, halves that repeat. */
export function isWeakPin(pin: string): boolean {
  const steps = new Set<number>();
  for (let index = 1; index < pin.length; index += 1) {
    steps.add((Number(pin[index]) - Number(pin[index - 1]) + 10) % 10);
  }
  const isRun = steps.size === 1 && [0, 1, 9].some((step) => steps.has(step));
  return isRun || new Set(pin).size === 1 || /^(\d{1,3})\1+$/.test(pin);
}
