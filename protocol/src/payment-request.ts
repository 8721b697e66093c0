/** The payment request: what a kiosk asks for, signed before it is shown, and the envelope that a QR code carries. */
import { toUuid } from './bytes.ts';
import { decodeCbor, encodeCbor, FieldReader, isCurrency, USUAL_MINOR, UsualReader } from './cbor.ts';
import { verifyKioskCertificate, type KioskCertificate } from './certificates.ts';
import {
  hasValidSignature,
  objectHash,
  readObject,
  readPayload,
  signObject,
  type PlainForm,
  type UnverifiedObject,
} from './cose.ts';
import type { Steps } from './crypto.ts';
import { refuse } from './errors.ts';
import type { IssuerCertificate } from './issuer-certificate.ts';
import {
  MAX_ADDRESS_BYTES,
  MAX_ADDRESSES,
  MAX_COUNTER,
  MAX_ENVELOPE_BYTES,
  MAX_OBJECT_BYTES,
  MAX_OPEN_REQUESTS,
  MAX_REQUEST_LIST_BYTES,
  MAX_REQUEST_TTL_SECONDS,
  MAX_TIME_SECONDS,
} from './limits.ts';
import { PURPOSE } from './purposes.ts';
import { readByteStrings } from './trust-head.ts';

export interface PaymentRequest {
  /** The object's hash under the kiosk certificate: what a payment signs. */
  readonly hash: Uint8Array;
  readonly bytes: Uint8Array;
  /** UUID. */
  readonly requestId: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  readonly itemsHash: Uint8Array | null;
  /** 16 unpredictable bytes, used once. */
  readonly nonce: Uint8Array;
  /** Seconds since 1970, the kiosk's trusted time. */
  readonly issuedAt: number;
  readonly ttlSeconds: number;
  readonly denyListVersion: number;
  /** `http://host:port`, at most four, tried in order. */
  readonly addresses: readonly string[];
  /** The cashier will type the payer's phone number: the phone opens its commitment in the delivery. */
  readonly checksPhone: boolean;
}

const FLAG_CHECKS_PHONE = 1;

/** The driver's signer is the kiosk's signing key. */
export function* signPaymentRequest(
  draft: Omit<PaymentRequest, 'hash' | 'bytes' | 'requestId'> & { readonly requestIdBytes: Uint8Array },
  kioskCertificateHash: Uint8Array,
): Steps<Uint8Array> {
  return yield* signObject(
    [
      PURPOSE.paymentRequest,
      draft.requestIdBytes,
      draft.amountMinor,
      draft.currency,
      draft.itemsHash,
      draft.nonce,
      draft.issuedAt,
      draft.ttlSeconds,
      draft.denyListVersion,
      draft.addresses,
      draft.checksPhone ? FLAG_CHECKS_PHONE : 0,
    ],
    { externalAad: kioskCertificateHash },
  );
}

/** Checks form and signature against an already verified kiosk certificate; time is the caller's question. */
export function* verifyPaymentRequest(bytes: Uint8Array, kiosk: KioskCertificate): Steps<PaymentRequest> {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  const draft = readRequest(object);
  if (!(yield* hasValidSignature(object, kiosk.signingPublicKey, kiosk.hash)))
    refuse('request_signature_invalid');
  return yield* requestOf(object, draft, kiosk);
}

/**
 * The request without its own signature, for who has verified another signature of the same key over these very bytes. Its
 * hash still names the kiosk: under another certificate the same bytes are another request.
 */
export function* readVouchedRequest(bytes: Uint8Array, kiosk: KioskCertificate): Steps<PaymentRequest> {
  const object = readObject(bytes, MAX_OBJECT_BYTES);
  return yield* requestOf(object, readRequest(object), kiosk);
}

function* requestOf(
  object: UnverifiedObject,
  draft: Omit<PaymentRequest, 'hash' | 'bytes'>,
  kiosk: KioskCertificate,
): Steps<PaymentRequest> {
  checkCurrency(draft, kiosk);
  return { hash: yield* objectHash(object, kiosk.hash), bytes: object.bytes, ...draft };
}

/** A kiosk asks in its own currency. @throws Refusal */
export function checkCurrency(
  { currency }: Pick<PaymentRequest, 'currency'>,
  kiosk: Pick<KioskCertificate, 'currency'>,
): void {
  if (currency !== kiosk.currency) refuse('payment_currency_differs_from_request');
}

/** What a request says that a sale is judged by. */
export type RequestTerms = Pick<PaymentRequest, 'amountMinor' | 'currency' | 'issuedAt' | 'denyListVersion'>;

/**
 * The terms of what every honest kiosk signs, all its other fields looked at. Null for anything else: {@link readRequest} names
 * what is wrong. @throws Refusal
 */
export function readUsualTerms({ bytes, payloadAt, payloadEnd }: PlainForm): RequestTerms | null {
  const reader = new UsualReader(bytes, payloadAt, payloadEnd);
  if (!reader.takes(0x8b) || !reader.takes(PURPOSE.paymentRequest)) return null;
  if (reader.place(16) === null) return null;
  const amount = reader.uint(1, USUAL_MINOR);
  const currency = reader.text();
  const isOfItems = bytes[reader.at] === 0xf6 ? reader.takes(0xf6) : reader.place(32) !== null;
  const isOnce = reader.place(16) !== null;
  const issuedAt = reader.uint(0, MAX_TIME_SECONDS);
  const ttlSeconds = reader.uint(1, MAX_REQUEST_TTL_SECONDS);
  const denyListVersion = reader.uint(0, MAX_COUNTER);
  const addresses = readUsualAddresses(reader, bytes);
  const flags = reader.uint(0, FLAG_CHECKS_PHONE);
  if (!isOfItems || !isOnce || !reader.isAtEnd || addresses === null || flags === null) return null;
  if (amount === null || currency === null || !isCurrency(currency)) return null;
  if (issuedAt === null || ttlSeconds === null || denyListVersion === null) return null;
  return { amountMinor: BigInt(amount), currency, issuedAt, denyListVersion };
}

