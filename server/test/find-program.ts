/** Whether a program that npm cannot bring is on this machine. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** @returns its path; undefined where it is not */
export function findProgram(name: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}
