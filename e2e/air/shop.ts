// The shop over the air, opened once for all cases that play in it: the agent hosts its group, four customers with money
// on their phones stand before the door, and the internet is gone.

import { INTERNET_ADDRESS, type Stage } from '../../native/lab/guest/stage.ts';
import { Bank } from './bank.ts';
import { Customer } from './customer.ts';
import { Kiosk } from './kiosk.ts';

const POCKET_MINOR = 50_000n;

export type AirShop = {
  readonly kiosk: Kiosk;
  readonly customers: readonly [Customer, Customer, Customer, Customer];
};

let opened: Promise<AirShop> | undefined;

export function openShop(stage: Stage): Promise<AirShop> {
  opened ??= open(stage);
  return opened;
}

async function open({ kiosk: supplicant, phones }: Stage): Promise<AirShop> {
  const bank = new Bank();
  const kiosk = new Kiosk(supplicant, await bank.open(INTERNET_ADDRESS));
  const [one, two, three, four] = phones;
  const arrive = async (phone: (typeof phones)[number]): Promise<Customer> =>
    Customer.arrive(phone, bank, POCKET_MINOR);
  // What the first wallet has compiled, the others need not.
  const [first] = await Promise.all([arrive(one), kiosk.start()]);
  const [second, third, fourth] = await Promise.all([
    arrive(two),
    arrive(three),
    arrive(four),
    kiosk.enrol(),
  ]);
  const customers = [first, second, third, fourth] as const;
  bank.close();
  return { kiosk, customers };
}
