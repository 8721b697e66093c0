import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freshDatabase } from '../test/fresh-database.ts';
import { systemClock } from './clock.ts';
import { ConfigError, readConfig } from './config.ts';
import { createContext } from './context-from-config.ts';
import { openAccount } from './ledger/index.ts';
import { createLogger } from './log.ts';

test('a server does not start on money of another currency', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiki-context-'));
  const database = await freshDatabase();
  const { db } = database;
  try {
    const start = (TIKI_CURRENCY: string) => {
      const folders = { TIKI_DATA_DIR: folder, TIKI_STANDIN_DATA_DIR: folder };
      const config = readConfig({ TIKI_CURRENCY, ...folders });
      return createContext({ config, clock: systemClock, db, log: createLogger({ level: 'silent' }) });
    };
    const [ownerId, holderId] = [randomUUID(), randomUUID()];
    await openAccount(db, { kind: 'user_online', ownerId, holderId, currency: 'SGD' });
    await expect(start('IDR')).rejects.toThrow(ConfigError);
    await expect(start('SGD')).resolves.toBeDefined();
  } finally {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
