/** The pages say what the code does: their examples are the vectors, their tables the code's own. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SPEC } from '../scripts/make-vectors.ts';
import { VECTORS } from '../scripts/read-vectors.ts';
import { countExamples, withExamples } from '../scripts/spec-examples.ts';
import { FIELD_NAMES } from '../scripts/diagnostic.ts';
import type { VectorFile } from '../scripts/vector.ts';
import { CHECK, JOURNAL_FAULTS, JOURNAL_KIND, OVERRIDE_REASONS, REFUSAL_CODES } from '../src/index.ts';
import * as limits from '../src/limits.ts';
import { PURPOSE } from '../src/purposes.ts';

const pageNames = readdirSync(SPEC).filter((name) => name.endsWith('.md'));
const pages: ReadonlyMap<string, string> = new Map(
  pageNames.map((name) => [name, readFileSync(join(SPEC, name), 'utf8')]),
);
const page = (name: string) => pages.get(name) ?? '';
const vectorNames = readdirSync(VECTORS).filter((name) => name.endsWith('.json'));
const vectors: ReadonlyMap<string, string> = new Map(
  vectorNames.map((name) => [name, readFileSync(join(VECTORS, name), 'utf8')]),
);
const rows = (text: string) =>
  [...text.matchAll(/^\| `?([^|`]+?)`? \| `?([^|`]*?)`? \|/gm)].map(([, a, b]) => [a, b]);
/** The first CDDL array with this purpose, comments taken out. */
const layouts = [...pages.values()].join('\n').replaceAll(/;.*$/gm, '');

describe('examples', () => {
  it.each(pageNames)('%s shows what the vectors hold: `npm run vectors` leaves no diff', (name) => {
    expect(withExamples(page(name), vectors)).toBe(page(name));
  });

  it('are on every page that describes an object', () => {
    for (const name of pageNames.filter((candidate) => /^(0[2346789]|1[45])/.test(candidate))) {
      expect([name, countExamples(page(name))]).not.toEqual([name, 0]);
    }
  });

  it('the table of operations has each that a vector asks for, and no other', () => {
    const table = readFileSync(join(VECTORS, 'README.md'), 'utf8');
    const listed = [...table.matchAll(/^\| (`.+?) \|/gm)].flatMap(([, names = '']) =>
      [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    const files = [...vectors].filter(([name]) => name !== 'signatures.json');
    const asked = files.flatMap(([, text]) => {
      const { valid, invalid } = JSON.parse(text) as VectorFile;
      return [...valid, ...invalid].map(({ operation }) => operation);
    });
    expect(new Set(listed)).toEqual(new Set(asked));
  });

  it('every vector file names a page that names it', () => {
    for (const [name, text] of vectors) {
      if (name === 'signatures.json') continue;
      const file = JSON.parse(text) as VectorFile;
      expect(page(file.page)).toContain(`\`${name}\``);
    }
  });
});

describe('tables', () => {
  it('page 11 lists every limit with its value', () => {
    const inCode = Object.entries(limits).map(([name, value]) => [name, String(value)]);
    const inPage = rows(page('11-limits.md')).filter(([name]) => /^[A-Z_]+$/.test(name ?? ''));
    expect(Object.fromEntries(inPage)).toEqual(Object.fromEntries(inCode));
  });

  it('page 12 lists every refusal code, in the order of the code', () => {
    const inPage = rows(page('12-error-codes.md'))
      .map(([code]) => code)
      .filter((code) => code?.includes('_'));
    expect(inPage).toEqual([...REFUSAL_CODES]);
  });

  it('codes on the other pages exist', () => {
    const words = [...pages.values()].flatMap((text) =>
      [...text.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, word]) => word),
    );
    const others = new Set([
      'at_risk',
      'known_only',
      'locked_only',
      'settled_by_guarantee',
      // What a channel says where nobody has judged a payment.
      'origin_not_allowed',
      'kiosk_unreachable',
      'answer_not_understood',
      // The API's own, about a request.
      'stream_limit_reached',
      'stream_stalled',
      ...JOURNAL_FAULTS,
      ...OVERRIDE_REASONS,
    ]);
    const known = new Set<string>(REFUSAL_CODES);
    expect(words.filter((word) => word !== undefined && !known.has(word) && !others.has(word))).toEqual([]);
  });

  it('page 07 lists every finding about a journal', () => {
    for (const fault of JOURNAL_FAULTS) expect(page('07-journal.md')).toContain(`\`${fault}\``);
  });

  it('page 07 gives every reason of an override its number and its name', () => {
    const named = rows(page('07-journal.md')).map(([number, name]) => [Number(number), name]);
    OVERRIDE_REASONS.forEach((reason, index) => expect(named).toContainEqual([index + 1, reason]));
  });

  it('page 01 lists every purpose, page 05 every check, page 07 every kind', () => {
    const numbersOf = (name: string, pattern: RegExp) =>
      rows(page(name))
        .filter(([first]) => pattern.test(first ?? ''))
        .map(([n]) => Number(n));
    expect(numbersOf('01-encoding.md', /^\d+$/)).toEqual(Object.values(PURPOSE));
    const ofReasons = OVERRIDE_REASONS.map((_, index) => index + 1);
    expect(numbersOf('07-journal.md', /^\d+$/)).toEqual([...Object.values(JOURNAL_KIND), ...ofReasons]);
    const bits = rows(page('05-acceptance.md'))
      .map(([bit]) => Number(bit))
      .filter((bit) => bit > 0);
    expect(bits.slice(-Object.keys(CHECK).length)).toEqual(Object.values(CHECK));
  });
});

describe('CDDL', () => {
  it.each([...FIELD_NAMES])('the layout of purpose %i names the fields in their order', (purpose, names) => {
    const start = layouts.indexOf(`purpose: ${purpose},`);
    expect(start).toBeGreaterThan(-1);
    // Nested arrays, as in the policy of a trust bundle, name fields of their own.
    const layout = layouts
      .slice(start, start + layouts.slice(start).search(/^\]|\]$/m))
      .replaceAll(/\[\n[^\]]*\]/g, '[]');
    const named = [...layout.matchAll(/(?:^|[\s,])([a-z-]+):/g)].map(([, name]) => name);
    expect(named).toEqual(names);
  });
});
