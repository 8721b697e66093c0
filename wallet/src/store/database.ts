/**
 * Opens the phone's database. Never: deletes it, or opens one that a newer version of the wallet wrote.
 */
import { openDB } from 'idb';
import { MIGRATIONS, type Database, type MetaValues, type WalletSchema } from './schema.ts';

export const DATABASE_NAME = 'tikiwallet';

/** The database could not be opened: blocked storage, a full disk, or one from a newer version of the wallet. */
export class StoreUnavailable extends Error {
  readonly code: 'store_unavailable' | 'store_from_newer_version';
  constructor(code: StoreUnavailable['code'], cause: unknown) {
    super(code, { cause });
    this.name = 'StoreUnavailable';
    this.code = code;
  }
}

/** @throws StoreUnavailable */
export async function openWalletDatabase(name: string = DATABASE_NAME): Promise<Database> {
  try {
    return await openDB<WalletSchema>(name, MIGRATIONS.length, {
      upgrade(database, oldVersion, _newVersion, transaction) {
        for (const migrate of MIGRATIONS.slice(oldVersion)) migrate(database, transaction);
      },
      // A newer tab wants to migrate: let go, so that it is not kept waiting by a forgotten one.
      blocking(_current, _blocked, event) {
        if (event.target instanceof IDBDatabase) event.target.close();
      },
    });
  } catch (error) {
    const isNewer = error instanceof DOMException && error.name === 'VersionError';
    throw new StoreUnavailable(isNewer ? 'store_from_newer_version' : 'store_unavailable', error);
  }
}

export async function getMeta<K extends keyof MetaValues>(
  database: Database,
  name: K,
): Promise<MetaValues[K] | undefined> {
  // The store's values are a union; `putMeta` is the only writer and ties each name to its type.
  return (await database.get('meta', name)) as MetaValues[K] | undefined;
}

export async function putMeta<K extends keyof MetaValues>(
  database: Database,
  name: K,
  value: MetaValues[K],
): Promise<void> {
  await database.put('meta', value, name);
}

/** {@link putMeta}, on the disk when it resolves. */
export async function putMetaStrictly<K extends keyof MetaValues>(
  database: Database,
  name: K,
  value: MetaValues[K],
): Promise<void> {
  const transaction = database.transaction('meta', 'readwrite', { durability: 'strict' });
  await Promise.all([transaction.store.put(value, name), transaction.done]);
}

export async function dropMeta(database: Database, name: keyof MetaValues): Promise<void> {
  await database.delete('meta', name);
}
