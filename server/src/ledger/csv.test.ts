import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toCsv } from './csv.ts';

test.each([
  ['plain', 'plain'],
  ['-12.50', '-12.50'],
  ['=1+1', "'=1+1"],
  ['+6581234567', "'+6581234567"],
  ['-cmd|calc', "'-cmd|calc"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['\tx', "'\tx"],
  // Where the decimal sign is a comma, spreadsheets begin a new cell at a semicolon.
  ['thanks;=HYPERLINK(1)', "thanks;'=HYPERLINK(1)"],
  ['a;\t@x', "a;'\t@x"],
  ['say "hi", twice', '"say ""hi"", twice"'],
  ['two\r\nlines', '"two\r\nlines"'],
])('a cell %j is written %j', (text, written) => {
  expect(toCsv([[text, 'x']])).toBe(`${written},x\r\n`);
});

/** A reader by the grammar of RFC 4180, which knows nothing of the writer. */
function read(csv: string): string[][] {
  const rows: string[][] = [[]];
  let field = '';
  let quoted = false;
  for (let at = 0; at < csv.length; at += 1) {
    const sign = csv[at] ?? '';
    if (quoted) {
      if (sign !== '"') field += sign;
      else if (csv[at + 1] === '"') {
        field += '"';
        at += 1;
      } else quoted = false;
    } else if (sign === '"') quoted = true;
    else if (sign === ',' || (sign === '\r' && csv[at + 1] === '\n')) {
      rows.at(-1)?.push(field);
      field = '';
      if (sign === '\r') {
        rows.push([]);
        at += 1;
      }
    } else field += sign;
  }
  return rows.slice(0, -1);
}

/** Without the apostrophes that may have been added. */
const unsafe = (cell: string) => cell.replace(/(^|;"*)'(?=[=+\-@\t\r\n])/g, '$1');

test('whatever people write comes back from the file, and nothing in it begins like a formula', () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom('=', '+', '-', '@', '"', ',', ';', '\r', '\n', '\t', '1', 'a') }),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { minLength: 1 }), (rows) => {
      const back = read(toCsv(rows));
      expect(back).toHaveLength(rows.length);
      rows.forEach((row, at) => {
        row.forEach((cell, column) => {
          const found = back[at]?.[column] ?? '';
          expect(unsafe(found)).toBe(unsafe(cell));
          for (const part of /^-?\d+(\.\d+)?$/.test(found) ? [] : found.split(/;"*/))
            expect(part).not.toMatch(/^[=+\-@\t\r\n]/);
        });
      });
    }),
    { numRuns: 300 },
  );
});
