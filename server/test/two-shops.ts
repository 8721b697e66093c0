/** Two shops that sell to one phone: with it, a copied wallet and two who settle at one time are tried. */
import { SimulatedKiosk } from './simulated-kiosk.ts';
import { type OfflineWallet, SimulatedPhone } from './simulated-phone.ts';
import { startTestServer, type TestServer } from './test-server.ts';

export interface TwoShops {
  readonly first: SimulatedKiosk;
  readonly second: SimulatedKiosk;
  readonly phone: SimulatedPhone;
  /** Of 50.00. */
  readonly wallet: OfflineWallet;
}

/** Whose guarantee pays each shop 60.00 a month. */
export function startServerOfShops(): Promise<TestServer> {
  return startTestServer({ maxConnections: 16, env: { TIKI_GUARANTEE_MONTH_MINOR: '6000' } });
}

/** Two more of them, and a phone that nobody else has. */
export async function openTwoShops(server: TestServer): Promise<TwoShops> {
  const first = await SimulatedKiosk.open(
    server,
    await server.register('merchant', { businessName: 'Shop A' }),
  );
  const second = await SimulatedKiosk.open(
    server,
    await server.register('merchant', { businessName: 'Shop B' }),
  );
  const phone = await SimulatedPhone.withMoney(server, 10_000n);
  return { first, second, phone, wallet: await phone.load(5_000n) };
}
