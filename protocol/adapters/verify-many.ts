/**
 * Many ES256 signatures in one call, packed: by an addon over the OpenSSL that Node has, or by node:crypto where there is
 * none. Both say the same of every check; the addon makes no key object, and most of one costs as much as a verification.
 *
 * Owns: the packed form, and which of the two verifies. Never: says that a signature is good which node:crypto refuses.
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { nodeCrypto, publicKeyOf } from './node-crypto.ts';

export interface SignatureCheck {
  /** 33-byte compressed point. */
  readonly publicKey: Uint8Array;
  readonly data: Uint8Array;
  /** 64 bytes r || s. */
  readonly signature: Uint8Array;
}

export interface PackedChecks {
  readonly count: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** @returns a 1 or a 0 for each check, in their order; any bad input is a 0. */
export type VerifyMany = (packed: PackedChecks) => Uint8Array<ArrayBuffer>;

export interface SignatureAddon {
  /** @param rememberedKeys public keys whose points it keeps, 65 bytes each. */
  readonly open: (rememberedKeys: number) => (packed: Uint8Array, verdicts: Uint8Array) => boolean;
}

/** Why there is no addon: a sentence's end. */
export type NoAddon = 'was not built' | 'does not load into this Node' | 'failed its own test';

const ADDON_FILE = join(import.meta.dirname, '..', 'build', 'Release', 'signatures.node');

/** @param file another one is for tests. */
export function loadSignatureAddon(file: string = ADDON_FILE): SignatureAddon | NoAddon {
  if (!existsSync(file)) return 'was not built';
  const loaded = load(file);
  if (!isAddon(loaded)) return 'does not load into this Node';
  return judgesRightly(loaded) ? loaded : 'failed its own test';
}

function load(file: string): unknown {
  try {
    return createRequire(import.meta.url)(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_DLOPEN_FAILED') return undefined;
    throw error;
  }
}

function isAddon(value: unknown): value is SignatureAddon {
  return typeof value === 'object' && value !== null && 'open' in value && typeof value.open === 'function';
}

/** Another OpenSSL than it was built for may be here, or one without the curve: then node:crypto does its work. */
function judgesRightly(addon: SignatureAddon): boolean {
  try {
    return passesTest(addon);
  } catch {
    return false;
  }
}

/** A good signature and bad ones, made just now. */
function passesTest(addon: SignatureAddon): boolean {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const publicKey = publicKeyOf(privateKey);
  const data = new TextEncoder().encode('one of three');
  const signature = new Uint8Array(sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }));
  const altered = signature.with(40, (signature[40] ?? 0) ^ 1);
  const verify = verifyByAddon(addon, 1);
  const verdicts = verify(
    packChecks([
      { publicKey, data, signature },
      { publicKey, data, signature: altered },
      { publicKey, data: data.with(0, 0), signature },
    ]),
  );
  return verdicts.join() === '1,0,0';
}

export function verifyByAddon(addon: SignatureAddon, rememberedKeys: number): VerifyMany {
  const verify = addon.open(rememberedKeys);
  return ({ count, bytes }) => {
    const verdicts = new Uint8Array(count);
    if (!verify(bytes, verdicts)) throw new TypeError('these bytes are not that many checks');
    return verdicts;
  };
}

/** @param rememberedKeys 0: a key is imported once a call. */
export function verifyByNodeCrypto(rememberedKeys: number): VerifyMany {
  const remembering = rememberedKeys === 0 ? null : nodeCrypto(rememberedKeys);
  return (packed) => {
    // Who remembers nothing still imports a key once a call: certificates have their issuer's in common.
    const primitives = remembering ?? nodeCrypto();
    return Uint8Array.from(unpackChecks(packed), ({ publicKey, data, signature }) =>
      primitives.verify(publicKey, data, signature) ? 1 : 0,
    );
  };
}

const LENGTHS_BYTES = 12;

/** Each check as three lengths (32 bits, big-endian) and three strings of bytes, one after the other. */
export function packChecks(checks: readonly SignatureCheck[]): PackedChecks {
  let size = 0;
  for (const { publicKey, data, signature } of checks)
    size += LENGTHS_BYTES + publicKey.length + data.length + signature.length;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { publicKey, data, signature } of checks) {
    view.setUint32(at, publicKey.length);
    view.setUint32(at + 4, data.length);
    view.setUint32(at + 8, signature.length);
    bytes.set(publicKey, at + LENGTHS_BYTES);
    bytes.set(data, at + LENGTHS_BYTES + publicKey.length);
    at += LENGTHS_BYTES + publicKey.length + data.length + signature.length;
    bytes.set(signature, at - signature.length);
  }
  return { count: checks.length, bytes };
}

/** @throws TypeError when the bytes are not that many checks. */
export function unpackChecks({ count, bytes }: PackedChecks): readonly SignatureCheck[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new TypeError('these bytes are fewer checks');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const checks = Array.from({ length: count }, (): SignatureCheck => {
    const lengths = at;
    take(LENGTHS_BYTES);
    return {
      publicKey: take(view.getUint32(lengths)),
      data: take(view.getUint32(lengths + 4)),
      signature: take(view.getUint32(lengths + 8)),
    };
  });
  if (at !== bytes.length) throw new TypeError('these bytes are more checks');
  return checks;
}
