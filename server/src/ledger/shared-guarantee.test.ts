/** Where the guarantee fund pays a part of a payment whose batch is one transfer, people see what they saw when each had its own. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toHex } from '@tikiwallet/protocol';
import { tellBothWays, walkHistory } from '../../test/both-ways.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcileJournals } from '../settlement/reconcile-journals.ts';
import type { SettlementTransfers } from '../settlement/post-payments.ts';
import { reconcile } from './index.ts';

interface Story {
  readonly server: TestServer;
  readonly merchant: Person;
  readonly payer: Person;
  readonly outcomes: readonly string[];
  /** Hex of each payment's hash, in the order of selling. */
  readonly sold: readonly string[];
}

/** A phone with 10.00 and its copy spend 15.00 in one batch, between sales to somebody honest. */
async function tell(transfers: SettlementTransfers): Promise<Story> {
  const server = await startTestServer({ env: { TIKI_SETTLEMENT_TRANSFERS: transfers } });
  const merchant = await server.register('merchant');
  const kiosk = await SimulatedKiosk.open(server, merchant, 'Door');
  const phone = await SimulatedPhone.withMoney(server, 5_000n);
  const wallet = await phone.load(1_000n);
  const copy = clone(wallet);
  const honest = await (await SimulatedPhone.withMoney(server, 5_000n)).load(1_000n);
  const sold: string[] = [];
  const sell = (from: OfflineWallet, amountMinor: bigint) => {
    const request = kiosk.request(amountMinor);
    const payment = pay(from, request);
    kiosk.write(request, from, payment);
    sold.push(toHex(payment.hash));
  };
  sell(honest, 40n);
  sell(wallet, 700n);
  sell(copy, 600n);
  sell(honest, 50n);
  sell(copy, 200n);
  return { server, merchant, payer: phone.person, outcomes: await kiosk.settle(), sold };
}

let together: Story;
let apart: Story;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ together, apart, close } = await tellBothWays(tell));
}, 60_000);
afterAll(() => close());

/** Payments with their amounts, newest first, by pages of `limit`. */
async function historyOf({ server, sold }: Story, person: Person, limit: number) {
  const items = await walkHistory(server, person, limit);
  return items
    .filter(({ paymentHash }) => paymentHash !== null)
    .map(({ kind, amountMinor, paymentHash }) => [kind, amountMinor, sold.indexOf(paymentHash ?? '')]);
}

test.each([1, 2, 3, 50])(
  'the payer sees what the reserve paid of each payment, the merchant the whole of it, by pages of %i',
  async (limit) => {
    for (const story of [together, apart]) {
      expect(await historyOf(story, story.payer, limit)).toEqual([
        ['offline_payment', '-300', 2],
        ['offline_payment', '-700', 1],
      ]);
      expect(await historyOf(story, story.merchant, limit)).toEqual([
        ['sale', '200', 4],
        ['sale', '50', 3],
        ['sale', '600', 2],
        ['sale', '700', 1],
        ['sale', '40', 0],
      ]);
    }
  },
);

test('the merchant’s statement has the whole of each, and the fund’s part is one entry of the one transfer', async () => {
  const amounts = async ({ server, merchant }: Story) => {
    const { body } = await server.call('/v1/statement', { token: merchant.token });
    return String(body)
      .split('\r\n')
      .map((line) => line.split(','))
      .filter(([, kind]) => kind === 'offline_payment' || kind === 'closing_balance')
      .map((line) => [line[2], line[4]]);
  };
  expect(await amounts(together)).toEqual([
    ['0.40', '0.40'],
    ['7.00', '7.40'],
    ['6.00', '13.40'],
    ['0.50', '13.90'],
    ['2.00', '15.90'],
    ['', '15.90'],
  ]);
  expect(await amounts(apart)).toEqual(await amounts(together));
  const outcomes = ['settled', 'settled', 'settled_by_guarantee', 'settled', 'settled_by_guarantee'];
  const fundOf = ({ server }: Story) => server.database.owner`
    select t.kind, e.amount_minor::int as minor from ledger_entries e join ledger_transfers t on t.id = e.transfer_id
    join ledger_accounts a on a.id = e.account_id
    where a.kind = 'guarantee_fund' and t.kind like 'offline_payment%' order by e.id`;
  expect([...(await fundOf(together))]).toEqual([{ kind: 'offline_payments', minor: -500 }]);
  expect((await fundOf(apart)).map(({ minor }) => minor)).toEqual([-300, -200]);
  for (const story of [together, apart]) {
    expect(story.outcomes).toEqual(outcomes);
    expect(await reconcile(story.server.context.db)).toMatchObject({ sound: true });
    expect(await reconcileJournals(story.server.context.db)).toMatchObject({ sound: true });
  }
});
