/** Checking ahead says yes to exactly what is signed, and no outcome depends on whether it came in time. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { codeOf, malleate, noise, TestIssuer, TestKiosk, type SignedPayment } from '../test/world.ts';
import { BeltHead } from './delivery-belt.ts';
import { LookAhead } from './look-ahead.ts';
import { migrationsFolder } from './migrations-folder.ts';
import { signingMemory } from './signing-aside.ts';
import { StoreClient } from './store-client.ts';
import { giveVerdict, takeVerdict, TicketBox } from './verdicts.ts';

const issuer = new TestIssuer(Math.floor(Date.now() / 1000));
let kiosk: TestKiosk;

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.clock.wall = issuer.now * 1000;
  kiosk.enrol(issuer);
});
afterEach(() => kiosk.dispose());

/** Another phone's key under this phone's certificate. */
function forged(envelope: Uint8Array): Uint8Array {
  const victim = issuer.phone();
  const thief = issuer.phone();
  Object.assign(victim, { key: thief.key });
  return victim.pay(envelope).delivery;
}

function withLastByteChanged({ delivery }: SignedPayment): Uint8Array {
  const changed = new Uint8Array(delivery);
  // The last byte of a delivery is its absent salt; the one before ends the payment's signature.
  const at = changed.length - 2;
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

test('says yes to what the phone signed and to nothing else', async () => {
  const { envelope } = kiosk.sell();
  const good = issuer.phone().pay(envelope);
  const phone = issuer.phone();
  const other = phone.pay(envelope);
  const cases: readonly (readonly [Uint8Array, boolean])[] = [
    [good.delivery, true],
    [phone.deliver(malleate(other.payment.bytes)), true],
    [forged(envelope), false],
    [withLastByteChanged(good), false],
    [issuer.phone().deliver(good.payment.bytes), false],
    [noise(300), false],
    [new Uint8Array(0), false],
    ...Array.from({ length: 20 }, () => [issuer.phone().pay(envelope).delivery, true] as const),
  ];
  const box = new TicketBox();
  const belt = new BeltHead();
  const tickets = Int32Array.from(cases, ([bytes]) => {
    const ticket = box.take() ?? -1;
    belt.lay(ticket, bytes);
    return ticket;
  });
  const errors: unknown[] = [];
  const signing = { signing: signingMemory(), signingKeyPem: kiosk.signing.pem };
  const data = { cells: box.cells, belt: belt.memory, ...signing };
  const lookAhead = new LookAhead(data, (error) => errors.push(error));
  // In order: when the last has its verdict, all have. Looked at before the thread starts, however quick it is.
  const last = tickets.at(-1) ?? -1;
  const before = new Int32Array(box.cells);
  lookAhead.begin();
  belt.call();
  await vi.waitUntil(() => box.cells[last % 4096] !== before[last % 4096], { timeout: 25_000 });
  await vi.waitUntil(() => takeVerdict(box.cells, last), { timeout: 25_000 });
  expect(cases.map((_, index) => takeVerdict(box.cells, tickets[index] ?? -1))).toEqual(
    cases.map(([, isSigned]) => isSigned),
  );
  expect(errors).toEqual([]);
  await lookAhead.stop();
});

test('a signature is begun once: what the store has taken nobody else checks, and the store hears of none that is unfinished', () => {
  const box = new TicketBox();
  const ticket = box.take() ?? -1;
  expect(takeVerdict(box.cells, ticket)).toBe(false);
  giveVerdict(box.cells, ticket, () => {
    throw new Error('checked twice');
  });
  expect(takeVerdict(box.cells, ticket)).toBe(false);
  const begun = box.take() ?? -1;
  giveVerdict(box.cells, begun, () => {
    expect(takeVerdict(box.cells, begun)).toBe(false);
    return true;
  });
  expect(takeVerdict(box.cells, begun)).toBe(true);
});

test('what is said late of a delivery is not said of the one that has its place now', () => {
  const box = new TicketBox();
  const former = box.take() ?? -1;
  let later = -1;
  giveVerdict(box.cells, former, () => {
    box.giveBack(former);
    later = box.take() ?? -1;
    return true;
  });
  expect(later % 4096).toBe(former % 4096);
  expect(takeVerdict(box.cells, later)).toBe(false);
  // Nor is the later one checked by its former name.
  giveVerdict(box.cells, former, () => true);
  expect(takeVerdict(box.cells, former)).toBe(false);
});

test('a place is given to one delivery at a time, and there are no more than there are', () => {
  const box = new TicketBox();
  const taken = Array.from({ length: 4096 }, () => box.take());
  expect(new Set(taken.map((ticket) => (ticket ?? -1) % 4096)).size).toBe(4096);
  expect(box.take()).toBeNull();
});

test('a burst of forged, good and repeated deliveries is judged one by one, as without looking ahead', async () => {
  kiosk.desk.store.close();
  const store = new StoreClient(
    {
      path: kiosk.path,
      migrationsFolder: migrationsFolder(),
      signingKeyPem: kiosk.signing.pem,
      sealingKeyPem: kiosk.sealing.pem,
    },
    {
      onSnapshot: () => undefined,
      onQuarantine: (detail) => kiosk.errors.push(detail),
      onFatal: (detail) => kiosk.errors.push(detail),
      onLog: (_, text) => kiosk.errors.push(text),
    },
  );
  await store.whenReady();
  for (let round = 0; round < 3; round += 1) {
    const sale = await store.run('openSale', {
      saleId: randomUUID(),
      amountMinor: 1_250n,
      addresses: ['http://192.168.49.1:7070'],
      ttlSeconds: 120,
    });
    const { delivery } = issuer.phone().pay(sale.envelope);
    const bad = Array.from({ length: 30 }, () => forged(sale.envelope));
    const burst = [...bad, delivery, noise(200), delivery, ...bad];
    const first = Promise.all(burst.slice(0, 5).map((bytes) => store.accept(bytes)));
    // Some of the burst comes while a group is on its way and some after.
    await sleep(round);
    const rest = Promise.all(burst.slice(5).map((bytes) => store.accept(bytes)));
    const codes = [...(await first), ...(await rest)].map(codeOf);
    expect(codes.slice(0, 30)).toEqual(bad.map(() => 'payment_signature_invalid'));
    expect(codes.slice(30, 33)).toEqual(['accepted', 'message_malformed', 'repeated']);
    expect(codes.slice(33)).toEqual(bad.map(() => 'request_already_paid'));
  }
  expect(kiosk.errors).toEqual([]);
  await store.stop();
  kiosk.reopen();
  expect(kiosk.snapshot().unsettled.count).toBe(3);
}, 30_000);
