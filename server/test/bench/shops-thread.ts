/** The thread of `shops.ts`: it lays its people out, says who they are, and then signs what it is asked for. */
import { parentPort, workerData } from 'node:worker_threads';
import postgres from 'postgres';
import { systemClock } from '../../src/clock.ts';
import { readConfig } from '../../src/config.ts';
import { createContext } from '../../src/context-from-config.ts';
import { connect } from '../../src/db/client.ts';
import { createLogger } from '../../src/log.ts';
import { signaturesOf } from './limits.ts';
import type { OfflineWallet } from '../simulated-phone.ts';
import { addCustomers, addKiosks, addPhones, type BenchKiosk, nextBatch } from './market.ts';
import type { Laid, ShopsSetup, Wanted } from './shops.ts';

const { folder, ownerUrl, appUrl, groups, customers }: ShopsSetup = workerData;
const database = connect({ url: appUrl, maxConnections: 1 });
const owner = postgres(ownerUrl, { max: 1, onnotice: () => undefined });
const config = readConfig({ TIKI_DATA_DIR: folder });
const log = createLogger({ level: 'silent' });
const context = await createContext({ config, clock: systemClock, db: database.db, log });
const market = { context, owner };

interface People {
  readonly kiosks: readonly BenchKiosk[];
  readonly phones: readonly OfflineWallet[];
  turn: number;
}
const people: People[] = [];
for (const group of groups) {
  const phones = await addPhones(market, group.phones, 1_000_000n);
  people.push({ phones, kiosks: await addKiosks(market, group.kiosks), turn: 0 });
}
const accounts = await addCustomers(market, customers, 1_000_000_000n);
const signed = signaturesOf(people[0]?.phones ?? [], await context.offline.trust.issuers(context.db));
await Promise.all([database.close(), owner.end({ timeout: 5 })]);

const laid: Laid = {
  kiosks: people.map(({ kiosks }) => kiosks.map(({ kiosk }) => kiosk)),
  accounts: accounts.map(({ accountId }) => accountId),
  signed,
};
parentPort?.postMessage(laid);

parentPort?.on('message', ({ group, batches, size }: Wanted) => {
  const shops = people[group];
  if (shops === undefined) throw new Error(`there is no group ${group}`);
  shops.turn += 1;
  const { phones, turn } = shops;
  const walletsOf = (place: number) => {
    const first = ((place + turn) * size) % phones.length;
    return phones.slice(first, first + size);
  };
  const envelopes = shops.kiosks.map((kiosk, k) =>
    Array.from({ length: batches }, (_, b) => new Uint8Array(nextBatch(kiosk, walletsOf(k * batches + b)))),
  );
  parentPort?.postMessage(
    envelopes,
    envelopes.flat().map((envelope) => envelope.buffer),
  );
});
