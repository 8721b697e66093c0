/**
 * A merchant's name as it may be shown (R29): from the signed certificate, without characters that turn text around,
 * hide it or look like nothing. Never: corrects a name; a cleaned name that is empty is shown as such by the caller.
 */
const CONTROL_AND_FORMAT = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0\uFFF9-\uFFFC]/gu;
const STACKED_MARKS = /(\p{M}{2})\p{M}+/gu;
const SPACES = /\p{Zs}+/gu;
const MAX_CHARACTERS = 48;

export function displayName(name: string): string {
  const cleaned = name
    .normalize('NFKC')
    .replace(CONTROL_AND_FORMAT, '')
    .replace(STACKED_MARKS, '$1')
    .replace(SPACES, ' ')
    .trim();
  return [...cleaned].slice(0, MAX_CHARACTERS).join('');
}

/** A phone number from a certificate: digits, plus and the stars of a masked one, nothing else. */
export function displayPhone(phone: string): string {
  return phone.replace(/[^0-9+*]/g, '').slice(0, 20);
}
