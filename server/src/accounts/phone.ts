/** Phone numbers as people type them, as the system keeps them, and as others see them: one visible form. Pure. */
import { shownMask } from '@tikiwallet/protocol';
import {
  type CountryCode,
  getCountries,
  getCountryCallingCode,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import { problem } from '../http/problem.ts';

/** True for a region code that libphonenumber knows. */
export function isRegion(region: string): region is CountryCode {
  return getCountries().some((country) => country === region);
}

/**
 * E.164 of what a person typed; numbers without a country code are read in `region`.
 * @throws ApiProblem `phone_number_invalid`
 */
export function normalisePhone(typed: string, region: string): string {
  const parsed = parsePhoneNumberFromString(typed, isRegion(region) ? region : undefined);
  if (parsed === undefined || !parsed.isValid()) throw problem('phone_number_invalid');
  return parsed.number;
}

const CALLING_CODES: ReadonlySet<string> = new Set(
  getCountries().map((country) => getCountryCallingCode(country)),
);

/** `+65 •••• 4567`: the country and the last four digits of an E.164 number, for screens of other people. */
export function maskPhone(phone: string): string {
  return shownMask(maskForCertificate(phone));
}

/** `+65****4567`: the same in the letters and the room that a certificate has for it. Whatever shows it shows it as {@link maskPhone}. */
export function maskForCertificate(phone: string): string {
  // No calling code begins with another one. What is no country's, such as a satellite's, is left to the library.
  const countryCode =
    (phone.startsWith('+') ? [2, 3, 4] : [])
      .map((end) => phone.slice(1, end))
      .find((code) => CALLING_CODES.has(code)) ?? parsePhoneNumberFromString(phone)?.countryCallingCode;
  const country = countryCode === undefined ? '' : `+${countryCode}`;
  // A few countries have numbers of four to six digits: of those the last four would be most of it, or all.
  return `${country}****${phone.slice(phone.length - country.length > 6 ? -4 : -2)}`;
}

/** First letter of each word, the rest hidden: enough to recognise somebody one knows. */
export function maskName(name: string): string {
  return name
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => {
      const letters = Array.from(word);
      const shown = letters.length > 4 ? 2 : 1;
      return `${letters.slice(0, shown).join('')}${'•'.repeat(Math.max(1, Math.min(letters.length - shown, 6)))}`;
    })
    .join(' ');
}
