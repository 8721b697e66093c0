/** K7: what a thousand times as many stored payments do to the rate, on the store itself, two shops taking turns. */
import { atMost, figure, overRounds, type BenchRow } from '../../../../scripts/figures.ts';
import { seed } from './seed.ts';
import { BenchShop } from './shop.ts';

const FEW = 1_000;
const MANY = Number(process.env['MANY'] ?? 1_000_000);
const ROUNDS = 5;
const PER_ROUND = 1_500;
const GROUP = 64;

export function growthRow(): readonly BenchRow[] {
  const shops = [FEW, MANY].map((count) => {
    const shop = new BenchShop();
    seed(shop, count);
    return { shop, desk: shop.openDesk() };
  });
  try {
    const measure = ({ shop, desk }: (typeof shops)[number]): number => {
      const orders = shop.order(PER_ROUND);
      const began = performance.now();
      for (let i = 0; i < orders.length; i += GROUP) {
        const group = orders
          .slice(i, i + GROUP)
          .map(({ delivery }) => ({ bytes: delivery, isSigned: false }));
        for (const outcome of desk.run('accept', group))
          if (outcome.kind !== 'accepted')
            throw new Error(outcome.kind === 'refused' ? outcome.code : outcome.kind);
        desk.store.checkpointIfDue({ isAwaited: false });
      }
      return (orders.length / (performance.now() - began)) * 1000;
    };
    shops.forEach(measure);
    const rounds = Array.from({ length: ROUNDS }, () => shops.map(measure));
    const what = `groups of ${GROUP}, ${FEW} and ${MANY} stored payments`;
    const exponent = overRounds(rounds, ([few = 0, many = 0]) => Math.log(few / many) / Math.log(MANY / FEW));
    return [
      figure(
        'kiosk_accept_1k',
        what,
        overRounds(rounds, ([few = 0]) => few),
        'per_second',
      ),
      figure(
        'kiosk_accept_1m',
        what,
        overRounds(rounds, ([, many = 0]) => many),
        'per_second',
      ),
      atMost(
        { id: 'K7', what: `growth exponent, ${what}`, unit: '', value: exponent },
        { gate: 0.1, stretch: 0.05 },
      ),
    ];
  } finally {
    for (const { shop, desk } of shops) {
      desk.store.close();
      shop.dispose();
    }
  }
}
