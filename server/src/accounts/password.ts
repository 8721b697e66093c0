/**
 * Passwords: argon2id, kept as PHC strings.
 *
 * Owns: the parameters and the check. Never: the key derivation itself, which is node:crypto's.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { problem } from '../http/problem.ts';

const derive = promisify(argon2);

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane; about 45 ms. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const TAG_BYTES = 32;
const SALT_BYTES = 16;

const PHC =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43,86})$/;

const unpadded = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64').replace(/=+$/, '');

/** A PHC string with a fresh salt. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const tag = await tagOf(password, {
    salt,
    memory: MEMORY_KIB,
    passes: PASSES,
    lanes: LANES,
    length: TAG_BYTES,
  });
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(salt)}$${unpadded(tag)}`;
}

/** Compares in constant time. A string that is no PHC string is an error of ours and throws. */
export async function verifyPassword(password: string, phc: string): Promise<boolean> {
  const [, memory = '', passes = '', lanes = '', salt = '', tag = ''] = PHC.exec(phc) ?? [];
  if (tag === '') throw new TypeError('not an argon2id PHC string');
  const expected = Buffer.from(tag, 'base64');
  const found = await tagOf(password, {
    salt: Buffer.from(salt, 'base64'),
    memory: Number.parseInt(memory, 10),
    passes: Number.parseInt(passes, 10),
    lanes: Number.parseInt(lanes, 10),
    length: expected.length,
  });
  return timingSafeEqual(found, expected);
}

interface Argon2Settings {
  readonly salt: Uint8Array;
  readonly memory: number;
  readonly passes: number;
  readonly lanes: number;
  readonly length: number;
}

function tagOf(password: string, settings: Argon2Settings): Promise<Buffer> {
  // One form for letters that keyboards compose differently.
  const message = Buffer.from(password.normalize('NFKC'), 'utf8');
  return derive('argon2id', {
    message,
    nonce: settings.salt,
    parallelism: settings.lanes,
    tagLength: settings.length,
    memory: settings.memory,
    passes: settings.passes,
  });
}

let dummy: Promise<string> | undefined;

/** Costs what a real comparison costs, so that an unknown phone number answers no faster than a known one. */
export async function verifyAgainstNobody(password: string): Promise<void> {
  dummy ??= hashPassword(randomBytes(16).toString('base64'));
  await verifyPassword(password, await dummy);
}

/**
 * Refuses what an attacker tries first. Length is the contract's; this is about obviousness.
 * @throws ApiProblem `password_too_weak`
 */
export function assertPasswordFit(password: string, person: { phone: string; username: string }): void {
  const plain = password.normalize('NFKC').toLowerCase();
  const digits = person.phone.replace(/\D/g, '');
  const isDigitsOfPhone = /^\d+$/.test(plain) && digits.includes(plain);
  const isOneCharacter = new Set(Array.from(plain)).size < 3;
  const isName = plain.replaceAll(/\d/g, '') === person.username.toLowerCase();
  if (isDigitsOfPhone || isOneCharacter || isName || COMMON.has(plain)) throw problem('password_too_weak');
}

/** The most used passwords of eight characters and more in published breaches. */
const COMMON: ReadonlySet<string> = new Set(
  `password password1 password12 password123 12345678 123456789 1234567890 12345678910 123123123 987654321 0123456789
  qwertyuiop qwerty123 qwerty12345 1q2w3e4r 1q2w3e4r5t 1qaz2wsx iloveyou iloveyou1 sunshine princess football
  baseball superman starwars letmein1 welcome1 welcome123 admin123 administrator trustno1 whatever abcd1234 abc12345
  p@ssw0rd passw0rd changeme q1w2e3r4 11111111 00000000 88888888 66666666 11223344 12341234 asdfghjkl zxcvbnm123
  michelle jennifer jordan23 computer internet samsung1 tikiwallet`.split(/\s+/),
);
