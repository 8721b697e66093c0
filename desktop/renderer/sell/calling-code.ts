/**
 * The country of a number, as far as its first digits tell (ITU-T E.164, list of assigned codes): what the cashier need
 * not type for a customer of the same country. Pure.
 */
const TWO_DIGITS = /^(?:2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/;
const MAX_DIGITS = 15;
const LEAST_DIGITS = 7;

/** `62` of `+6281234567890`; empty when it is no number. */
export function callingCodeOf(phone: string): string {
  const digits = /^\+([1-9][0-9]{6,14})$/.exec(phone)?.[1];
  if (digits === undefined) return '';
  if (/^[17]/.test(digits)) return digits.slice(0, 1);
  return digits.slice(0, TWO_DIGITS.test(digits) ? 2 : 3);
}

/** What was typed, as digits of E.164: without the zero that people say at home before their number. */
export function cleanPhone(typed: string, callingCode: string): string {
  const digits = typed.replaceAll(/\D/g, '').replace(/^0+/, '').slice(0, MAX_DIGITS);
  const isHome = callingCode !== '' && digits.startsWith(`${callingCode}0`);
  return isHome ? callingCode + digits.slice(callingCode.length).replace(/^0+/, '') : digits;
}

export function isWholePhone(digits: string): boolean {
  return digits.length >= LEAST_DIGITS;
}
