/**
 * A small JSON document on disk that survives a restart: what the stand-ins remember.
 *
 * Owns: reading with a schema, replacing the file whole. Never: anything of the product's own data.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { z } from 'zod';

export interface JsonFile<T> {
  readonly value: T;
  /** Writes the value as it is now; the old file stays whole until the new one is. */
  save(): void;
}

/** Opens the document, or begins with `initial`. `path` null keeps it in memory. */
export function openJsonFile<T extends z.ZodType>(
  path: string | null,
  schema: T,
  initial: z.input<T>,
): JsonFile<z.output<T>> {
  const found = path !== null && existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : initial;
  const value = schema.parse(found);
  const save = () => {
    if (path === null) return;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 1)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  };
  return { value, save };
}
