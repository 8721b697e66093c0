/**
 * Which keys are where, for each language and kind of field. Rows are read from left to right in every language: the keys
 * of Arabic stand where an Arabic keyboard has them. Owns the layouts; never what a key does.
 */

export type LayerName =
  | 'letters'
  | 'shift'
  | 'latin'
  | 'latinShift'
  | 'digits'
  | 'symbols'
  | 'marks'
  | 'marksShift'
  | 'phone';
export type Layers = Partial<Record<LayerName, string[]>>;

/** Not every language needs a second script; those that do get a key that changes over. */
export interface KeyLayout {
  layers: Layers;
  first: LayerName;
}

const LATIN = ['q w e r t y u i o p', 'a s d f g h j k l', '{shift} z x c v b n m {bksp}'];
const ARABIC = ['ض ص ث ق ف غ ع ه خ ح ج د', 'ش س ي ب ل ا ت ن م ك ط', '{shift} ئ ء ؤ ر ى ة و ز ظ ذ {bksp}'];
/** The forms of alif, and what a business's name may need beside them. */
const ARABIC_SHIFT = [
  'ض ص ث ق ف غ ع ه خ ح ج د',
  'ش س ي ب ل أ ت ن م ك ط',
  '{shift} آ إ ؤ ر ى ة و ز ظ ذ {bksp}',
];
/** Vowels of their own, and the five tones, which join the vowel that was typed last. */
const VIETNAMESE = ['ă â đ ê ô ơ ư', '\u0300 \u0309 \u0303 \u0301 \u0323', '{shift} {bksp}'];
const DIGITS = ['1 2 3 4 5 6 7 8 9 0', '@ # & - _ + ( ) /', '{symbols} ! ? \' " : ; * {bksp}'];
const SYMBOLS = ['~ ` | ^ = { } [ ]', '$ % € £ ¥ ₫ < > \\', '{digits} ! ? \' " : ; * {bksp}'];
const PHONE = ['1 2 3 {bksp}', '4 5 6 -', '7 8 9 {hide}', '+ 0 {space} {enter}'];

/** `password` and `username` are written in the letters that every phone has. */
export type FieldKind = 'words' | 'account' | 'phone';

export function fieldKind(field: HTMLInputElement): FieldKind {
  if (field.inputMode === 'tel' || field.inputMode === 'numeric' || field.type === 'tel') return 'phone';
  if (field.type === 'password') return 'account';
  return field.autocomplete === 'username' || field.autocomplete.includes('password') ? 'account' : 'words';
}

export function layoutFor(language: string, kind: FieldKind): KeyLayout {
  if (kind === 'phone') return { layers: { phone: PHONE }, first: 'phone' };
  const arabic = language === 'ar';
  const vietnamese = language === 'vi';
  const side = arabic ? ' {script}' : vietnamese ? ' {marks}' : '';
  const foot = `{digits}${side} {space} . {enter} {hide}`;
  const back = '{letters} , {space} . {enter} {hide}';
  const latin = [...LATIN, foot];
  const layers: Layers = {
    digits: [...DIGITS, back],
    symbols: [...SYMBOLS, back],
    ...(arabic
      ? {
          letters: [...ARABIC, foot],
          shift: [...ARABIC_SHIFT, foot],
          latin,
          latinShift: capital(latin),
        }
      : { letters: latin, shift: capital(latin) }),
    ...(vietnamese ? { marks: [...VIETNAMESE, back], marksShift: capital([...VIETNAMESE, back]) } : {}),
  };
  return { layers, first: arabic && kind === 'account' ? 'latin' : 'letters' };
}

function capital(rows: readonly string[]): string[] {
  return rows.map((row) => row.replaceAll(/(?<=^| )\p{Ll}(?= |$)/gu, (letter) => letter.toUpperCase()));
}

export function isShifted(layer: LayerName): boolean {
  return layer === 'shift' || layer === 'latinShift' || layer === 'marksShift';
}

/** Where a key that changes the keys leads; undefined for a key that types. */
export function layerAfter(
  key: string,
  layer: LayerName,
  letters: 'letters' | 'latin',
): LayerName | undefined {
  switch (key) {
    case '{shift}':
      if (layer === 'letters') return 'shift';
      if (layer === 'latin') return 'latinShift';
      if (layer === 'marks') return 'marksShift';
      if (layer === 'marksShift') return 'marks';
      return letters;
    case '{script}':
      return layer === 'latin' || layer === 'latinShift' ? 'letters' : 'latin';
    case '{letters}':
      return letters;
    case '{digits}':
      return 'digits';
    case '{symbols}':
      return 'symbols';
    case '{marks}':
      return isShifted(layer) ? 'marksShift' : 'marks';
    default:
      return undefined;
  }
}
