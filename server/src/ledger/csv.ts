/** Tables for spreadsheets: RFC 4180, and no cell that a spreadsheet would take for a formula. Pure. */

/** A number is itself; anything else that begins like a formula is made text by an apostrophe, as spreadsheets do. */
const NUMBER = /^-?\d+(\.\d+)?$/;
const LIKE_A_FORMULA = /^[=+\-@\t\r\n]/;

function cell(text: string): string {
  const safe = LIKE_A_FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Lines end with CRLF, the last one too. */
export function toCsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
