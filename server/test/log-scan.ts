/**
 * The log of every server that a test starts, at its most verbose, read for what must never be in one (R59). A test file whose
 * server logs a code, a token, a password, a card's or a phone's number fails when it closes the server.
 *
 * Owns: what counts as a leak. `log-scan.test.ts` shows that it finds each.
 */

/** Digits of a card: 13 to 19, perhaps in groups, with a right check digit. */
const CARD = /(?<![0-9a-fA-F.-])(?:\d[ -]?){12,18}\d(?![0-9a-fA-F-])/g;
/** Header and body of a JWT; a refresh token or another of ours under a MAC. */
const TOKENS = [
  /eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}/,
  /[0-9a-f]{8}-[0-9a-f-]{27}\.[A-Za-z0-9_.-]*[A-Za-z0-9_-]{43}/,
  /\b(?:sk|rk|whsec)_[A-Za-z0-9_-]{8,}/,
  /\bB(?:asic|earer) [A-Za-z0-9+/=_.-]{16,}/,
];
const ARGON2 = /\$argon2id\$/;
const BUFFER_BYTES = 1_000_000;

function isCard(text: string): boolean {
  const digits = Array.from(text.replace(/\D/g, ''), Number).reverse();
  const sum = digits.reduce((all, digit, i) => {
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    return all + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return digits.length >= 13 && new Set(digits).size > 1 && sum % 10 === 0;
}

/** What looks like a secret whatever it is. @returns its name, or null */
export function leakIn(text: string): string | null {
  if (TOKENS.some((pattern) => pattern.test(text))) return 'a token or a key';
  if (ARGON2.test(text)) return 'a password hash';
  return (text.match(CARD) ?? []).some(isCard) ? "a card's number" : null;
}

export class LogScan {
  readonly #secrets = new Map<string, string>();
  #pending = '';
  #lines = 0;
  readonly #leaks: string[] = [];

  /** A value of this run that must not be found, whatever it looks like. A code of six digits counts where it stands alone. */
  guard(secret: string, name: string): void {
    if (secret.length >= 6) this.#secrets.set(secret, name);
  }

  get lines(): number {
    return this.#lines;
  }

  readonly write = (line: string): void => {
    this.#lines += 1;
    this.#pending += line;
    if (this.#pending.length > BUFFER_BYTES) this.#scan();
  };

  /** @throws Error that names what leaked and shows the line's beginning */
  assertClean(): void {
    this.#scan();
    if (this.#leaks.length > 0) throw new Error(`R59: the log holds ${this.#leaks.join('; ')}`);
  }

  #scan(): void {
    const text = this.#pending;
    this.#pending = '';
    for (const line of text.split('\n')) {
      const leak = leakIn(withoutTimes(line));
      if (leak !== null) this.#leaks.push(`${leak} in ${line.slice(0, 300)}`);
    }
    for (const [secret, name] of this.#secrets) {
      const isThere = /^\d{6}$/.test(secret)
        ? new RegExp(`(?<![0-9a-fA-F.:-])${secret}(?![0-9a-fA-F.:-])`).test(withoutTimes(text))
        : text.includes(secret);
      if (isThere) this.#leaks.push(name);
    }
  }
}

/** Times and durations are digits of the log's own. */
function withoutTimes(text: string): string {
  return text.replace(/"(?:time|durationMs|pid|retryAfterMs)":"?[^,"}]*"?/g, '');
}
