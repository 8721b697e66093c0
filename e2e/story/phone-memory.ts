// What a phone's browser has on its disk, read from outside and from inside: for tests that lose it, copy it and put it back.

import { cp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Phone } from './phone.ts';

/** A killed browser's children write for a moment after it. */
const GONE = { recursive: true, force: true, maxRetries: 20, retryDelay: 100 } as const;

/** One store of the wallet's database, with bytes as hex and big integers as decimal text. */
export type StoredRow = Readonly<Record<string, unknown>>;

/** Reads a store beside the wallet, through a connection of its own. */
export async function readStore(phone: Phone, store: string): Promise<readonly StoredRow[]> {
  const text = await phone.page.evaluate(async (name) => {
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const opening = indexedDB.open('tikiwallet');
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error ?? new Error('not opened'));
    });
    try {
      const rows = await new Promise<unknown[]>((resolve, reject) => {
        const asking = database.transaction(name).objectStore(name).getAll();
        asking.onsuccess = () => resolve(asking.result);
        asking.onerror = () => reject(asking.error ?? new Error('not read'));
      });
      return JSON.stringify(rows, (_key, value: unknown) => {
        if (typeof value === 'bigint') return value.toString();
        if (value instanceof CryptoKey) return `key, extractable: ${String(value.extractable)}`;
        return value instanceof Uint8Array
          ? [...value].map((byte) => byte.toString(16).padStart(2, '0')).join('')
          : value;
      });
    } finally {
      database.close();
    }
  }, store);
  return JSON.parse(text) as readonly StoredRow[];
}

/** Clears one kind of storage as the browser does when space runs out. */
export async function evict(
  phone: Phone,
  kind: 'indexeddb' | 'local_storage' | 'cache_storage',
): Promise<void> {
  const session = await phone.page.context().newCDPSession(phone.page);
  const { origin } = new URL(phone.page.url());
  await session.send('Storage.clearDataForOrigin', { origin, storageTypes: kind });
  await session.detach();
}

/** The phone is off: its browser's whole profile, or the database alone, is put aside. */
export async function copyMemory(phone: Phone, aside: string): Promise<void> {
  await rm(aside, GONE);
  await cp(phone.profile, aside, { recursive: true });
}

export async function restoreWhole(phone: Phone, aside: string): Promise<void> {
  await rm(phone.profile, GONE);
  await cp(aside, phone.profile, { recursive: true });
}

export async function restoreDatabase(phone: Phone, aside: string): Promise<void> {
  const place = join('Default', 'IndexedDB');
  const folders = await readdir(join(aside, place));
  if (folders.length === 0) throw new Error('there is no database to put back');
  await rm(join(phone.profile, place), GONE);
  await cp(join(aside, place), join(phone.profile, place), { recursive: true });
}

/** Whether the browser has written a cookie of that name yet. The phone is off. */
export async function isCookieOnDisk(phone: Phone, name: string): Promise<boolean> {
  const folder = join(phone.profile, 'Default');
  const files = (await readdir(folder)).filter((file) => file.startsWith('Cookies'));
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'latin1')));
  return texts.some((text) => text.includes(name));
}
