/** What the merchant wants of all its kiosks, on its way from the cloud's signed word to the payment that it stops. */
import {
  decodeJournalEntry,
  decodePolicyChangeBody,
  fromBase64Url,
  toBase64Url,
  type LimitSettings,
} from '@tikiwallet/protocol';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { codeOf, TestIssuer, TestKiosk } from '../test/world.ts';
import type { TrustInstalled } from './messages.ts';

const issuer = new TestIssuer();
let kiosk: TestKiosk;
beforeEach(() => {
  kiosk = new TestKiosk();
  kiosk.enrol(issuer);
});
afterEach(() => kiosk.dispose());

const certificate = () => kiosk.desk.store.memory.kiosk?.certificate.bytes ?? new Uint8Array(0);
let version = 1;
/** The cloud answers with its newest bundle and these limits. */
function refresh(merchantLimits: string | null, from: TestIssuer = issuer): TrustInstalled {
  version += 1;
  return kiosk.desk.run('refreshTrust', { ...from.trust(certificate(), { version }), merchantLimits });
}
const cloud = () => kiosk.desk.run('readLimits', null).cloud;
const counts = () => kiosk.desk.run('readLimits', null).counts;

/** Owners and limits of the policy changes in the journal, oldest first. */
function changesInJournal() {
  const db = new Database(kiosk.path, { readonly: true });
  const rows = db
    .prepare<[], Buffer>('SELECT bytes FROM journal WHERE kind = 9 ORDER BY sequence')
    .pluck()
    .all();
  db.close();
  return rows.map((bytes) => decodePolicyChangeBody(decodeJournalEntry(new Uint8Array(bytes)).body));
}

test('the merchant\u2019s limits are in force at once, journalled, and hold without internet and after kill -9', () => {
  expect(refresh(issuer.merchantLimits({ perPaymentMinor: 900n }))).toEqual({ ok: true, limits: null });
  expect(counts().perPaymentMinor).toBe(900n);
  const sale = kiosk.sell(900n);
  expect(codeOf(kiosk.acceptOne(issuer.phone().pay(sale.envelope).delivery))).toBe('accepted');
  kiosk.reopen();
  kiosk.clock.pass(20 * 3600 * 1000);
  expect(() => kiosk.sell(901n)).toThrow('amount_exceeds_payment_limit');
  expect(changesInJournal()).toEqual([{ owner: 'merchantByCloud', limits: { perPaymentMinor: 900n } }]);
});

test('what says nothing new is no entry in the journal; what the merchant takes back is', () => {
  refresh(issuer.merchantLimits({ dayCount: 5 }));
  refresh(issuer.merchantLimits({ dayCount: 5 }));
  refresh(issuer.merchantLimits({ dayCount: 5 }, { version: 2 }));
  refresh(null);
  expect(cloud()).toEqual({ dayCount: 5 });
  refresh(issuer.merchantLimits({}, { version: 3 }));
  expect(cloud()).toEqual({});
  expect(changesInJournal().map(({ limits }) => limits)).toEqual([{ dayCount: 5 }, {}]);
});

const REFUSED: readonly (readonly [name: string, text: () => string, code: string])[] = [
  ['older ones', () => issuer.merchantLimits({}, { version: 4 }), 'merchant_limits_older_than_known'],
  [
    'those of another merchant',
    () => issuer.merchantLimits({}, { version: 6, merchantId: '99999999-9999-4999-8999-999999999999' }),
    'merchant_limits_not_for_this_kiosk',
  ],
  ['those of a stranger', () => new TestIssuer().merchantLimits({}, { version: 6 }), 'issuer_unknown'],
  ['what is no object', () => toBase64Url(Uint8Array.of(1, 2, 3)), 'message_malformed'],
  ['what is no base64url', () => '====', 'message_malformed'],
  ['a bundle', () => toBase64Url(issuer.bundle()), 'object_has_wrong_purpose'],
];

test.each(REFUSED)(
  '%s are refused, leave those in force, and keep no deny list from being taken',
  (_name, text, code) => {
    refresh(issuer.merchantLimits({ hourCount: 3 }, { version: 5 }));
    const before = kiosk.desk.store.memory.kiosk?.trust.version ?? 0;
    expect(refresh(text())).toEqual({ ok: true, limits: code });
    expect(kiosk.desk.store.memory.kiosk?.trust.version).toBeGreaterThan(before);
    kiosk.reopen();
    expect(cloud()).toEqual({ hourCount: 3 });
  },
);

test('a newer generation of the issuer overrides a version that an older one let run ahead', () => {
  refresh(issuer.merchantLimits({ hourCount: 3 }, { version: 2_000_000_000 }));
  const next = issuer.rotated();
  expect(refresh(next.merchantLimits({ hourCount: 4 }), next)).toEqual({ ok: true, limits: null });
  expect(cloud()).toEqual({ hourCount: 4 });
  expect(refresh(issuer.merchantLimits({}, { version: 2_000_000_001 }), next)).toMatchObject({
    limits: 'issuer_key_superseded',
  });
});

test('they come with the enrolment already, before the first sale', () => {
  const fresh = new TestKiosk();
  try {
    const answer = issuer.enrolment(fresh.publicKeys);
    fresh.desk.run('enrol', { ...answer, merchantLimits: issuer.merchantLimits({ perPaymentMinor: 700n }) });
    expect(() => fresh.sell(701n)).toThrow('amount_exceeds_payment_limit');
  } finally {
    fresh.dispose();
  }
});

test('bytes changed anywhere are refused and change nothing', () => {
  const bytes = fromBase64Url(issuer.merchantLimits({ perPaymentMinor: 900n }));
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Uint8Array.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const answer = refresh(toBase64Url(changed));
    expect(answer.ok && answer.limits, `byte ${String(at)}`).toEqual(expect.any(String));
  }
  expect(cloud()).toEqual({});
  expect(changesInJournal()).toEqual([]);
});

const limitsOf = fc.record(
  {
    perPaymentMinor: fc.bigInt(1n, 60_000n),
    storedSumMinor: fc.bigInt(1n, 900_000n),
    storedCount: fc.integer({ min: 1, max: 3_000 }),
    dayCount: fc.integer({ min: 1, max: 3_000_000 }),
  },
  { requiredKeys: [] },
);

test('the lowest wins, whichever of issuer, merchant in the cloud, merchant at the till and till it is', () => {
  let last = 0;
  fc.assert(
    fc.property(limitsOf, limitsOf, limitsOf, (byCloud, merchant, till) => {
      last += 1;
      refresh(issuer.merchantLimits(byCloud, { version: last }));
      kiosk.desk.store.write(() => {
        kiosk.desk.store.setLimits({ owner: 'merchant', limits: merchant });
        kiosk.desk.store.setLimits({ owner: 'kiosk', limits: till });
      });
      const { issuer: own, counts: inForce } = kiosk.desk.run('readLimits', null);
      const owners: readonly LimitSettings[] = [own, byCloud, merchant, till];
      for (const name of ['perPaymentMinor', 'storedSumMinor', 'storedCount', 'dayCount'] as const) {
        const set = owners.flatMap((one) => (one[name] === undefined ? [] : [BigInt(one[name])]));
        const lowest = set.reduce((low, value) => (value < low ? value : low));
        expect(BigInt(inForce[name] ?? 0)).toBe(lowest);
      }
    }),
    { numRuns: 40 },
  );
}, 60_000);
