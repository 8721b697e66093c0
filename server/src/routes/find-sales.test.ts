/** The six digits that two people saw beside "paid" find their sale in the shop's list; another shop's digits find nothing. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Payment, paidCode, toHex } from '@tikiwallet/protocol';
import { pageOf, SaleView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { SimulatedPhone } from '../../test/simulated-phone.ts';
import { must } from '../trust/index.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';

let server: TestServer;
let merchant: Person;
let stranger: Person;
let sales: readonly Payment[];

beforeAll(async () => {
  server = await startTestServer();
  merchant = await server.register('merchant');
  stranger = await server.register('merchant');
  const phone = await SimulatedPhone.withMoney(server, 10_000n);
  const wallet = await phone.load(5_000n);
  const kiosk = await SimulatedKiosk.open(server, merchant, 'Counter');
  sales = [kiosk.sell(wallet, 1_250n), kiosk.sell(wallet, 300n), kiosk.sell(wallet, 99n)];
  await kiosk.settle();
  await SimulatedKiosk.open(server, stranger, 'Elsewhere');
});
afterAll(() => server.close());

const list = (search: string, { token }: Person = merchant) =>
  server.expect(pageOf(SaleView), `/v1/merchant/sales?search=${encodeURIComponent(search)}`, { token });
const codeOf = ({ requestHash, hash }: Payment) => must(paidCode(requestHash, hash));

test('the six digits of each sale find that sale, also with the space that the screens show', async () => {
  for (const sale of sales) {
    const code = codeOf(sale);
    const { items, nextCursor } = await list(code);
    expect(items.map(({ paymentHash }) => paymentHash)).toEqual([toHex(sale.hash)]);
    expect(nextCursor).toBeNull();
    expect((await list(`${code.slice(0, 3)} ${code.slice(3)}`)).items).toEqual(items);
  }
});

test('digits of no sale, and another shop’s, find nothing', async () => {
  const codes = sales.map(codeOf);
  const none = ['000000', '123456', '999999', '314159'].filter((code) => !codes.includes(code));
  for (const code of none) expect((await list(code)).items).toEqual([]);
  for (const code of codes) expect((await list(code, stranger)).items).toEqual([]);
});
