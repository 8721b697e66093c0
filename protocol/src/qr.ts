/** The text of a QR code: a prefix that says what it is, then Base45, so that the code stays in alphanumeric mode. */
import { fromBase45, toBase45 } from './bytes.ts';
import { decodeAnyDelivery } from './delivery.ts';
import { attempt, refuse, type Result } from './errors.ts';
import { MAX_ENVELOPE_BYTES, SEAL_BYTES } from './limits.ts';

const PREFIX = {
  request: 'TIKI1:R:',
  delivery: 'TIKI1:P:',
  sealedDelivery: 'TIKI1:S:',
  receipt: 'TIKI1:C:',
  refundOffer: 'TIKI1:B:',
  refundAcceptance: 'TIKI1:A:',
  refundReceipt: 'TIKI1:D:',
} as const;
export type QrContent = keyof typeof PREFIX;

export function isQrContent(name: string): name is QrContent {
  return Object.hasOwn(PREFIX, name);
}

/**
 * @throws TypeError for an open delivery with a phone salt: whoever photographs it could test numbers against the
 * certificate's commitment, so that one is sealed to the kiosk first.
 */
export function toQrText(content: QrContent, bytes: Uint8Array): string {
  if (carriesPhoneSalt(bytes)) throw new TypeError('a delivery with a phone salt is shown sealed');
  return PREFIX[content] + toBase45(bytes);
}

/** True when a delivery of either kind opens the phone commitment, and so must be sealed on every channel. */
export function carriesPhoneSalt(delivery: Uint8Array): boolean {
  const read = attempt(() => decodeAnyDelivery(delivery));
  return read.ok && read.value.phoneSalt !== null;
}

/** Tells whether a scanned text is one of ours at all, before anyone tries to read it. */
export function isTikiQr(text: string): boolean {
  return Object.values(PREFIX).some((prefix) => text.startsWith(prefix));
}

/** True for the text of a delivery that only its kiosk can read. */
export function isSealedDelivery(text: string): boolean {
  return text.startsWith(PREFIX.sealedDelivery);
}

export function fromQrText(content: QrContent, text: string): Result<Uint8Array> {
  return attempt(() => {
    const maxBytes = content === 'sealedDelivery' ? MAX_ENVELOPE_BYTES + SEAL_BYTES : MAX_ENVELOPE_BYTES;
    // Base45 spends three characters on two bytes.
    if (text.length > PREFIX[content].length + Math.ceil((maxBytes * 3) / 2)) refuse('message_too_large');
    if (!text.startsWith(PREFIX[content])) refuse('message_malformed');
    return fromBase45(text.slice(PREFIX[content].length));
  });
}
