/**
 * Diagnostic notation (RFC 8949 section 8, embedded CBOR as in RFC 8610 appendix G.3) of the protocol's objects, with
 * the name of each field as a comment. For people: nothing parses it.
 */
import { decodeCbor } from '../src/cbor.ts';
import { toHex } from '../src/bytes.ts';
import { readIssuedObject, type UnverifiedObject } from '../src/cose.ts';
import { attempt } from '../src/index.ts';

/** The fields of each purpose in their order; the names are those of the CDDL in the pages. */
export const FIELD_NAMES: ReadonlyMap<number, readonly string[]> = new Map([
  [1, ['purpose', 'public-key', 'generation', 'uses', 'not-before', 'validity']],
  [
    2,
    [
      'purpose',
      'allowance-id',
      'device-key',
      'currency',
      'cap',
      'per-payment',
      'first-counter',
      'soft-counter-limit',
      'hard-counter-limit',
      'not-before',
      'validity',
      'assurance',
      'standing',
      'masked-phone',
      'phone-commitment',
      'payee-lock',
    ],
  ],
  [
    3,
    [
      'purpose',
      'merchant-id',
      'merchant-name',
      'merchant-phone',
      'kiosk-id',
      'currency',
      'signing-key',
      'sealing-key',
      'per-payment',
      'not-before',
      'validity',
    ],
  ],
  [
    4,
    [
      'purpose',
      'request-id',
      'amount',
      'currency',
      'items-hash',
      'nonce',
      'issued-at',
      'ttl',
      'deny-list-version',
      'addresses',
      'flags',
    ],
  ],
  [5, ['purpose', 'counter', 'amount', 'cumulative', 'previous-link', 'request-hash', 'signed-at']],
  [6, ['purpose', 'payment-hash', 'amount', 'tier', 'sequence', 'journal-hash', 'accepted-at', 'checks']],
  [7, ['purpose', 'sequence', 'previous-hash', 'kind', 'at', 'body']],
  [
    8,
    [
      'purpose',
      'from-sequence',
      'entry-count',
      'sale-count',
      'sale-sum',
      'previous-hash',
      'head-hash',
      'deny-list-version',
      'created-at',
    ],
  ],
  [9, ['purpose', 'kiosk-id', 'batch-hash', 'highest-sequence', 'results', 'issued-at']],
  [
    10,
    [
      'purpose',
      'version',
      'issued-at',
      'policy',
      'issuer-certificates',
      'revoked-issuers',
      'deny-list-version',
      'denied-allowances',
      'denied-kiosks',
    ],
  ],
  [11, ['purpose', 'public-key', 'context', 'occasion']],
  [12, ['purpose', 'last-counter', 'cumulative', 'signed-at']],
  [13, ['purpose', 'allowance-certificate', 'payment', 'phone-salt']],
  [14, ['purpose', 'kiosk-certificate', 'request']],
  [15, ['purpose', 'kiosk-certificate-hash', 'batch', 'entries']],
  [16, ['purpose', 'certificate-reference', 'payment', 'phone-salt']],
  [
    17,
    ['purpose', 'refund-id', 'payment-hash', 'kind', 'amount', 'sequence', 'issued-at', 'ttl', 'addresses'],
  ],
  [18, ['purpose', 'offer-hash', 'signed-at']],
  [
    19,
    ['purpose', 'refund-id', 'payment-hash', 'amount', 'refunded', 'sequence', 'journal-hash', 'refunded-at'],
  ],
  [21, ['purpose', 'kiosk-certificate', 'offer']],
  [
    20,
    [
      'purpose',
      'version',
      'issued-at',
      'policy',
      'issuer-certificates',
      'revoked-issuers',
      'deny-list-version',
      'base-version',
      'added-allowances',
      'removed-allowances',
      'added-kiosks',
      'removed-kiosks',
      'list-hash',
    ],
  ],
  [24, ['purpose', 'issuer-certificate', 'allowance-certificate', 'first', 'second']],
  [26, ['purpose', 'envelopes']],
  [27, ['purpose', 'merchant-id', 'version', 'issued-at', 'currency', 'limits']],
  [28, ['purpose', 'public-key', 'generation', 'issued-at', 'validity']],
  [29, ['purpose', 'key-id', 'kiosk-certificate-hash', 'sealed']],
]);

/** The notation of one encoded object, envelope or plain value, in lines. */
export function diagnose(bytes: Uint8Array): string {
  const object = attempt(() => readIssuedObject(bytes, bytes.length));
  return object.ok ? sign1(object.value, '') : item(decodeCbor(bytes, bytes.length), '');
}

function sign1(object: UnverifiedObject, indent: string): string {
  const { keyId } = object;
  const header = keyId === null ? '{1: -7}' : `{1: -7, 4: h'${toHex(keyId)}'}`;
  const inner = `${indent}  `;
  const payload = item(decodeCbor(object.payload, object.payload.length), inner);
  return [
    '[',
    `${inner}<< ${header} >>, / protected /`,
    `${inner}{}, / unprotected /`,
    `${inner}<< ${payload} >>, / payload /`,
    `${inner}h'${toHex(object.signature)}' / signature /`,
    `${indent}]`,
  ].join('\n');
}

function item(value: unknown, indent: string): string {
  if (value instanceof Uint8Array) return byteString(value, indent);
  if (Array.isArray(value)) return array(value, indent);
  if (typeof value === 'string') return JSON.stringify(value);
  return String(value);
}

/** A byte string that holds an object or a journal entry is shown as what it holds. */
function byteString(bytes: Uint8Array, indent: string): string {
  const object = attempt(() => readIssuedObject(bytes, bytes.length));
  if (object.ok) return `<< ${sign1(object.value, indent)} >>`;
  const embedded = attempt(() => decodeCbor(bytes, bytes.length));
  const isEntry =
    embedded.ok && Array.isArray(embedded.value) && embedded.value[0] === 7 && embedded.value.length === 6;
  return isEntry ? `<< ${item(embedded.value, indent)} >>` : `h'${toHex(bytes)}'`;
}

function array(values: readonly unknown[], indent: string): string {
  const names = typeof values[0] === 'number' ? FIELD_NAMES.get(values[0]) : undefined;
  const isNamed = names !== undefined && names.length === values.length;
  const isPlain = values.every((value) => typeof value !== 'object' || value === null);
  if (isPlain && !isNamed) return `[${values.map((value) => item(value, indent)).join(', ')}]`;
  const inner = `${indent}  `;
  const lines = values.map((value, index) => {
    const comma = index === values.length - 1 ? '' : ',';
    return `${inner}${item(value, inner)}${comma}${isNamed ? ` / ${names[index] ?? ''} /` : ''}`;
  });
  return `[\n${lines.join('\n')}\n${indent}]`;
}
