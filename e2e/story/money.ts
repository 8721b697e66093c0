// What the books say: the merchant's balance by the API, the ledger by its own command.

import { MerchantSummary } from '@tikiwallet/server/contract';
import { runCommand } from '../../scripts/run-command.ts';
import { CloudClient } from '../../scripts/stack/cloud-client.ts';
import type { Stack } from '../../scripts/stack/stack.ts';
import { merchant } from './shop.ts';

/** What the merchant can dispose of, in minor units. */
export async function availableMinor(stack: Stack, person = merchant): Promise<bigint> {
  const cloud = new CloudClient(stack);
  const session = await cloud.signInOrRegister(person);
  const summary = await cloud.get('/v1/merchant/summary', MerchantSummary, session);
  return BigInt(summary.availableMinor);
}

/** The ledger's accounts as a table, with the sum of all entries. */
export async function printLedger(stack: Stack): Promise<string> {
  return await ledgerCommand(stack, 'print');
}

/** The ledger against itself: sums zero, balances equal to their entries. Throws when they are not. */
export async function reconcile(stack: Stack): Promise<string> {
  return await ledgerCommand(stack, 'reconcile');
}

async function ledgerCommand(stack: Stack, verb: 'print' | 'reconcile'): Promise<string> {
  const result = await runCommand('node', ['server/src/ledger/cli.ts', verb], {
    env: { ...process.env, ...stack.serverEnvironment },
  });
  if (result.code !== 0) throw new Error(`ledger ${verb} failed:\n${result.output}`);
  return result.stdout;
}
