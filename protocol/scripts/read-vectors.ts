/** The committed vectors from disk, and the suite that runs them: what a Node program needs to test itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VectorFile } from './vector.ts';

export { runVectors, type Platform } from './vector-suite.ts';

export const VECTORS = join(import.meta.dirname, '..', 'vectors');
/** Kept signatures of the generator: no vectors. */
export const SIGNATURES = 'signatures.json';

export function readVectors(): Readonly<Record<string, VectorFile>> {
  const names = readdirSync(VECTORS).filter((name) => name.endsWith('.json') && name !== SIGNATURES);
  return Object.fromEntries(
    names.map((name) => [name, JSON.parse(readFileSync(join(VECTORS, name), 'utf8')) as VectorFile]),
  );
}
