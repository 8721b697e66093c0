/** Vectors of single objects: encoding, keys and certificates, trust bundle, request, payment, identity. */
import { concatBytes, fromHex } from '../src/bytes.ts';
import type { CborValue } from '../src/cbor.ts';
import * as protocol from '../src/index.ts';
import { assemble, fieldsOf, itemsOf, malleated, partsOf, resigned, withFields } from './tamper.ts';
import { encodeCbor } from '../src/cbor.ts';
import type { Vector } from './vector.ts';
import { FIELD_NAMES } from './diagnostic.ts';
import { byteStringOf, everyFieldChanged, given, invalid, valid, type DraftFile } from './vector-drafts.ts';
import { id, NOW, PHONE, PHONE_SALT, type VectorWorld } from './vector-world.ts';

const namesOf = (purpose: number) => FIELD_NAMES.get(purpose) ?? [];

export function encodingVectors(world: VectorWorld): DraftFile {
  const cbor = (name: string, code: protocol.RefusalCode, bytes: string) =>
    invalid(name, 'decodeCbor', code, { bytes });
  const text = (name: string, value: string) =>
    invalid(name, 'decodeBase45', 'message_malformed', { text: value });
  return {
    description: 'Bytes before meaning: deterministic CBOR, Base45, QR texts, compressed points.',
    page: '01-encoding.md',
    context: {},
    valid: [
      ...[
        '00',
        '17',
        '1818',
        '190100',
        '1a00010000',
        '1b0000000100000000',
        '40',
        '4101',
        '60',
        '6161',
        '80',
        '83010203',
        'f4',
        'f5',
        'f6',
      ].map((bytes) => valid(`the value ${bytes}`, 'decodeCbor', { bytes })),
      valid('arrays eight deep', 'decodeCbor', { bytes: `${'81'.repeat(7)}80` }),
      valid('RFC 9285: AB', 'decodeBase45', { text: 'BB8' }),
      valid('RFC 9285: Hello!!', 'decodeBase45', { text: '%69 VD92EX0' }),
      valid('RFC 9285: base-45', 'decodeBase45', { text: 'UJCLQE7W581' }),
      valid('the text of a request', 'decodeQr', {
        content: 'request',
        text: protocol.toQrText('request', Uint8Array.of(1, 2, 3)),
      }),
      valid('the text of a sealed delivery', 'decodeQr', {
        content: 'sealedDelivery',
        text: protocol.toQrText('sealedDelivery', Uint8Array.of(1, 2, 3)),
      }),
      valid('a point of the curve', 'decompressPoint', { point: world.phone.publicKey }),
      valid('the other parity', 'decompressPoint', { point: world.issuer.publicKey }),
    ],
    invalid: [
      cbor('an integer in two bytes where one does', 'message_malformed', '1817'),
      cbor('an integer in nine bytes where five do', 'message_malformed', '1b00000000ffffffff'),
      cbor('a byte string with a long length', 'message_malformed', '580101'),
      cbor('an indefinite array', 'message_malformed', '9f00ff'),
      cbor('an indefinite byte string', 'message_malformed', '5f4100ff'),
      cbor('a negative integer', 'message_malformed', '20'),
      cbor('a half float', 'message_malformed', 'f93e00'),
      cbor('a float that is a whole number', 'object_not_canonical', 'f93c00'),
      cbor('a tag', 'message_malformed', 'c000'),
      cbor('undefined', 'message_malformed', 'f7'),
      cbor('a map with an entry', 'message_malformed', 'a10102'),
      cbor('a map with a key twice', 'message_malformed', 'a201010101'),
      cbor('a map with two array keys', 'message_malformed', 'a28000810000'),
      cbor('text that is not UTF-8', 'object_not_canonical', '61ff'),
      cbor('a byte string that announces 2^64 - 1 bytes', 'message_malformed', '5bffffffffffffffff'),
      cbor('trailing bytes', 'message_malformed', '0000'),
      cbor('a cut array', 'message_malformed', '8200'),
      cbor('nothing', 'message_malformed', ''),
      cbor('arrays nine deep', 'message_malformed', `${'81'.repeat(8)}80`),
      text('a remainder of one', 'BB8A'),
      text('lower case', 'bb8'),
      text('a triple above 65535', 'GGW'),
      text('a pair above 255', '::'),
      invalid('a delivery where a request belongs', 'decodeQr', 'message_malformed', {
        content: 'request',
        text: 'TIKI1:P:BB8',
      }),
      invalid('a sealed delivery where an open one belongs', 'decodeQr', 'message_malformed', {
        content: 'delivery',
        text: 'TIKI1:S:BB8',
      }),
      invalid('an address of the web', 'decodeQr', 'message_malformed', {
        content: 'request',
        text: 'https://example.org',
      }),
      invalid('an x without a y', 'decompressPoint', 'field_out_of_range', { point: `02${'0'.repeat(63)}1` }),
      invalid('an x above the field', 'decompressPoint', 'field_out_of_range', {
        point: `02${'f'.repeat(64)}`,
      }),
      invalid('an uncompressed point', 'decompressPoint', 'field_out_of_range', {
        point: `04${'0'.repeat(128)}`,
      }),
    ],
  };
}

