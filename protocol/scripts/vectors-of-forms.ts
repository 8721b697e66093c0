/**
 * What an object may look like before anybody asks what it says: algorithms and headers (R22), signatures of one payment
 * (R23), and the encoding of bytes.
 */
import { concatBytes, fromHex } from '../src/bytes.ts';
import type * as protocol from '../src/index.ts';
import { assemble, malleated, partsOf } from './tamper.ts';
import { given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import type { VectorWorld } from './vector-world.ts';
import { makeRequest } from './vectors-of-objects.ts';
import { certificatesOf, deliveryOf, makePayment } from './vectors-of-payments.ts';

const HEADERS = [
  ['no algorithm', 'a0'],
  ['no header at all', ''],
  ['the algorithm none', 'a10100'],
  ['HS256', 'a10105'],
  ['ES384', 'a1013822'],
  ['ES512', 'a1013823'],
  ['EdDSA', 'a10127'],
  ['ES256K', 'a101382e'],
  ['RS256', 'a101390100'],
  ['the algorithm as text', 'a101654553323536'],
  ['the algorithm in two bytes', 'a1013806'],
  ['an embedded key (jwk)', 'a2012621a10102'],
  ['a certificate chain (x5chain)', 'a2012618214100'],
  ['a certificate by its hash (x5t)', 'a20126182282264100'],
  ['a certificate by its address (x5u)', 'a20126182361'],
  ['a key by its address (jku)', 'a20126636a6b756161'],
  ['a critical header', 'a201260281182a'],
  ['a content type', 'a201260300'],
  ['a key id of three bytes', 'a201260443000000'],
  ['a key id of five bytes', 'a20126044500000000ff'],
  ['a key id before the algorithm', 'a20444000000000126'],
  ['a key id, and one header more', 'a301260444000000000500'],
] as const;

export function formVectors(world: VectorWorld): DraftFile {
  const request = makeRequest(world);
  const payment = makePayment(world, request);
  const parts = partsOf(payment.bytes);
  const order = fromHex('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const [r, s] = [parts.signature.subarray(0, 32), parts.signature.subarray(32)];
  const zero = new Uint8Array(32);
  const bad = (name: string, code: protocol.RefusalCode, bytes: Uint8Array) =>
    invalid(name, 'verifyPaymentObject', code, { payment: bytes });
  const signature = (name: string, value: Uint8Array, code: protocol.RefusalCode) =>
    bad(`R23 ${name}`, code, assemble({ ...parts, signature: value }));
  const cbor = (name: string, code: protocol.RefusalCode, bytes: string) =>
    invalid(`bytes: ${name}`, 'decodeCbor', code, { bytes });
  const good = (name: string, bytes: string) => valid(`bytes: ${name}`, 'decodeCbor', { bytes });
  return {
    description: 'Headers and algorithms (R22), the signatures of one payment (R23), encodings of bytes.',
    page: '01-encoding.md',
    context: given(certificatesOf(world)),
    valid: [
      valid('R23 a signature (r, s)', 'verifyPaymentObject', { payment: payment.bytes }),
      valid('R23 the signature (r, n - s): the same hash', 'verifyPaymentObject', {
        payment: malleated(payment.bytes),
      }),
      valid('R23 a delivery of the one', 'decodeDelivery', {
        delivery: deliveryOf(payment.bytes, world.allowance),
      }),
      good('an integer of 2^53 - 1', '1b001fffffffffffff'),
      good('an integer of 2^64 - 1', '1bffffffffffffffff'),
      good('text of two code points that look like one (NFD)', '6365cc81'),
      good('text with a mark of writing direction', '65e280ae4142'),
      good('text with a zero byte', '63610062'),
      good('text with a byte order mark inside', '6461efbbbf'),
      good('text beyond the first plane', '64f09f9982'),
      good('the empty map of a header', 'a0'),
      good('2,048 bytes', `5907fd${'00'.repeat(2_045)}`),
    ],
    invalid: [
      ...HEADERS.map(([name, header]) =>
        bad(`R22 ${name}`, 'algorithm_not_allowed', assemble({ ...parts, protectedHeader: fromHex(header) })),
      ),
      ...(
        [
          ['an algorithm', 'a10126', 'message_malformed'],
          ['a key', 'a121a10102', 'message_malformed'],
          ['an array', '80', 'algorithm_not_allowed'],
          ['null', 'f6', 'algorithm_not_allowed'],
        ] as const
      ).map(([name, unprotected, code]) =>
        bad(
          `R22 ${name} in the unprotected header`,
          code,
          assemble({ ...parts, unprotected: fromHex(unprotected) }),
        ),
      ),
      ...[0, 63, 65, 96].map((length) =>
        bad(
          `R22 a signature of ${length} bytes`,
          'algorithm_not_allowed',
          assemble({ ...parts, signature: new Uint8Array(length) }),
        ),
      ),
      // 84 43 a10126 a0, then the head of the payload: 58 and one byte of length, written with two.
      bad(
        'a payload whose length has a byte too many',
        'message_malformed',
        concatBytes(
          payment.bytes.subarray(0, 6),
          Uint8Array.of(0x59, 0, parts.payload.length),
          payment.bytes.subarray(8),
        ),
      ),
      bad('a COSE tag in front', 'message_malformed', concatBytes(Uint8Array.of(0xd2), payment.bytes)),
      bad(
        'an array of five',
        'message_malformed',
        concatBytes(Uint8Array.of(0x85), payment.bytes.subarray(1), Uint8Array.of(0)),
      ),
      signature('r and s exchanged', concatBytes(s, r), 'payment_signature_invalid'),
      signature('r of zero', concatBytes(zero, s), 'payment_signature_invalid'),
      signature('s of zero', concatBytes(r, zero), 'payment_signature_invalid'),
      signature('all zero', new Uint8Array(64), 'payment_signature_invalid'),
      signature('r of the group order', concatBytes(order, s), 'payment_signature_invalid'),
      signature('s of the group order', concatBytes(r, order), 'payment_signature_invalid'),
      signature('all ones', new Uint8Array(64).fill(255), 'payment_signature_invalid'),
      cbor('2,049 bytes', 'message_too_large', `5907fe${'00'.repeat(2_046)}`),
      cbor('an integer in three bytes where two do', 'message_malformed', '1900ff'),
      cbor('an integer in five bytes where three do', 'message_malformed', '1a0000ffff'),
      cbor('a text with a long length', 'message_malformed', '780161'),
      cbor('an array with a long length', 'message_malformed', '980100'),
      cbor('an array with a length in three bytes', 'message_malformed', '99000100'),
      cbor('an empty map with a long length', 'message_malformed', 'b800'),
      cbor('an indefinite text', 'message_malformed', '7f6161ff'),
      cbor('an indefinite map', 'message_malformed', 'bfff'),
      cbor('an indefinite array within an array', 'message_malformed', '819f00ff'),
      cbor('a break alone', 'message_malformed', 'ff'),
      cbor('a map with an array for its key', 'message_malformed', 'a1810000'),
      cbor('a map with a map for its key', 'message_malformed', 'a1a000'),
      cbor('a map within an array', 'message_malformed', '81a10000'),
      cbor('an array that announces 2^32 items', 'message_malformed', '9a0000000100000000'),
      cbor('a text that announces more than comes', 'message_malformed', '656162'),
      cbor('a negative integer of nine bytes', 'message_malformed', '3bffffffffffffffff'),
      cbor('a simple value of one byte', 'message_malformed', 'f0'),
      cbor('a simple value of two bytes', 'message_malformed', 'f8ff'),
      cbor('not a number', 'message_malformed', 'f97e00'),
      cbor('infinity', 'message_malformed', 'f97c00'),
      cbor('a fraction in nine bytes', 'message_malformed', 'fb3fb999999999999a'),
      cbor('a float of zero', 'object_not_canonical', 'f90000'),
      cbor('a float of minus zero', 'object_not_canonical', 'f98000'),
      cbor('a float of a whole number, in five bytes', 'object_not_canonical', 'fa47c35000'),
      cbor('a float below zero', 'message_malformed', 'f9bc00'),
      cbor('a float above 2^53', 'message_malformed', 'fb7e37e43c8800759c'),
      cbor('a big number tag', 'message_malformed', 'c249010000000000000000'),
      cbor('a date tag', 'message_malformed', 'c11a514b67b0'),
      cbor('self-described CBOR', 'message_malformed', 'd9d9f700'),
      cbor('a byte order mark before text', 'object_not_canonical', '64efbbbf41'),
      cbor('nothing but a byte order mark', 'object_not_canonical', '63efbbbf'),
      cbor('text of half a surrogate pair', 'object_not_canonical', '63eda080'),
      cbor('text in an overlong form', 'object_not_canonical', '62c080'),
      cbor('text cut within a character', 'object_not_canonical', '61c3'),
      cbor('two items', 'message_malformed', '8000'),
      cbor('a head cut short', 'message_malformed', '19'),
    ],
  };
}
