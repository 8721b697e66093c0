/** Which code is it? Apart from what reads it, so that the scanner's screen needs no cryptography. */

/** Base45 has a space in its alphabet, so only line ends and what stands before the prefix may go. */
export function tidyCode(text: string): string {
  return text.replace(/[\r\n\t]/g, '').trimStart();
}

/** Is this the code of somebody who wants to give money back? */
export function isRefundText(text: string): boolean {
  return tidyCode(text).startsWith('TIKI1:B:');
}
