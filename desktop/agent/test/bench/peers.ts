/** The two kiosks under measurement, and each way of delivering to them: payments are signed before the clock starts. */
import { sealToKiosk } from '@tikiwallet/protocol';
import type { RunningKiosk, RunningNaive } from './processes.ts';
import { deliver, type Measured } from '../../../../scripts/raw-client.ts';
import type { BenchShop } from './shop.ts';

export interface Peers {
  readonly shop: BenchShop;
  readonly kiosk: RunningKiosk;
  readonly naive: RunningNaive;
}

export async function unsealed({ shop, kiosk }: Peers, count: number, callers: number): Promise<Measured> {
  const bodies = shop.order(count).map(({ delivery }) => delivery);
  return deliver({ ...kiosk.plain, bodies, callers });
}

export async function sealed({ shop, kiosk }: Peers, count: number, callers: number): Promise<Measured> {
  const orders = shop.order(count);
  const bodies = await Promise.all(orders.map(({ delivery }) => sealToKiosk(delivery, shop.certificate)));
  return deliver({ ...kiosk.sealed, bodies, callers });
}

export async function byReference({ shop, kiosk }: Peers, count: number, callers: number): Promise<Measured> {
  const bodies = shop.order(count).map(({ phone, payment }) => phone.repeat(payment.bytes));
  return deliver({ ...kiosk.plain, bodies, callers });
}

export async function naively({ shop, naive }: Peers, count: number, callers: number): Promise<Measured> {
  return deliver({ ...naive.target, bodies: naive.bodies(shop.order(count)), callers });
}