/** @throws Refusal */
function readUsualAddresses(reader: UsualReader, bytes: Uint8Array): readonly string[] | null {
  const count = (bytes[reader.at] ?? 0) - 0x80;
  if (count < 0 || count > MAX_ADDRESSES || !reader.takes(0x80 + count)) return null;
  const addresses: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const address = reader.text();
    if (address === null) return null;
    addresses.push(address);
  }
  return readAddresses(addresses);
}

/**
 * Whether a request asks for the payer's number, for who has signed it and kept its bytes: form only, a stranger's request
 * is for {@link verifyPaymentRequest}. @throws Refusal
 */
export function asksForPhone(ownRequest: Uint8Array): boolean {
  const object = readObject(ownRequest, MAX_OBJECT_BYTES);
  const { payload } = object;
  // The flags are its last field, and a number below 24 is one byte: every sale asks here, of a request that it has stored.
  const flags = payload[0] === 0x8b && payload[1] === PURPOSE.paymentRequest ? payload.at(-1) : undefined;
  return flags === undefined ? readRequest(object).checksPhone : flags === FLAG_CHECKS_PHONE;
}

function readRequest(object: UnverifiedObject): Omit<PaymentRequest, 'hash' | 'bytes'> {
  const fields = readPayload(object);
  fields.purpose(PURPOSE.paymentRequest);
  const requestId = toUuid(fields.bytes(16));
  const amountMinor = fields.amountMinor(1n);
  const currency = fields.currency();
  const itemsHash = fields.bytesOrNull(32);
  const nonce = fields.bytes(16);
  const issuedAt = fields.timeSeconds();
  const ttlSeconds = fields.uint(MAX_REQUEST_TTL_SECONDS, 1);
  const denyListVersion = fields.uint(MAX_COUNTER);
  const addresses = readAddresses(fields.array(MAX_ADDRESSES));
  const flags = fields.uint(FLAG_CHECKS_PHONE);
  fields.end();
  return {
    requestId,
    amountMinor,
    currency,
    itemsHash,
    nonce,
    issuedAt,
    ttlSeconds,
    denyListVersion,
    addresses,
    checksPhone: (flags & FLAG_CHECKS_PHONE) !== 0,
  };
}

/** Where a kiosk listens. @throws Refusal for what is no plain local address. */
export function readAddresses(values: readonly unknown[]): readonly string[] {
  return values.map((value) => {
    if (typeof value !== 'string') refuse('message_malformed');
    if (value.length > MAX_ADDRESS_BYTES) refuse('field_out_of_range');
    // http only: the link gives no trust, and anything else (javascript:, https to a stranger) has no use here.
    if (!/^http:\/\/[0-9A-Za-z.:[\]-]+$/.test(value)) refuse('field_out_of_range');
    return value;
  });
}

/** What the QR code on the kiosk's screen carries. */
export function encodeRequestEnvelope(kioskCertificate: Uint8Array, request: Uint8Array): Uint8Array {
  return encodeCbor([PURPOSE.requestEnvelope, kioskCertificate, request]);
}

/** The phone's side: certificate chain, request signature. Dates, deny list and confirmation are the caller's. */
export function* openRequestEnvelope(
  bytes: Uint8Array,
  issuers: readonly IssuerCertificate[],
): Steps<{ readonly kiosk: KioskCertificate; readonly request: PaymentRequest }> {
  const fields = new FieldReader(decodeCbor(bytes, MAX_ENVELOPE_BYTES));
  fields.purpose(PURPOSE.requestEnvelope);
  const certificateBytes = fields.bytesUpTo(MAX_OBJECT_BYTES);
  const requestBytes = fields.bytesUpTo(MAX_OBJECT_BYTES);
  fields.end();
  const kiosk = yield* verifyKioskCertificate(certificateBytes, issuers);
  return { kiosk, request: yield* verifyPaymentRequest(requestBytes, kiosk) };
}

/** What a till answers a phone that asks what is open, oldest first. @param envelopes at least one, at most {@link MAX_OPEN_REQUESTS} */
export function encodeRequestList(envelopes: readonly Uint8Array[]): Uint8Array {
  return encodeCbor([PURPOSE.requestList, envelopes]);
}

/**
 * The envelopes as they stand there: each is opened and judged by itself, so that one that is bad takes no other with it.
 * @throws Refusal
 */
export function decodeRequestList(bytes: Uint8Array): readonly Uint8Array[] {
  const fields = new FieldReader(decodeCbor(bytes, MAX_REQUEST_LIST_BYTES));
  fields.purpose(PURPOSE.requestList);
  const envelopes = readByteStrings(fields.array(MAX_OPEN_REQUESTS), 1, MAX_ENVELOPE_BYTES);
  fields.end();
  if (envelopes.length === 0) refuse('field_out_of_range');
  return envelopes;
}
