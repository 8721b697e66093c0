// How messages travel (pages 13 and 15): the text of a QR code, and HPKE (RFC 9180, base mode, single shot) written out
// from the RFC over node:crypto.

import { createDecipheriv, createECDH, createHmac } from 'node:crypto';
import { encode } from 'cbor2';
import { fromHex, type Hex } from './fields.ts';
import { limits } from './limits.ts';
import { demand, refuse } from './refusal.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
const prefixes = {
  request: 'TIKI1:R:',
  delivery: 'TIKI1:P:',
  sealedDelivery: 'TIKI1:S:',
  receipt: 'TIKI1:C:',
  refundOffer: 'TIKI1:B:',
  refundAcceptance: 'TIKI1:A:',
  refundReceipt: 'TIKI1:D:',
} as const;
export type QrContent = keyof typeof prefixes;

export function decodeQr(content: QrContent, text: string): Hex {
  const prefix = prefixes[content];
  const most = limits.MAX_ENVELOPE_BYTES + (content === 'sealedDelivery' ? limits.SEAL_BYTES : 0);
  demand(text.length <= prefix.length + Math.ceil((most * 3) / 2), 'message_too_large');
  demand(text.startsWith(prefix), 'message_malformed');
  return decodeBase45(text.slice(prefix.length));
}

export function decodeBase45(text: string): Hex {
  demand(text.length % 3 !== 1, 'message_malformed');
  let hex = '';
  for (let at = 0; at < text.length; at += 3) {
    const digits = [...text.slice(at, at + 3)].map((character) => alphabet.indexOf(character));
    demand(!digits.includes(-1), 'message_malformed');
    const value = digits.reduceRight((sum, digit) => sum * 45 + digit, 0);
    const bytes = digits.length - 1;
    demand(value < 256 ** bytes, 'message_malformed');
    hex += value.toString(16).padStart(2 * bytes, '0');
  }
  return hex;
}

const encBytes = 65;
const tagBytes = 16;
const kemSuite = Buffer.from('KEM\0\x10');
const hpkeSuite = Buffer.from('HPKE\0\x10\0\x01\0\x01');
const nothing = Buffer.alloc(0);

export function openSealed(sealed: Hex, privateKey: Hex, kioskCertificateHash: Hex): Hex {
  const bytes = Buffer.from(sealed, 'hex');
  const most = limits.MAX_ENVELOPE_BYTES + encBytes + tagBytes;
  demand(bytes.length <= most, 'message_too_large');
  const info = Buffer.from(encode(['tiki-delivery', fromHex(kioskCertificateHash)]));
  return openHpke(bytes, privateKey, { info, aad: nothing });
}

/** What it is bound to, beside the recipient's key. */
type Binding = { readonly info: Buffer; readonly aad: Buffer };

export function openHpke(bytes: Buffer, privateKey: Hex, { info, aad }: Binding): Hex {
  const uncompressed = 4;
  demand(bytes.length >= encBytes + tagBytes && bytes[0] === uncompressed, 'sealed_message_unreadable');
  try {
    const { key, nonce } = keySchedule(sharedSecret(bytes.subarray(0, encBytes), privateKey), info);
    const decipher = createDecipheriv('aes-128-gcm', key, nonce);
    decipher.setAAD(aad);
    decipher.setAuthTag(bytes.subarray(-tagBytes));
    const plain = decipher.update(bytes.subarray(encBytes, -tagBytes));
    return Buffer.concat([plain, decipher.final()]).toString('hex');
  } catch (_damaged) {
    return refuse('sealed_message_unreadable');
  }
}

function sharedSecret(enc: Buffer, privateKey: Hex): Buffer {
  const recipient = createECDH('prime256v1');
  recipient.setPrivateKey(privateKey, 'hex');
  const extracted = extract(kemSuite, nothing, 'eae_prk', recipient.computeSecret(enc));
  const kemContext = Buffer.concat([enc, recipient.getPublicKey()]);
  return expand(kemSuite, extracted, 'shared_secret', kemContext, 32);
}

function keySchedule(shared: Buffer, info: Buffer): { readonly key: Buffer; readonly nonce: Buffer } {
  const baseMode = Buffer.of(0);
  const pskIdHash = extract(hpkeSuite, nothing, 'psk_id_hash', nothing);
  const context = Buffer.concat([baseMode, pskIdHash, extract(hpkeSuite, nothing, 'info_hash', info)]);
  const secret = extract(hpkeSuite, shared, 'secret', nothing);
  return {
    key: expand(hpkeSuite, secret, 'key', context, 16),
    nonce: expand(hpkeSuite, secret, 'base_nonce', context, 12),
  };
}

function extract(suite: Buffer, salt: Buffer, label: string, input: Buffer): Buffer {
  return createHmac('sha256', salt).update('HPKE-v1').update(suite).update(label).update(input).digest();
}

/** One block of HKDF-Expand is enough: nothing here is longer than a SHA-256. */
function expand(suite: Buffer, secret: Buffer, label: string, info: Buffer, length: number): Buffer {
  const hmac = createHmac('sha256', secret).update(Buffer.of(0, length)).update('HPKE-v1').update(suite);
  return hmac.update(label).update(info).update(Buffer.of(1)).digest().subarray(0, length);
}