export function certificateVectors(world: VectorWorld): DraftFile {
  const [issuerCertificate = new Uint8Array(0)] = world.issuerCertificates;
  const { allowance, kiosk, issuer, stranger } = world;
  const sealed = (bytes: Uint8Array) => ({ certificate: bytes });
  const reissued = (bytes: Uint8Array, index: number, value: CborValue) =>
    sealed(resigned(bytes, fieldsOf(bytes).with(index, value), issuer));
  const bySomeoneElse = (bytes: Uint8Array) =>
    sealed(
      resigned(bytes, fieldsOf(bytes), { ...stranger, protectedHeader: partsOf(bytes).protectedHeader }),
    );
  const withHeader = (header: string) =>
    sealed(assemble({ ...partsOf(allowance.bytes), protectedHeader: fromHex(header) }));
  const allow = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(`allowance certificate: ${name}`, 'verifyAllowanceCertificate', code, input);
  const shop = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(`kiosk certificate: ${name}`, 'verifyKioskCertificate', code, input);
  const root = (name: string, code: protocol.RefusalCode, index: number, value: CborValue) =>
    invalid(
      `issuer certificate: ${name}`,
      'verifyIssuerCertificate',
      code,
      sealed(resigned(issuerCertificate, fieldsOf(issuerCertificate).with(index, value), world.root)),
    );
  const dates = { notBefore: NOW, notAfter: NOW + 1_000 };
  /** All uses and one more is a use that nobody knows. */
  const unlike: Readonly<Record<string, protocol.RefusalCode>> = {
    'uses changed': 'field_out_of_range',
    // A null becomes bytes, which no lock is.
    'payee-lock changed': 'message_malformed',
  };
  const changedFields = (operation: string, what: string, bytes: Uint8Array, purpose: number) =>
    everyFieldChanged(bytes, namesOf(purpose), (name, tampered, index) =>
      invalid(
        `${what}: ${name}`,
        operation,
        index === 0 ? 'object_has_wrong_purpose' : (unlike[name] ?? 'certificate_signature_invalid'),
        sealed(tampered),
      ),
    );
  return {
    description: 'Issuer, allowance and kiosk certificates; dates against trusted time.',
    page: '02-keys-and-certificates.md',
    context: given({ rootPublicKey: world.root.publicKey, issuerCertificates: world.issuerCertificates }),
    valid: [
      valid('issuer certificate', 'verifyIssuerCertificate', sealed(issuerCertificate), issuerCertificate),
      valid('allowance certificate', 'verifyAllowanceCertificate', sealed(allowance.bytes), allowance.bytes),
      valid(
        'allowance certificate with a payee lock on a kiosk',
        'verifyAllowanceCertificate',
        sealed(world.lockedAllowance.bytes),
      ),
      valid(
        'allowance certificate with a payee lock on a merchant',
        'verifyAllowanceCertificate',
        sealed(world.merchantAllowance.bytes),
      ),
      valid(
        'allowance certificate with a malleated signature: the same hash',
        'verifyAllowanceCertificate',
        sealed(malleated(allowance.bytes)),
      ),
      valid('kiosk certificate', 'verifyKioskCertificate', sealed(kiosk.bytes), kiosk.bytes),
      valid('dates: 300 seconds before not-before', 'checkValidity', { ...dates, nowSeconds: NOW - 300 }),
      valid('dates: the last second', 'checkValidity', { ...dates, nowSeconds: NOW + 999 }),
    ],
    invalid: [
      invalid('dates: 301 seconds before not-before', 'checkValidity', 'certificate_not_yet_valid', {
        ...dates,
        nowSeconds: NOW - 301,
      }),
      invalid('dates: at not-after', 'checkValidity', 'certificate_expired', {
        ...dates,
        nowSeconds: NOW + 1_000,
      }),
      invalid(
        'issuer certificate: of another root',
        'verifyIssuerCertificate',
        'certificate_signature_invalid',
        {
          ...sealed(issuerCertificate),
          rootPublicKey: stranger.publicKey,
        },
      ),
      root('for no use', 'field_out_of_range', 3, 0),
      root('for a use that nobody knows', 'field_out_of_range', 3, 8),
      root('generation zero', 'field_out_of_range', 2, 0),
      ...changedFields('verifyIssuerCertificate', 'issuer certificate', issuerCertificate, 1),
      ...changedFields('verifyAllowanceCertificate', 'allowance certificate', allowance.bytes, 2),
      ...changedFields('verifyKioskCertificate', 'kiosk certificate', kiosk.bytes, 3),
      allow(
        'a payee lock added',
        'certificate_signature_invalid',
        sealed(withFields(allowance.bytes, fieldsOf(allowance.bytes).with(15, [id(0x11), id(0x22)]))),
      ),
      allow(
        'a payee lock taken off',
        'certificate_signature_invalid',
        sealed(withFields(world.lockedAllowance.bytes, fieldsOf(world.lockedAllowance.bytes).with(15, null))),
      ),
      allow(
        'a payee lock widened to the merchant',
        'certificate_signature_invalid',
        sealed(
          withFields(
            world.lockedAllowance.bytes,
            fieldsOf(world.lockedAllowance.bytes).with(15, [id(0x11), null]),
          ),
        ),
      ),
      allow('of no issuer known', 'issuer_unknown', { ...sealed(allowance.bytes), issuerCertificates: [] }),
      allow(
        "of another key under the issuer's key id",
        'certificate_signature_invalid',
        bySomeoneElse(allowance.bytes),
      ),
      allow(
        "signed before its issuer's time",
        'issuer_unknown',
        reissued(allowance.bytes, 9, NOW - 2_592_301),
      ),
      allow('without a key id', 'issuer_unknown', withHeader('a10126')),
      allow('algorithm ES384', 'algorithm_not_allowed', withHeader('a1013822')),
      allow('no algorithm', 'algorithm_not_allowed', withHeader('a0')),
      allow('a critical header', 'algorithm_not_allowed', withHeader('a201260281182a')),
      allow('an embedded key', 'algorithm_not_allowed', withHeader('a2012621a10102')),
      allow(
        'an algorithm in the unprotected header',
        'message_malformed',
        sealed(assemble({ ...partsOf(allowance.bytes), unprotected: fromHex('a10126') })),
      ),
      allow(
        'a signature of 63 bytes',
        'algorithm_not_allowed',
        sealed(assemble({ ...partsOf(allowance.bytes), signature: new Uint8Array(63) })),
      ),
      allow('a tag in front', 'message_malformed', sealed(concatBytes(Uint8Array.of(0xd2), allowance.bytes))),
      allow('a byte behind', 'message_malformed', sealed(concatBytes(allowance.bytes, Uint8Array.of(0)))),
      allow(
        'a field too many',
        'message_malformed',
        sealed(resigned(allowance.bytes, [...fieldsOf(allowance.bytes), 0], issuer)),
      ),
      allow(
        'a field too few',
        'message_malformed',
        sealed(resigned(allowance.bytes, fieldsOf(allowance.bytes).slice(0, -1), issuer)),
      ),
      allow('cap zero', 'field_out_of_range', reissued(allowance.bytes, 4, 0)),
      allow('cap above 10^15', 'field_out_of_range', reissued(allowance.bytes, 4, 1_000_000_000_000_001)),
      allow('currency in lower case', 'field_out_of_range', reissued(allowance.bytes, 3, 'sgd')),
      allow('more than ten years', 'field_out_of_range', reissued(allowance.bytes, 10, 315_360_001)),
      allow('a kiosk certificate', 'object_has_wrong_purpose', sealed(kiosk.bytes)),
      shop(
        "of another key under the issuer's key id",
        'certificate_signature_invalid',
        bySomeoneElse(kiosk.bytes),
      ),
      shop('a name of 97 bytes', 'field_out_of_range', reissued(kiosk.bytes, 2, 'x'.repeat(97))),
      shop('an allowance certificate', 'object_has_wrong_purpose', sealed(allowance.bytes)),
    ],
  };
}

