/** The text `VERSION.ISSUED_AT` of a query, whose form the contract has checked. */
import type { BundleName } from './deltas.ts';

export function readSince(text: string | undefined): BundleName | null {
  if (text === undefined) return null;
  const [version = '', issuedAt = ''] = text.split('.');
  return { version: Number(version), issuedAt: Number(issuedAt) };
}
