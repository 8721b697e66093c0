/**
 * `node server/src/ledger/cli.ts print|reconcile`: the ledger from a terminal, beside a running server or without one.
 * `reconcile` exits 1 when the ledger is not sound, kiosks signed something else, a stored certificate is damaged, or Stripe's
 * balance is another one. Only wires.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { systemClock } from '../clock.ts';
import { type Config, readConfig } from '../config.ts';
import { connect, type Db } from '../db/client.ts';
import { findDatabase } from '../db/find-database.ts';
import { ProviderUnavailable } from '../money/port.ts';
import { describeDifferences, reconcileProvider } from '../money/reconcile-provider.ts';
import { describeDamage, describeJournals, findDamage, reconcileJournals } from '../settlement/index.ts';
import { readStoredIssuers } from '../trust/index.ts';
import { createStripeMoney } from '../money/stripe.ts';
import { describe, printLedger } from './print.ts';
import { reconcile } from './reconcile.ts';

/** What happens while both sides are read looks like a difference: only one that stays is one. */
const LOOKS = 3;
const BETWEEN_LOOKS_MS = 2_000;

/** @returns whether nothing differs. A provider that does not answer proves nothing. */
async function compareWithProvider(db: Db, config: Config): Promise<boolean> {
  const money = createStripeMoney({ config: config.stripe, webhookSecrets: [], clock: systemClock });
  try {
    for (let look = 1; ; look += 1) {
      const differences = await reconcileProvider({ db, money }, config.currency);
      if (differences.length > 0 && look < LOOKS) {
        await delay(BETWEEN_LOOKS_MS);
        continue;
      }
      console.log(describeDifferences(differences, config.currency).join('\n'));
      return differences.length === 0;
    }
  } catch (error) {
    if (!(error instanceof ProviderUnavailable)) throw error;
    console.log('Stripe does not answer: its balance was not compared.');
    return true;
  }
}

/** Lines of one night; a log takes no more, and the operator's page has them all. */
const DAMAGE_SHOWN = 1_000;

/** @returns whether no certificate of ours is damaged, and nothing was refused for one. */
async function lookForDamage(db: Db): Promise<boolean> {
  return await db.transaction(
    async (tx) => {
      // A look through all sales takes longer than any request may.
      await tx.execute(sql`set local statement_timeout = 0`);
      let count = 0;
      for await (const { view } of findDamage(tx, {
        issuers: await readStoredIssuers(tx),
        now: new Date(),
      })) {
        // These are told with the journals.
        if (view.what === 'sale' && view.damaged === 'allowance') continue;
        count += 1;
        if (count <= DAMAGE_SHOWN) console.log(describeDamage(view));
      }
      if (count > DAMAGE_SHOWN) console.log(`and ${count - DAMAGE_SHOWN} more  <- DIFFER`);
      if (count === 0)
        console.log('Nothing else was refused for a damaged certificate, and none of a till is damaged.');
      return count === 0;
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  );
}

async function main(command: string | undefined): Promise<number> {
  if (command !== 'print' && command !== 'reconcile') {
    console.error('usage: node server/src/ledger/cli.ts print|reconcile');
    return 2;
  }
  const config = readConfig(process.env);
  const source = await findDatabase(config);
  const database = connect({ url: source.url, maxConnections: 2, isPooled: config.isPooled });
  try {
    if (command === 'print') {
      console.log(await printLedger(database.db));
      return 0;
    }
    const result = await reconcile(database.db);
    console.log(describe(result).join('\n'));
    const journals = await reconcileJournals(database.db);
    console.log(describeJournals(journals).join('\n'));
    const isWhole = await lookForDamage(database.db);
    const agrees = await compareWithProvider(database.db, config);
    return result.sound && journals.sound && isWhole && agrees ? 0 : 1;
  } finally {
    await database.close();
    await source.close();
  }
}

process.exitCode = await main(process.argv[2]);
