/**
 * U3: what a phone fetches before the wallet's first screen stands, compressed as the server sends it, without the
 * QR decoder. Reads the built wallet; `npm run build` makes it.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';

const DIST = join(import.meta.dirname, 'dist');
const GATE_KB = 60;

async function brotliKb(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    paths.map(async (path) => brotliCompressSync(await readFile(join(DIST, path))).length),
  );
  return sizes.reduce((sum, size) => sum + size, 0) / 1000;
}

/** What the page names itself, and the chunks that the start asks for at once: a language, the registration. */
async function firstLoad(assets: readonly string[]): Promise<readonly string[]> {
  const page = await readFile(join(DIST, 'index.html'), 'utf8');
  const named = [...page.matchAll(/(?:src|href)="\/([^"]+\.(?:js|css))"/g)].flatMap(
    (match) => match[1] ?? [],
  );
  const asked = assets.filter((path) => /\/(?:en|workbox-window)[.-]/.test(path));
  return [...new Set([...named, ...asked])];
}

export default async function bench() {
  const files = await readdir(join(DIST, 'assets'));
  const assets = files.filter((name) => /\.(?:js|css)$/.test(name)).map((name) => `assets/${name}`);
  const isDecoder = (path: string) => /\/decode-worker/.test(path);
  const isOtherLanguage = (path: string) => /\/(?:id|vi|ar|sw)-/.test(path);
  const first = await brotliKb(await firstLoad(assets));
  const all = await brotliKb(assets.filter((path) => !isDecoder(path) && !isOtherLanguage(path)));
  return [
    {
      id: 'wallet_first_load',
      what: 'JS and CSS of the first screen, brotli',
      value: first,
      unit: 'kB',
      gate: `<= ${GATE_KB}`,
      pass: first <= GATE_KB,
    },
    {
      id: 'wallet_all_screens',
      what: 'JS and CSS of all screens in one language, brotli, without the QR decoder',
      value: all,
      unit: 'kB',
    },
  ];
}
