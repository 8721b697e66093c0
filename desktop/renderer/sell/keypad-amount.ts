/**
 * What the keypad does to an amount. The amount is a decimal string of minor units that grows from the right, as on
 * every till: 1, 2, 5, 0 is 12.50 where there are two decimals and 1250 where there are none. No number, no float.
 */
export type KeypadKey =
  | '0'
  | '1'
  | '2'
  | '3'
  | '4'
  | '5'
  | '6'
  | '7'
  | '8'
  | '9'
  | '00'
  | '000'
  | 'backspace'
  | 'clear';

/** Below the protocol's 10^15 and above every shop's till. */
export const MAX_DIGITS = 12;

export function pressKey(minor: string, key: KeypadKey): string {
  switch (key) {
    case 'clear':
      return '0';
    case 'backspace':
      return minor.length <= 1 ? '0' : minor.slice(0, -1);
    default: {
      const next = (minor === '0' ? '' : minor) + key;
      if (next.length > MAX_DIGITS) return minor;
      return /^0*$/.test(next) ? '0' : next;
    }
  }
}

/** The key that fills a whole unit: cents are two digits, a currency without decimals counts in thousands. */
export function zerosKey(exponent: number): '00' | '000' {
  return exponent === 2 ? '00' : '000';
}

/** A key of a real keyboard, as a key of the keypad. */
export function keyOfKeyboard(key: string): KeypadKey | 'charge' | undefined {
  if (/^[0-9]$/.test(key)) return key as KeypadKey;
  // Keyboards set to Arabic type these; they mean the same digits.
  const eastern = '٠١٢٣٤٥٦٧٨٩'.indexOf(key);
  if (key.length === 1 && eastern >= 0) return String(eastern) as KeypadKey;
  if (key === 'Backspace') return 'backspace';
  if (key === 'Escape' || key === 'Delete') return 'clear';
  return key === 'Enter' ? 'charge' : undefined;
}

export function isOver(minor: string, limitMinor: string): boolean {
  return BigInt(minor) > BigInt(limitMinor);
}
