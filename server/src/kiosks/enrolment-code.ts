/**
 * The eight characters that a merchant reads from one screen and types on another. Pure but for randomness.
 *
 * 40 bits for half an hour, sixty tries per address in ten minutes: guessing is out of reach, and the code is kept in
 * clear while it is valid because the merchant's screen must show it again. A stolen database is worth half an hour
 * of enrolling as a kiosk that the merchant sees appear; after use the code opens nothing but the same keys.
 */
import { createHash, randomInt } from 'node:crypto';

/** Without 0 and O, 1 and I. */
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const LENGTH = 8;
const SHAPE = new RegExp(`^[${ALPHABET}]{${LENGTH}}$`);

export function makeCode(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
}

/** What a person typed, in upper case without its dash or spaces; null when it cannot be a code. */
export function readCode(typed: string): string | null {
  const code = typed.replace(/[\s-]/g, '').toUpperCase();
  return SHAPE.test(code) ? code : null;
}

/** `ABCD-EFGH` */
export function showCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}

export function hashCode(code: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(`tikiwallet enrolment\n${code}`).digest());
}
