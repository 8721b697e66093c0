/** The text of a QR code: a prefix that says what it is, then Base45, so that the code stays in alphanumeric mode. */
import { fromBase45, toBase45 } from './bytes.ts';
import { attempt, refuse, type Result } from './errors.ts';
import { MAX_ENVELOPE_BYTES } from './limits.ts';

const PREFIX = {
  request: 'TIKI1:R:',
  delivery: 'TIKI1:P:',
  receipt: 'TIKI1:C:',
  refundOffer: 'TIKI1:B:',
  refundAcceptance: 'TIKI1:A:',
  refundReceipt: 'TIKI1:D:',
} as const;
export type QrContent = keyof typeof PREFIX;

export function isQrContent(name: string): name is QrContent {
  return Object.hasOwn(PREFIX, name);
}

export function toQrText(content: QrContent, bytes: Uint8Array): string {
  return PREFIX[content] + toBase45(bytes);
}

/** Tells whether a scanned text is one of ours at all, before anyone tries to read it. */
export function isTikiQr(text: string): boolean {
  return Object.values(PREFIX).some((prefix) => text.startsWith(prefix));
}

export function fromQrText(content: QrContent, text: string): Result<Uint8Array> {
  return attempt(() => {
    // Base45 spends three characters on two bytes.
    if (text.length > PREFIX[content].length + (MAX_ENVELOPE_BYTES / 2) * 3) refuse('message_too_large');
    if (!text.startsWith(PREFIX[content])) refuse('message_malformed');
    return fromBase45(text.slice(PREFIX[content].length));
  });
}
