/** How an enrolment code is typed and shown: eight letters and digits, a dash in the middle. Pure. */
export const CODE_LENGTH = 8;

/** What counts of what was typed: upper case, no dash, no more than fits. */
export function cleanCode(typed: string): string {
  return typed
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, '')
    .slice(0, CODE_LENGTH);
}

/** `ABCDE` is shown as `ABCD-E`. */
export function showCode(code: string): string {
  return code.length > 4 ? `${code.slice(0, 4)}-${code.slice(4)}` : code;
}