export function requestDraft(fill: number, amountMinor: bigint) {
  return {
    requestIdBytes: id(fill),
    amountMinor,
    currency: 'SGD',
    itemsHash: null,
    nonce: id(fill + 1),
    issuedAt: NOW + 10,
    ttlSeconds: 120,
    denyListVersion: 3,
    addresses: ['http://192.168.49.1:7070'],
    checksPhone: false,
  };
}

export function makeRequest(
  world: VectorWorld,
  fill = 0x44,
  amountMinor = 1_250n,
  kiosk = world.kiosk,
): protocol.PaymentRequest {
  const bytes = world.run(
    protocol.signPaymentRequest(requestDraft(fill, amountMinor), kiosk.hash),
    world.kioskKey,
  );
  return world.run(protocol.verifyPaymentRequest(bytes, kiosk), world.kioskKey);
}

export function requestVectors(world: VectorWorld): DraftFile {
  const { kiosk } = world;
  const request = makeRequest(world);
  const envelope = protocol.encodeRequestEnvelope(kiosk.bytes, request.bytes);
  const byKiosk = { ...world.kioskKey, externalAad: kiosk.hash };
  const again = (index: number, value: CborValue) => ({
    request: resigned(request.bytes, fieldsOf(request.bytes).with(index, value), byKiosk),
  });
  const bad = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(name, 'verifyPaymentRequest', code, input);
  const strangers = resigned(request.bytes, fieldsOf(request.bytes), {
    ...world.stranger,
    externalAad: kiosk.hash,
  });
  const opened = (name: string, code: protocol.RefusalCode, bytes: Uint8Array): Vector =>
    invalid(`envelope: ${name}`, 'openRequestEnvelope', code, { envelope: bytes });
  const second = protocol.encodeRequestEnvelope(kiosk.bytes, makeRequest(world, 0x46, 700n).bytes);
  const list = protocol.encodeRequestList([envelope, second]);
  const listed = (name: string, code: protocol.RefusalCode, items: readonly CborValue[]): Vector =>
    invalid(`list: ${name}`, 'decodeRequestList', code, { list: encodeCbor(items) });
  const inForce = (changes: Parameters<typeof world.signBundle>[0] = {}) => ({
    envelope,
    trustBundle: world.signBundle(changes),
  });
  const considered = (name: string, code: protocol.RefusalCode, input: Readonly<Record<string, unknown>>) =>
    invalid(`the phone: ${name}`, 'considerRequest', code, { ...inForce(), ...input });
  const revoked = { revokedIssuers: [{ generation: 1, honouredUntil: NOW + 40 }] };
  const denied = { deniedKiosks: [id(0x22)] };
  return {
    description:
      'Payment requests under a kiosk certificate, the envelope of a QR code, and what a phone asks before it shows one.',
    page: '03-request.md',
    context: given({
      rootPublicKey: world.root.publicKey,
      issuerCertificates: world.issuerCertificates,
      kioskCertificate: kiosk.bytes,
      nowSeconds: NOW + 40,
    }),
    valid: [
      valid('a request', 'verifyPaymentRequest', { request: request.bytes }, request.bytes),
      valid('a request that checks the phone number', 'verifyPaymentRequest', again(10, 1)),
      valid('a request with an items hash and without addresses', 'verifyPaymentRequest', {
        request: resigned(
          request.bytes,
          fieldsOf(request.bytes).with(4, new Uint8Array(32).fill(7)).with(9, []),
          byKiosk,
        ),
      }),
      valid('an envelope', 'openRequestEnvelope', { envelope }, envelope),
      valid('a list of one request', 'decodeRequestList', { list: protocol.encodeRequestList([envelope]) }),
      valid('a list of two requests', 'decodeRequestList', { list }, list),
      valid('a list of eight, of which nothing is believed yet', 'decodeRequestList', {
        list: protocol.encodeRequestList(Array.from({ length: 8 }, (_unused, index) => Uint8Array.of(index))),
      }),
      valid('the phone: a kiosk in good standing', 'considerRequest', inForce()),
      valid('the phone: a second before the generation is revoked', 'considerRequest', {
        ...inForce(revoked),
        nowSeconds: NOW + 39,
      }),
      valid('the comparison code', 'comparisonCode', { requestHash: request.hash }),
      valid('the code of a payment that was accepted', 'paidCode', {
        requestHash: request.hash,
        paymentHash: new Uint8Array(32).fill(7),
      }),
    ],
    invalid: [
      invalid('list: no array, at its bound', 'decodeRequestList', 'message_malformed', {
        list: byteStringOf(protocol.MAX_REQUEST_LIST_BYTES),
      }),
      invalid('list: a byte above its bound', 'decodeRequestList', 'message_too_large', {
        list: byteStringOf(protocol.MAX_REQUEST_LIST_BYTES + 1),
      }),
      ...everyFieldChanged(request.bytes, namesOf(4), (name, tampered, index) => {
        const early: Readonly<Record<number, protocol.RefusalCode>> = {
          0: 'object_has_wrong_purpose',
          4: 'field_out_of_range',
          7: 'field_out_of_range',
          9: 'field_out_of_range',
        };
        return bad(name, early[index] ?? 'request_signature_invalid', { request: tampered });
      }),
      ...(
        [
          ['items hash added', 4, new Uint8Array(32)],
          ['time to live cut', 7, 60],
          ['address replaced', 9, ['http://10.0.0.1']],
        ] as const
      ).map(([name, index, value]) =>
        bad(name, 'request_signature_invalid', {
          request: withFields(request.bytes, fieldsOf(request.bytes).with(index, value)),
        }),
      ),
      bad('signed by another key', 'request_signature_invalid', { request: strangers }),
      bad('signed under another certificate', 'request_signature_invalid', {
        request: resigned(request.bytes, fieldsOf(request.bytes), {
          ...world.kioskKey,
          externalAad: world.allowance.hash,
        }),
      }),
      bad('amount zero', 'field_out_of_range', again(2, 0)),
      bad('amount above 10^15', 'field_out_of_range', again(2, 1_000_000_000_000_001)),
      bad('amount 2^53', 'field_out_of_range', again(2, 2n ** 53n)),
      bad('another currency than the kiosk', 'payment_currency_differs_from_request', again(3, 'IDR')),
      bad('a nonce of 15 bytes', 'field_out_of_range', again(5, new Uint8Array(15))),
      bad('a time to live of 121 seconds', 'field_out_of_range', again(7, 121)),
      bad(
        'five addresses',
        'field_out_of_range',
        again(
          9,
          Array.from({ length: 5 }, () => 'http://a'),
        ),
      ),
      bad('an https address', 'field_out_of_range', again(9, ['https://192.168.49.1'])),
      bad('an address with a path', 'field_out_of_range', again(9, ['http://192.168.49.1/pay'])),
      bad('an unknown flag', 'field_out_of_range', again(10, 2)),
      considered('the kiosk certified by a revoked generation', 'issuer_key_revoked', inForce(revoked)),
      considered('the kiosk denied', 'kiosk_denied', inForce(denied)),
      considered("the kiosk's certificate over", 'certificate_expired', { nowSeconds: NOW + 7_776_000 }),
      considered("the kiosk's certificate not begun", 'certificate_not_yet_valid', { nowSeconds: NOW - 301 }),
      considered('the kiosk certified by a key that has left the bundle', 'issuer_unknown', {
        trustBundle: world.signBundleAs(world.nextIssuer, {
          issuerCertificates: world.issuerCertificates.slice(1),
        }),
      }),
      considered('a certificate that is over, of a revoked generation', 'certificate_expired', {
        ...inForce(revoked),
        nowSeconds: NOW + 7_776_000,
      }),
      considered(
        'of a revoked generation, and denied',
        'issuer_key_revoked',
        inForce({ ...revoked, ...denied }),
      ),
      considered('a request of another key, and the kiosk denied', 'request_signature_invalid', {
        ...inForce(denied),
        envelope: protocol.encodeRequestEnvelope(kiosk.bytes, strangers),
      }),
      opened('of another purpose', 'object_has_wrong_purpose', encodeCbor(itemsOf(envelope).with(0, 13))),
      opened('without a request', 'message_malformed', encodeCbor(itemsOf(envelope).slice(0, 2))),
      opened(
        'a request of another key',
        'request_signature_invalid',
        protocol.encodeRequestEnvelope(kiosk.bytes, strangers),
      ),
      opened(
        "an allowance certificate for the kiosk's",
        'object_has_wrong_purpose',
        protocol.encodeRequestEnvelope(world.allowance.bytes, request.bytes),
      ),
      listed('of another purpose', 'object_has_wrong_purpose', itemsOf(list).with(0, 14)),
      listed('an envelope alone', 'object_has_wrong_purpose', itemsOf(envelope)),
      listed('empty', 'field_out_of_range', itemsOf(list).with(1, [])),
      listed('of nine', 'field_out_of_range', itemsOf(list).with(1, Array(9).fill(Uint8Array.of(1)))),
      listed('with an empty envelope', 'field_out_of_range', itemsOf(list).with(1, [new Uint8Array(0)])),
      listed(
        'with an envelope of 4,097 bytes',
        'field_out_of_range',
        itemsOf(list).with(1, [new Uint8Array(4_097)]),
      ),
      listed('with a text in it', 'message_malformed', itemsOf(list).with(1, ['TIKI1:R:'])),
      listed('an item too many', 'message_malformed', [...itemsOf(list), 0]),
    ],
  };
}

export function identityVectors(world: VectorWorld): DraftFile {
  const possession = {
    publicKey: world.phone.publicKey,
    context: 'allowance',
    occasion: '5f1d8c3a-occasion',
  } as const;
  const proof = world.run(protocol.signProofOfPossession(possession), world.phone);
  const bad = (name: string, changes: Readonly<Record<string, unknown>>) =>
    invalid(`proof of possession: ${name}`, 'verifyProofOfPossession', 'proof_of_possession_invalid', {
      ...possession,
      proof,
      ...changes,
    });
  return {
    description: 'Proof of possession of a key, and the commitment to a phone number.',
    page: '02-keys-and-certificates.md',
    context: {},
    valid: [
      valid('proof of possession', 'verifyProofOfPossession', { ...possession, proof }, proof),
      valid('phone commitment', 'commitToPhone', { phone: PHONE, salt: PHONE_SALT }),
    ],
    invalid: [
      bad('of another key', { publicKey: world.stranger.publicKey }),
      bad('for another context', { context: 'kiosk' }),
      bad('on another occasion', { occasion: 'another' }),
      bad('signed by another key', { proof: resigned(proof, fieldsOf(proof), world.stranger) }),
    ],
  };
}
