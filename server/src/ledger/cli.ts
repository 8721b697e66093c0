/**
 * `node server/src/ledger/cli.ts print|reconcile`: the ledger from a terminal, beside a running server or without one.
 * `reconcile` exits 1 when the ledger is not sound. Only wires.
 */
import { readConfig } from '../config.ts';
import { connect } from '../db/client.ts';
import { findDatabase } from '../db/find-database.ts';
import { describe, printLedger } from './print.ts';
import { reconcile } from './reconcile.ts';

async function main(command: string | undefined): Promise<number> {
  if (command !== 'print' && command !== 'reconcile') {
    console.error('usage: node server/src/ledger/cli.ts print|reconcile');
    return 2;
  }
  const source = await findDatabase(readConfig(process.env));
  const database = connect({ url: source.url, maxConnections: 2 });
  try {
    if (command === 'print') {
      console.log(await printLedger(database.db));
      return 0;
    }
    const result = await reconcile(database.db);
    console.log(describe(result).join('\n'));
    return result.sound ? 0 : 1;
  } finally {
    await database.close();
    await source.close();
  }
}

process.exitCode = await main(process.argv[2]);
