/** Money given back at the kiosk: countersigned by the payer, stored before it is said, never more than the sale. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  checkJournal,
  decodeJournalEntry,
  decodeRefundBody,
  fromHex,
  readRefundAcceptance,
  runSync,
  toHex,
  verifyRefund,
  verifyRefundReceipt,
  type RefusalCode,
} from '@tikiwallet/protocol';
import type { OfferOutcome, RefundOutcome } from './give-back.ts';
import Database from 'better-sqlite3';
import { FakeCloud } from './test/fake-cloud.ts';
import type { RefundRecord, StoredPayment } from './store/rows.ts';
import {
  crypto,
  malleate,
  noise,
  NOW_SECONDS,
  ok,
  TestIssuer,
  TestKiosk,
  type TestPhone,
} from './test/world.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;
let phone: TestPhone;
let sale: StoredPayment;

beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
  phone = issuer.phone();
  sale = sell();
});
afterEach(() => {
  expect(kiosk.errors).toEqual([]);
  kiosk.dispose();
});

function sell(amountMinor = 1_250n, by = phone): StoredPayment {
  const outcome = kiosk.acceptOne(by.pay(kiosk.sell(amountMinor).envelope).delivery);
  if (outcome.kind !== 'accepted') throw new Error(outcome.kind);
  return outcome.payment;
}

function offered(outcome: OfferOutcome): RefundRecord {
  if (outcome.kind !== 'offered') throw new Error(outcome.code);
  return outcome.refund;
}

const offer = (amountMinor: bigint) => offered(kiosk.offer(sale.sequence, amountMinor));
const give = (acceptance: Uint8Array): RefundOutcome => kiosk.desk.run('acceptRefund', acceptance);
const codeOf = (outcome: RefundOutcome | OfferOutcome) =>
  outcome.kind === 'refused' ? outcome.code : outcome.kind;
const givenBack = (outcome: RefundOutcome) => {
  if (outcome.kind === 'refused') throw new Error(outcome.code);
  return outcome;
};
const left = () => sale.amountMinor - (kiosk.desk.store.refunds.saleAt(sale.sequence)?.refundedMinor ?? 0n);

describe('an offer', () => {
  test('is signed, on disk, and answered again under its id', () => {
    const { refundId, envelope } = offer(500n);
    expect(phone.readOffer(envelope).offer).toMatchObject({
      refundId,
      amountMinor: 500n,
      sequence: sale.sequence,
    });
    kiosk.reopen();
    const again = { refundId, pinHash: null };
    expect(offered(kiosk.offer(sale.sequence, 500n, again)).envelope).toEqual(envelope);
    expect(() => kiosk.offer(sale.sequence, 501n, again)).toThrow('call_invalid');
    expect(left()).toBe(1_250n);
  });

  test('is not made for more than is left, for no sale, or by a kiosk in doubt', () => {
    expect(codeOf(kiosk.offer(sale.sequence, 1_251n))).toBe('refund_exceeds_sale');
    expect(codeOf(kiosk.offer(sale.sequence, 1_249n, { kind: 'void' }))).toBe('void_is_not_whole');
    expect(() => kiosk.offer(1, 1n)).toThrow('sale_not_found');
    kiosk.desk.store.write(() => kiosk.desk.store.setStanding({ doubt: 'behind_cloud' }));
    expect(() => kiosk.offer(sale.sequence, 1n)).toThrow('journal_quarantined');
  });

  test('is not made under a certificate of a revoked issuer', () => {
    const own = kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
    const revoked = { version: 2, revokedIssuers: [{ generation: 1, honouredUntil: NOW_SECONDS }] };
    const rotated = issuer.rotated();
    expect(kiosk.desk.run('refreshTrust', rotated.trust(own, revoked))).toEqual({ ok: true, limits: null });
    expect(codeOf(kiosk.offer(sale.sequence, 500n))).toBe('issuer_key_revoked');
    const renewed = rotated.kioskCertificate(kiosk.publicKeys);
    expect(kiosk.desk.run('refreshTrust', rotated.trust(renewed, revoked))).toEqual({
      ok: true,
      limits: null,
    });
    expect(codeOf(kiosk.offer(sale.sequence, 500n))).toBe('offered');
  });

  test('is not made for what the cloud refused', () => {
    const { store } = kiosk.desk;
    store.write(() =>
      store.payments.settle(sale.sequence, { state: 'refused', code: 'payment_chain_broken', at: 1 }),
    );
    expect(codeOf(kiosk.offer(sale.sequence, 1n))).toBe('refund_of_unpaid_sale');
  });

  test('needs the manager where the till has a PIN, and is answered again without', () => {
    kiosk.setPin();
    expect(() => kiosk.offer(sale.sequence, 500n)).toThrow('manager_pin_needed');
    expect(() => kiosk.offer(sale.sequence, 500n, { pinHash: kiosk.tryPin(false) })).toThrow(
      'manager_pin_wrong',
    );
    const { refundId } = offered(kiosk.offer(sale.sequence, 500n, { pinHash: kiosk.tryPin() }));
    expect(offered(kiosk.offer(sale.sequence, 500n, { refundId })).state).toBe('open');
  });
});

describe('an acceptance', () => {
  test('gives back once: journal, row and receipt in one transaction, the counter untouched', () => {
    const former = kiosk.desk.store.payments.historyOf(phone.allowance.allowanceId);
    const { envelope, refundId } = offer(500n);
    const acceptance = phone.acceptRefund(envelope);
    const outcome = givenBack(give(acceptance));
    expect(outcome.kind).toBe('accepted');
    expect(outcome.refund).toMatchObject({
      refundId,
      kind: 'refund',
      amountMinor: 500n,
      refundedMinor: 500n,
      settlement: 'on_this_device',
    });
    const [row] = [...kiosk.desk.store.journal.rows(outcome.refund.sequence, outcome.refund.sequence)];
    const entry = decodeJournalEntry(row?.bytes ?? noise(1));
    expect(entry.kind).toBe('refund');
    expect(decodeRefundBody(entry.body)).toMatchObject({ acceptance, refundedMinor: 500n });
    const expected = { refundId, paymentHash: fromHex(sale.paymentHash), amountMinor: 500n };
    const read = phone.readOffer(envelope);
    const receipt = ok(runSync(verifyRefundReceipt(outcome.receipt, read.kiosk, expected), crypto));
    expect(receipt).toMatchObject({ refundedMinor: 500n, sequence: outcome.refund.sequence });
    expect(receipt.journalHash).toEqual(row?.hash);
    expect(kiosk.desk.store.payments.historyOf(phone.allowance.allowanceId)).toEqual(former);
    expect(kiosk.desk.run('page', { before: null, limit: 1 })[0]?.refundedMinor).toBe(500n);
    expect(left()).toBe(750n);
  });

  test('is counted in the day that gave it back, before and after a restart', () => {
    givenBack(give(phone.acceptRefund(offer(500n).envelope)));
    const today = { count: 1, sumMinor: 1_250n, refundedMinor: 500n };
    expect(kiosk.snapshot().today).toEqual(today);
    kiosk.reopen();
    expect(kiosk.snapshot().today).toEqual(today);
    kiosk.clock.pass(86_400_000);
    expect(kiosk.snapshot().today).toEqual({ count: 0, sumMinor: 0n, refundedMinor: 0n });
    givenBack(give(phone.acceptRefund(offer(200n).envelope)));
    expect(kiosk.snapshot().today).toEqual({ count: 0, sumMinor: 0n, refundedMinor: 200n });
  });

  test('gives back no room under any limit: settlement still carries the sale', () => {
    const before = kiosk.snapshot().unsettled;
    give(phone.acceptRefund(offered(kiosk.offer(sale.sequence, 1_250n, { kind: 'void' })).envelope));
    expect(kiosk.snapshot().unsettled).toEqual(before);
    expect(
      kiosk.desk.store.payments.payerFacts(phone.allowance, 0).recent.map(({ amountMinor }) => amountMinor),
    ).toEqual([1_250n]);
  });

  test('again, by any way, with another signature or another time, is answered with the same receipt', () => {
    const { envelope } = offer(500n);
    const acceptance = phone.acceptRefund(envelope);
    const first = givenBack(give(acceptance));
    kiosk.clock.pass(400_000);
    kiosk.reopen();
    for (const same of [acceptance, malleate(acceptance), phone.acceptRefund(envelope, { signedAt: 1 })]) {
      const again = givenBack(give(same));
      expect([again.kind, toHex(again.receipt)]).toEqual(['repeated', toHex(first.receipt)]);
    }
    expect(left()).toBe(750n);
  });

  test('of another phone, another offer, or noise gives nothing back', () => {
    const { envelope } = offer(500n);
    const stranger = issuer.phone();
    expect(codeOf(give(stranger.acceptRefund(envelope)))).toBe('refund_acceptance_signature_invalid');
    expect(codeOf(give(phone.acceptRefund(envelope, { offerHash: noise(32) })))).toBe('refund_not_open');
    expect(codeOf(give(noise(115)))).toBe('message_malformed' satisfies RefusalCode);
    expect(left()).toBe(1_250n);
  });

  test('comes too late after five minutes, after a cancellation, and after another boot', () => {
    const late = offer(100n);
    kiosk.clock.pass(300_000);
    expect(codeOf(give(phone.acceptRefund(late.envelope)))).toBe('refund_offer_expired');
    expect(kiosk.desk.run('lookAtRefund', late.refundId).state).toBe('expired');
    const cancelled = offer(100n);
    expect(kiosk.desk.run('cancelRefund', cancelled.refundId).state).toBe('cancelled');
    expect(codeOf(give(phone.acceptRefund(cancelled.envelope)))).toBe('refund_not_open');
    const before = offer(100n);
    kiosk.clock.bootId = 'boot-2';
    kiosk.reopen();
    expect(codeOf(give(phone.acceptRefund(before.envelope)))).toBe('refund_offer_expired');
    expect(left()).toBe(1_250n);
  });

  test('counts after a restart in between, and what was given back cannot be cancelled', () => {
    const { envelope, refundId } = offer(500n);
    kiosk.reopen();
    expect(kiosk.desk.refunds.latest()?.refundId).toBe(refundId);
    expect(givenBack(give(phone.acceptRefund(envelope))).kind).toBe('accepted');
    expect(kiosk.desk.run('cancelRefund', refundId)).toMatchObject({
      state: 'given_back',
      refundedMinor: 500n,
    });
    expect(kiosk.desk.run('refundReceiptOf', refundId)).not.toBeNull();
    expect(kiosk.desk.run('refundsOf', sale.paymentHash)).toHaveLength(1);
  });

  test('of two offers that were open at once: the sale is the bound, not the offers', () => {
    const [first, second] = [offer(800n), offer(800n)];
    expect(givenBack(give(phone.acceptRefund(first.envelope))).kind).toBe('accepted');
    expect(codeOf(give(phone.acceptRefund(second.envelope)))).toBe('refund_exceeds_sale');
    expect(codeOf(kiosk.offer(sale.sequence, 451n))).toBe('refund_exceeds_sale');
    expect(givenBack(give(phone.acceptRefund(offer(450n).envelope))).refund.refundedMinor).toBe(1_250n);
    expect(left()).toBe(0n);
  });

  test('whose commit fails leaves nothing, and counts when it comes again', () => {
    const acceptance = phone.acceptRefund(offer(500n).envelope);
    const { store } = kiosk.desk;
    const { sequence } = store.memory.head;
    const write = store.write.bind(store);
    store.write = (action) =>
      write(() => {
        action();
        throw new Error('the lights went out');
      });
    expect(() => give(acceptance)).toThrow('the lights went out');
    kiosk.reopen();
    // Nothing but the entry of the new start.
    expect(kiosk.desk.store.memory.head.sequence).toBe(sequence + 1);
    expect(left()).toBe(1_250n);
    expect(givenBack(give(acceptance)).kind).toBe('accepted');
  });
});

describe('what was given back', () => {
  test('cannot be written past the sale, whatever the code above believes', () => {
    const { refundId, envelope } = offer(1_250n);
    const other = offer(1n);
    give(phone.acceptRefund(envelope));
    const { store } = kiosk.desk;
    // Decided as if nothing had been given back yet: what a mistake above the schema would do.
    const verified = ok(
      runSync(
        verifyRefund(readRefundAcceptance(phone.acceptRefund(other.envelope)), {
          offer: phone.readOffer(other.envelope).offer,
          offerState: 'open',
          allowance: phone.allowance,
          sale: { amountMinor: 1_250n, refundedMinor: 0n, isRefused: false },
        }),
        crypto,
      ),
    );
    const insert = () =>
      store.write(() => {
        const { sequence } = store.append('refund', store.now().seconds, []);
        store.refunds.insert({ verified, sequence, receipt: noise(9), atSeconds: 1 });
      });
    expect(insert).toThrow('more than the sale would be given back');
    expect(kiosk.desk.store.refunds.byId(refundId)?.refund.refundedMinor).toBe(1_250n);
  });

  test('is in the exported journal, and any verifier agrees', () => {
    give(phone.acceptRefund(offer(500n).envelope));
    give(phone.acceptRefund(offer(750n).envelope));
    const { journal, memory } = kiosk.desk.store;
    const records = [...journal.rows(1, memory.head.sequence)].map(
      ({ bytes }) => ({ kind: 'journalEntry', bytes }) as const,
    );
    expect(ok(runSync(checkJournal(records, null), crypto))).toMatchObject({
      broken: null,
      sales: 1,
      refunds: 2,
      refundSumMinor: 1_250n,
    });
  });

  test('settles with the journal; what waits for the shop’s money is told later, and only that', async () => {
    const cloud = new FakeCloud(issuer);
    cloud.knowsKiosk(kiosk.desk.store.memory.kiosk?.certificate);
    cloud.knowsPhone(phone);
    const settle = async () => {
      const batch = kiosk.desk.run('nextBatch', { heartbeat: true });
      const answer = await cloud.settle('', batch?.envelope ?? noise(1));
      return kiosk.desk.run('acknowledge', answer);
    };
    await settle();
    const { refund } = givenBack(give(phone.acceptRefund(offer(500n).envelope)));
    const state = () => kiosk.desk.run('refundsOf', sale.paymentHash)[0]?.settlement;
    cloud.refundOutcome = 'waiting';
    expect(await settle()).toMatchObject({ ok: true, isComplete: true });
    expect([cloud.refundedMinor, state()]).toEqual([500n, 'waiting']);
    // A later word about an earlier entry changes what waits, and nothing else.
    cloud.distort = {
      results: [
        { sequence: refund.sequence, outcome: 'settled', code: null },
        { sequence: sale.sequence, outcome: 'refused', code: 'payment_chain_broken' },
      ],
    };
    await settle();
    expect(state()).toBe('settled');
    expect(kiosk.desk.run('page', { before: null, limit: 1 })[0]?.settlement).toBe('settled');
    cloud.distort = {
      results: [{ sequence: refund.sequence, outcome: 'refused', code: 'refund_exceeds_sale' }],
    };
    await settle();
    expect(state()).toBe('settled');
  });

  test('is not taken over by a cloud that says nothing of it', async () => {
    const cloud = new FakeCloud(issuer);
    cloud.knowsKiosk(kiosk.desk.store.memory.kiosk?.certificate);
    cloud.knowsPhone(phone);
    const question = kiosk.desk.run('nextBatch', { heartbeat: true });
    kiosk.desk.run('acknowledge', await cloud.settle('', question?.envelope ?? noise(1)));
    give(phone.acceptRefund(offer(500n).envelope));
    const batch = kiosk.desk.run('nextBatch', { heartbeat: false });
    cloud.distort = { results: [{ sequence: sale.sequence, outcome: 'settled', code: null }] };
    const answer = await cloud.settle('', batch?.envelope ?? noise(1));
    expect(kiosk.desk.run('acknowledge', answer)).toEqual({ ok: false, code: 'acknowledgement_incomplete' });
  });
});

test('the database itself refuses to forget or to change a refund', () => {
  give(phone.acceptRefund(offer(500n).envelope));
  const db = new Database(kiosk.path);
  for (const statement of [
    'DELETE FROM refunds',
    'DELETE FROM refund_offers',
    'UPDATE refunds SET amount_minor = 1',
    'UPDATE refund_offers SET amount_minor = 1',
    "UPDATE refund_offers SET state = 'open'",
  ])
    expect(() => db.exec(statement), statement).toThrow(/stay|once|change/);
  db.close();
});

test('R43 a refund that was taken out of its table is noticed at the next start', () => {
  give(phone.acceptRefund(offer(500n).envelope));
  kiosk.desk.store.close();
  const db = new Database(kiosk.path);
  db.exec('DROP TRIGGER refunds_stay; DELETE FROM refunds;');
  db.close();
  expect(() => kiosk.reopen()).toThrow('is not the one that was given back');
});
