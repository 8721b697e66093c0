// How wpa_supplicant writes what strangers chose: escapes, quotes, `key=value` words. Pure; any text may
// come in, since names of devices and networks are up to 32 bytes of somebody else's choosing.

const ESCAPES: Readonly<Record<string, number>> = {
  '\\': 0x5c,
  '"': 0x22,
  n: 0x0a,
  r: 0x0d,
  t: 0x09,
  e: 0x1b,
};

/** Undoes the supplicant's printf_encode. A backslash that begins nothing known stands for itself. */
export function unescapeBytes(text: string): Uint8Array {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  for (let at = 0; at < text.length; ) {
    const next = text[at + 1];
    const hex = /^\\x([0-9A-Fa-f]{2})/.exec(text.slice(at, at + 4))?.[1];
    const simple = text[at] === '\\' && next !== undefined ? ESCAPES[next] : undefined;
    if (hex !== undefined) {
      bytes.push(Number.parseInt(hex, 16));
      at += 4;
    } else if (simple !== undefined) {
      bytes.push(simple);
      at += 2;
    } else {
      const character = String.fromCodePoint(text.codePointAt(at) ?? 0xff_fd);
      bytes.push(...encoder.encode(character));
      at += character.length;
    }
  }
  return Uint8Array.from(bytes);
}

/**
 * A name for people's eyes: UTF-8 where it is, without what could rearrange or break the line that it stands in
 * (controls, line separators, marks that turn the direction of writing). Cut after so many characters.
 */
export function displayName(bytes: Uint8Array, longest = 64): string {
  const text = new TextDecoder('utf-8').decode(bytes);
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}]/gu, '\ufffd');
  return [...plain].slice(0, longest).join('');
}

/** The words of an event after its name, as `key=value`; the first of a repeated key counts, as words without `=` do. */
export type EventWords = {
  readonly plain: readonly string[];
  readonly named: ReadonlyMap<string, string>;
};

/**
 * Splits at spaces, except inside quotes. The supplicant does not escape a single quote in a device's name, so a name
 * may try to add words of its own: a quoted value therefore ends at the last quote that a space and a known key, or
 * the end, follows.
 */
export function splitWords(text: string, knownKeys: ReadonlySet<string>): EventWords {
  const plain: string[] = [];
  const named = new Map<string, string>();
  let rest = text;
  for (;;) {
    rest = rest.trimStart();
    if (rest === '') return { plain, named };
    const key = /^([a-z0-9_]+)=/i.exec(rest)?.[1];
    const quote = key === undefined ? undefined : rest[key.length + 1];
    if (key !== undefined && (quote === "'" || quote === '"')) {
      const end = endOfQuoted(rest, key.length + 2, quote, knownKeys);
      if (!named.has(key)) named.set(key, rest.slice(key.length + 2, end));
      rest = rest.slice(end + 1);
      continue;
    }
    const space = rest.search(/\s/);
    const word = space === -1 ? rest : rest.slice(0, space);
    if (key === undefined) plain.push(word);
    else if (!named.has(key)) named.set(key, word.slice(key.length + 1));
    rest = rest.slice(word.length);
  }
}

function endOfQuoted(text: string, from: number, quote: string, knownKeys: ReadonlySet<string>): number {
  // A double quote is escaped inside by the supplicant, so the first one that is not ends the value.
  if (quote === '"') {
    for (let at = from; at < text.length; at += 1) {
      if (text[at] === '\\') at += 1;
      else if (text[at] === '"') return at;
    }
    return text.length;
  }
  for (let at = text.lastIndexOf(quote); at >= from; at = text.lastIndexOf(quote, at - 1)) {
    const following = /^ ([a-z0-9_]+)=/i.exec(text.slice(at + 1))?.[1];
    if (at === text.length - 1 || text.slice(at + 1).trim() === '') return at;
    if (following !== undefined && knownKeys.has(following)) return at;
    if (at === 0) break;
  }
  return text.length;
}
