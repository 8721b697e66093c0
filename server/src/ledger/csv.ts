/** Tables for spreadsheets: RFC 4180, and no cell that a spreadsheet would take for a formula. Pure. */

/** A number is itself; anything else that begins like a formula is made text by an apostrophe, as spreadsheets do. */
const NUMBER = /^-?\d+(\.\d+)?$/;
/** Also behind a semicolon: where the decimal sign is a comma, spreadsheets begin a new cell there. */
const LIKE_A_FORMULA = /(^|;"*)(?=[=+\-@\t\r\n])/g;

function cell(text: string): string {
  const safe = NUMBER.test(text) ? text : text.replace(LIKE_A_FORMULA, "$1'");
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Lines end with CRLF, the last one too. */
export function toCsv(rows: readonly (readonly string[])[]): string {
  return rows.map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
