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

test('it is said at start which way signatures are verified', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiki-context-'));
  const database = await freshDatabase();
  try {
    const lines: string[] = [];
    const log = createLogger({ level: 'info', destination: { write: (line) => void lines.push(line) } });
    const folders = { TIKI_DATA_DIR: folder, TIKI_STANDIN_DATA_DIR: folder };
    for (const TIKI_SIGNATURE_ADDON of ['never', 'if_built'])
      await createContext({
        config: readConfig({ TIKI_SIGNATURE_ADDON, ...folders }),
        clock: systemClock,
        db: database.db,
        log,
      });
    const said = lines.filter((line) => line.includes('signatures are verified'));
    expect(said).toHaveLength(2);
    expect(said[0]).toContain('by node:crypto: the addon is switched off');
    expect(said[1]).toMatch(/by the addon|by node:crypto: the addon (was|does|failed)/);
  } finally {
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
