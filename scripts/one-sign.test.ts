/** One sign on every screen: what the customer's phone shows, installed or open, is what stands on the till. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

test.each(['desktop/renderer/look/icons.tsx', 'wallet/src/screens/parts/icons.tsx'])(
  '%s draws the sign of the installed wallet',
  (path) => {
    const drawn = read(path);
    const strokes = [...read('wallet/public/icon.svg').matchAll(/(?:d|fill|stroke)="[^"]+"/g)].map(String);
    expect(strokes.length).toBeGreaterThan(6);
    expect(strokes.filter((stroke) => !drawn.includes(stroke))).toEqual([]);
  },
);
