/**
 * A merchant's name as it may be shown (R29): from the signed certificate, letters and digits of living scripts with the
 * punctuation of shop signs, and nothing that turns text around, hides it, piles up, or looks like a part of the wallet.
 * Never: corrects a name; a cleaned name that is empty is shown as such by the caller.
 */

/** UAX #31's scripts in everyday use. What is left out is drawn huge, drawn as a box, or drawn to be mistaken. */
const SCRIPTS = [
  'Latin',
  'Cyrillic',
  'Greek',
  'Armenian',
  'Georgian',
  'Hebrew',
  'Arabic',
  'Thaana',
  'Ethiopic',
  'Devanagari',
  'Bengali',
  'Gurmukhi',
  'Gujarati',
  'Oriya',
  'Tamil',
  'Telugu',
  'Kannada',
  'Malayalam',
  'Sinhala',
  'Thai',
  'Lao',
  'Tibetan',
  'Myanmar',
  'Khmer',
  'Hangul',
  'Hiragana',
  'Katakana',
  'Han',
  'Bopomofo',
] as const;
const LETTERS = SCRIPTS.map((script) => `\\p{Script=${script}}`).join('');

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Default_Ignorable_Code_Point}]/gu;
/** Line ends part words, and must not glue them together when they go. */
const BREAKS = /[\p{Zs}\p{Zl}\p{Zp}\t\n\v\f\r]+/gu;
/** Ticks, crosses, arrows, pictures, money and modifier signs belong to the wallet's own drawing. */
const NOT_ON_SIGNS = new RegExp(`[^${LETTERS}\\p{Nd}\\p{Mn}\\p{Mc} &'’.,:!?+/()@#·–-]`, 'gu');
/** Scripts have symbols of their own, some of them as wide as a line. */
const SYMBOLS = /[^\P{S}+]|[\p{Nl}\p{No}\p{Me}]/gu;
const STACKED_MARKS = /(\p{M}{2})\p{M}+/gu;
const MARKS_WITHOUT_LETTER = /(^|[^\p{L}\p{M}])\p{M}+/gu;
const MAX_CHARACTERS = 48;

export function displayName(name: string): string {
  const cleaned = name
    .normalize('NFKC')
    .replace(BREAKS, ' ')
    .replace(INVISIBLE, '')
    .replace(NOT_ON_SIGNS, '')
    .replace(SYMBOLS, '')
    .replace(MARKS_WITHOUT_LETTER, '$1')
    .replace(STACKED_MARKS, '$1')
    .replace(/ +/g, ' ')
    .trim();
  const characters = [...cleaned];
  // Cut where it can be seen: two names that differ only behind the cut must not look like the whole of one.
  return characters.length <= MAX_CHARACTERS
    ? cleaned
    : `${characters.slice(0, MAX_CHARACTERS).join('').trimEnd()}…`;
}

/** Alphabets whose letters are drawn like each other's. */
const LOOKALIKES = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u];
const CYRILLIC_OR_GREEK = /[\p{Script=Cyrillic}\p{Script=Greek}]/u;
/** Those that are drawn like Latin ones; a word of nothing else is meant to be read as another. */
const DRAWN_AS_LATIN = /^[асеоріхуѕјһԁԛԝвнкмтАВСЕНІЈКМОРЅТХУΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιν\p{Nd}\p{P}]+$/u;

/**
 * True when letters of one alphabet stand where those of another are expected. Not a verdict, most names with it are honest:
 * the person is asked to compare the number.
 */
export function mixesAlphabets(name: string): boolean {
  if (LOOKALIKES.filter((script) => script.test(name)).length > 1) return true;
  const words = name.split(' ').filter((word) => CYRILLIC_OR_GREEK.test(word));
  return words.length > 0 && words.every((word) => DRAWN_AS_LATIN.test(word));
}

/** A phone number from a certificate: digits, plus and the stars of a masked one, nothing else. */
export function displayPhone(phone: string): string {
  return phone.replace(/[^0-9+*]/g, '').slice(0, 20);
}
