/**
 * A salted commitment to the holder's phone number: the certificate shows a masked number, and only who knows the
 * salt (the phone, and the cloud that made it) can show that a full number belongs to it.
 */
import { equalBytes } from './bytes.ts';
import { encodeCbor } from './cbor.ts';
import { digest, type Steps } from './crypto.ts';
import { LINK_BYTES } from './limits.ts';

/** @param phone E.164. @param salt 16 random bytes. @returns 16 bytes. */
export function* commitToPhone(phone: string, salt: Uint8Array): Steps<Uint8Array> {
  return (yield* digest(encodeCbor(['tiki-phone', salt, phone]))).slice(0, LINK_BYTES);
}

export function* opensPhoneCommitment(
  commitment: Uint8Array,
  phone: string,
  salt: Uint8Array,
): Steps<boolean> {
  return equalBytes(commitment, yield* commitToPhone(phone, salt));
}

/** `+6591234567` to `+65****4567`: the country, of whichever two digits it may be, and the last four digits. */
export function maskPhone(phone: string): string {
  return phone.length <= 8 ? `${phone.slice(0, 2)}****` : `${phone.slice(0, 3)}****${phone.slice(-4)}`;
}

/**
 * `+65****4567`, as a certificate has it, to `+65 •••• 4567`, as people read it everywhere. Anything else comes back as it is.
 * Whoever makes a screen's or an answer's text from a certificate's field makes it with this.
 */
export function shownMask(text: string): string {
  const parts = /^(\+\d{0,3})?\*{4}(\d{0,4})$/.exec(text);
  return parts === null ? text : [parts[1], '••••', parts[2]].filter((part) => part).join(' ');
}
