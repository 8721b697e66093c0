/**
 * The main job of the cloud, over HTTP, as clients do it that are told nothing of what is behind the address: register,
 * top up, send, take offline, sell, settle, and look; every write under a key of its own, tried again until it is answered.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { HistoryItem, pageOf, SaleView, TransferResult, WalletView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../simulated-kiosk.ts';
import { SimulatedPhone } from '../simulated-phone.ts';
import type { Person, TestServer } from '../test-server.ts';
import { within } from './waits.ts';

const SALES_PER_BATCH = 5;
/** HAProxy answers for a process that does not, after a minute. */
const ANSWER_WITHIN_MS = 90_000;
/** A write that is not answered by then, however often it is tried, is not going to be. */
const GIVEN_UP_AFTER_MS = 240_000;

export interface Traffic {
  /** Transfers that were answered, by key. */
  readonly sent: Set<string>;
  settledSales: number;
  /** Attempts that brought no answer, or one of 5xx: the client tried again. */
  retries: number;
  /** Writes that were cut and are not answered yet. A key that a killed process held is free again after a minute. */
  cut: number;
  /** What ended a sender or a kiosk before it was told to stop. */
  failure: Error | null;
  /** The last failure that was tried again. */
  lastRetried: unknown;
  readonly stop: () => Promise<void>;
}

export function mainJob(server: TestServer): Promise<void> {
  return within('the main job is done', 180_000, doMainJob(server));
}

async function doMainJob(server: TestServer): Promise<void> {
  const phone = await SimulatedPhone.withMoney(server, 10_000n);
  const friend = await server.register('customer');
  const body = { phone: friend.phone, amountMinor: '250' };
  await server.expect(TransferResult, '/v1/transfers', {
    body,
    token: phone.person.token,
    key: randomUUID(),
  });
  const merchant = await server.register('merchant', { agent: true });
  const kiosk = await SimulatedKiosk.open(server, merchant);
  const wallet = await phone.load(4_000n);
  for (const amount of [100n, 200n, 300n]) kiosk.sell(wallet, amount);
  const outcomes = await kiosk.settle();
  must(
    outcomes.every((outcome) => outcome === 'settled') && outcomes.length === 3,
    `settlement answered ${outcomes.join()}`,
  );
  const seen = await server.expect(WalletView, '/v1/wallet', { token: phone.person.token });
  must(
    seen.onlineMinor === '5750' && seen.offlineMinor === '3400',
    `the wallet shows ${JSON.stringify(seen)}`,
  );
  await phone.close(wallet);
  const history = await server.expect(pageOf(HistoryItem), '/v1/history', { token: phone.person.token });
  must(history.items.length >= 5, `the history has ${history.items.length} items`);
  let sales = 0;
  // The list may come from the replica.
  for (let look = 0; look < 100 && sales < 3; look += 1) {
    sales = (await server.expect(pageOf(SaleView), '/v1/merchant/sales', { token: merchant.token })).items
      .length;
    if (sales < 3) await delay(100);
  }
  must(sales === 3, `the merchant sees ${sales} sales`);
}

/** What wallet and agent try again: no answer, one of HAProxy's own, or one that says so. */
function isPassing(error: unknown): boolean {
  const text = error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error);
  return /fetch failed|answered 5\d\d|ECONN|socket|terminated|"code":"service_unavailable"|not_json/i.test(
    text,
  );
}

/** Senders and kiosks that never pause, until they are stopped. */
export async function startTraffic(
  server: TestServer,
  count: { senders: number; kiosks: number },
): Promise<Traffic> {
  let isOver = false;
  const traffic: Omit<Traffic, 'stop'> = {
    sent: new Set<string>(),
    settledSales: 0,
    retries: 0,
    cut: 0,
    failure: null,
    lastRetried: null,
  };
  const again = async <T>(what: string, attempt: () => Promise<T>): Promise<T> => {
    const giveUpAt = performance.now() + GIVEN_UP_AFTER_MS;
    for (let tries = 0; ; tries += 1) {
      try {
        const answer = await within(`${what} is answered`, ANSWER_WITHIN_MS, attempt());
        if (tries > 0) traffic.cut -= 1;
        return answer;
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (performance.now() > giveUpAt)
          throw new Error(`${what} was tried ${tries + 1} times in vain`, { cause: error });
        traffic.retries += 1;
        traffic.lastRetried = error;
        if (tries === 0) traffic.cut += 1;
        await delay(50);
      }
    }
  };
  const friend = await server.register('customer');
  const send = async (person: Person) => {
    while (!isOver) {
      const key = randomUUID();
      const body = { phone: friend.phone, amountMinor: '1' };
      await again('a transfer', () =>
        server.expect(TransferResult, '/v1/transfers', { body, token: person.token, key }),
      );
      traffic.sent.add(key);
    }
  };
  const sell = async ({ kiosk, phone }: { kiosk: SimulatedKiosk; phone: SimulatedPhone }) => {
    const wallet = await phone.load(20_000n);
    for (let settled = 0; !isOver && settled + SALES_PER_BATCH <= 50; settled += SALES_PER_BATCH) {
      for (let sale = 0; sale < SALES_PER_BATCH; sale += 1) kiosk.sell(wallet, 1n);
      const envelope = kiosk.batch({
        from: kiosk.journal.length - SALES_PER_BATCH + 1,
        to: kiosk.journal.length,
      });
      const outcomes = await again('a batch', () => settleOnce(kiosk, envelope));
      traffic.settledSales += outcomes.filter((outcome) => outcome === 'settled').length;
    }
  };
  const people = await Promise.all(Array.from({ length: count.senders }, () => server.customerWith(50_000n)));
  const shops = await Promise.all(
    Array.from({ length: count.kiosks }, async () => ({
      phone: await SimulatedPhone.withMoney(server, 50_000n),
      kiosk: await SimulatedKiosk.open(server, await server.register('merchant', { agent: true })),
    })),
  );
  const work = Promise.all([...people.map(send), ...shops.map(sell)]);
  // A failure is told to who looks at the traffic next, not as an unhandled one before.
  work.catch((error: unknown) => {
    traffic.failure = error instanceof Error ? error : new Error(String(error));
  });
  return Object.assign(traffic, {
    stop: async () => {
      isOver = true;
      await within('every sender and kiosk has its last answer', GIVEN_UP_AFTER_MS + ANSWER_WITHIN_MS, work);
    },
  });
}

async function settleOnce(kiosk: SimulatedKiosk, envelope: Uint8Array): Promise<readonly string[]> {
  try {
    return await kiosk.settle(envelope);
  } catch (error) {
    // HAProxy's own page is no problem document.
    if (error instanceof SyntaxError) throw new Error('not_json', { cause: error });
    throw error;
  }
}

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
