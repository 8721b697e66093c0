/**
 * The one sentence, over all three parties at once: no sequence of messages, retries, crashes and re-orderings makes a payment
 * count twice or vanish; and a copied phone that takes more than there is leaves a proof that stands by itself. The phone,
 * the kiosks and the cloud decide with the protocol's own rules and sign with real keys.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../src/bytes.ts';
import * as protocol from '../src/index.ts';
import { ModelCloud, ModelKiosk, ModelPhone, twisted } from './money-model.ts';
import { crypto, makeWorld, ok } from './world.ts';

const RUNS = Number(process.env['PROTOCOL_MODEL_RUNS'] ?? 60);
/** Little, so that a copied phone often takes more. */
const CAP_MINOR = 900n;
/** Minutes on a machine that does much else. */
const TIMEOUT_MS = 300_000;
const world = makeWorld({ capMinor: CAP_MINOR });

type Step =
  | { readonly op: 'ask'; readonly kiosk: number; readonly amountMinor: bigint }
  | { readonly op: 'pay' | 'dieSigning'; readonly phone: number; readonly pick: number }
  | { readonly op: 'deliver' | 'dieStoring' | 'dieAnswering'; readonly kiosk: number; readonly pick: number }
  | { readonly op: 'twist'; readonly pick: number; readonly place: number }
  | { readonly op: 'hearReceipt'; readonly phone: number; readonly pick: number }
  | { readonly op: 'batch'; readonly kiosk: number; readonly most: number }
  | { readonly op: 'settle' | 'dieSettling'; readonly pick: number }
  | { readonly op: 'hearAcknowledgement'; readonly kiosk: number; readonly pick: number }
  /** A whole sale as it goes on a good day: without these, chance alone would rarely pay. */
  | { readonly op: 'sale'; readonly phone: number; readonly kiosk: number; readonly amountMinor: bigint };

const KIOSKS = 2;
const kiosk = fc.nat(KIOSKS - 1);
const phone = fc.nat(1);
const pick = fc.nat();
const amountMinor = fc.bigInt({ min: 1n, max: 900n });
const op = <T extends Step['op']>(...names: readonly T[]) => fc.constantFrom(...names);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: op('sale'), phone, kiosk, amountMinor }) },
  { weight: 2, arbitrary: fc.record({ op: op('ask'), kiosk, amountMinor }) },
  { weight: 3, arbitrary: fc.record({ op: op('pay', 'dieSigning'), phone, pick }) },
  { weight: 5, arbitrary: fc.record({ op: op('deliver', 'dieStoring', 'dieAnswering'), kiosk, pick }) },
  { weight: 1, arbitrary: fc.record({ op: op('twist'), pick, place: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ op: op('hearReceipt'), phone, pick }) },
  { weight: 2, arbitrary: fc.record({ op: op('batch'), kiosk, most: fc.integer({ min: 0, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ op: op('settle', 'dieSettling'), pick }) },
  { weight: 2, arbitrary: fc.record({ op: op('hearAcknowledgement'), kiosk, pick }) },
);
const life = fc.array(step, { minLength: 10, maxLength: 45 });

/** Everything ever sent is kept and may arrive again, late, at anybody. */
class Life {
  readonly kiosks = [0x22, 0x23].map((fill) => new ModelKiosk(world, fill));
  readonly phones: readonly ModelPhone[];
  readonly cloud = new ModelCloud(world, this.kiosks);
  readonly #shown: Uint8Array[] = [];
  readonly #deliveries: Uint8Array[] = [];
  readonly #receipts: { bytes: Uint8Array; kiosk: protocol.KioskCertificate }[] = [];
  readonly #envelopes: Uint8Array[] = [];
  readonly #acknowledgements: Uint8Array[] = [];

  constructor(phones: number) {
    const first = new ModelPhone(world);
    this.phones = phones === 1 ? [first] : [first, first.clone()];
  }

  #phone(index: number): ModelPhone {
    return this.phones[index % this.phones.length] ?? new ModelPhone(world);
  }
  #kiosk(index: number): ModelKiosk {
    const found = this.kiosks[index];
    if (found === undefined) throw new TypeError('a kiosk');
    return found;
  }

  take(one: Step): void {
    switch (one.op) {
      case 'ask':
        this.#shown.push(this.#kiosk(one.kiosk).ask(one.amountMinor));
        break;
      case 'pay':
      case 'dieSigning': {
        const envelope = pickOf(this.#shown, one.pick);
        if (envelope !== null) this.#send(this.#phone(one.phone).pay(envelope, one.op === 'dieSigning'));
        break;
      }
      case 'deliver':
      case 'dieStoring':
      case 'dieAnswering': {
        const dies = { deliver: null, dieStoring: 'before_commit', dieAnswering: 'after_commit' } as const;
        const delivery = pickOf(this.#deliveries, one.pick);
        if (delivery !== null) this.#bring(delivery, one.kiosk, dies[one.op]);
        break;
      }
      case 'twist': {
        const delivery = pickOf(this.#deliveries, one.pick);
        if (delivery !== null) this.#send(twisted(delivery, one.place));
        break;
      }
      case 'hearReceipt': {
        const receipt = pickOf(this.#receipts, one.pick);
        if (receipt !== null) this.#phone(one.phone).hear(receipt.bytes, receipt.kiosk);
        break;
      }
      case 'batch':
        this.#envelopes.push(this.#kiosk(one.kiosk).batch(one.most));
        break;
      case 'settle':
      case 'dieSettling': {
        const envelope = pickOf(this.#envelopes, one.pick);
        const said = envelope === null ? null : this.cloud.settle(envelope, one.op === 'dieSettling');
        if (said !== null) this.#acknowledgements.push(said);
        break;
      }
      case 'hearAcknowledgement': {
        const said = pickOf(this.#acknowledgements, one.pick);
        if (said !== null) this.#kiosk(one.kiosk).hear(said);
        break;
      }
      case 'sale': {
        const envelope = this.#kiosk(one.kiosk).ask(one.amountMinor);
        this.#shown.push(envelope);
        const delivery = this.#phone(one.phone).pay(envelope);
        this.#send(delivery);
        if (delivery !== null) this.#bring(delivery, one.kiosk, null);
        break;
      }
    }
  }

  #send(delivery: Uint8Array | null): void {
    if (delivery !== null) this.#deliveries.push(delivery);
  }
  #bring(delivery: Uint8Array, index: number, dies: 'before_commit' | 'after_commit' | null): void {
    const at = this.#kiosk(index);
    const receipt = at.take(delivery, dies);
    if (receipt !== null) this.#receipts.push({ bytes: receipt, kiosk: at.certificate });
  }

  /** What holds after every step, whatever it was. */
  check(): void {
    const stored = new Map(this.kiosks.flatMap(({ sales }) => [...sales]));
    expect(this.kiosks.reduce((sum, { sales }) => sum + sales.size, 0)).toBe(stored.size);
    for (const { sales, entries } of this.kiosks) expect(entries.length).toBe(sales.size);
    // Credited once, and only what a kiosk has stored and a phone has signed.
    expect(this.cloud.credits).toBe(this.cloud.credited.size);
    for (const [hash, { amountMinor }] of this.cloud.credited)
      expect(stored.get(hash)?.payment.amountMinor).toBe(amountMinor);
    for (const [hash] of stored)
      expect(this.phones.some(({ kept }) => [...kept.values()].some((one) => toHex(one.hash) === hash))).toBe(
        true,
      );
    // A receipt in a phone's hand is a payment in a kiosk's store.
    for (const { receipts } of this.phones)
      for (const [hash] of receipts) expect(stored.has(hash)).toBe(true);
    // Nothing is called settled at a kiosk that the cloud has not.
    for (const { acknowledged, entries, sales } of this.kiosks) {
      const settled = [...sales.keys()].slice(0, acknowledged);
      expect(acknowledged).toBeLessThanOrEqual(entries.length);
      for (const hash of settled) expect(this.cloud.credited.has(hash)).toBe(true);
    }
  }

  /** The network comes back and everybody says again what is still unanswered. */
  heal(): void {
    for (const { kept } of this.phones)
      for (const payment of kept.values()) {
        const allowanceCertificate = world.allowance.bytes;
        const delivery = protocol.encodeDelivery({
          allowanceCertificate,
          payment: payment.bytes,
          phoneSalt: null,
        });
        for (const at of this.kiosks) {
          const receipt = at.take(delivery);
          if (receipt !== null) for (const one of this.phones) one.hear(receipt, at.certificate);
        }
      }
    for (const at of this.kiosks)
      while (at.acknowledged < at.entries.length) {
        const before = at.acknowledged;
        const said = this.cloud.settle(at.batch(3));
        if (said !== null) at.hear(said);
        if (at.acknowledged === before) throw new Error('a whole journal does not settle');
      }
  }
}

function pickOf<T>(list: readonly T[], index: number): T | null {
  return list.length === 0 ? null : (list[index % list.length] ?? null);
}

describe('for every sequence of messages, retries, crashes and re-orderings', () => {
  it(
    'R8 R33 no payment of an honest phone counts twice or vanishes',
    () => {
      let paid = 0;
      fc.assert(
        fc.property(life, (steps) => {
          const world = new Life(1);
          for (const one of steps) {
            world.take(one);
            world.check();
          }
          world.heal();
          world.check();
          const [phone] = world.phones;
          const stored = world.kiosks.flatMap(({ sales }) => [...sales.keys()]);
          paid += stored.length;
          expect(world.cloud.credited.size).toBe(stored.length);
          for (const hash of stored) expect(phone?.receipts.has(hash)).toBe(true);
          expect(world.cloud.creditedMinor <= CAP_MINOR).toBe(true);
          expect(contradictionsOf(world.cloud)).toEqual([]);
        }),
        { numRuns: RUNS },
      );
      // A property over lives in which nothing happens would say nothing.
      expect(paid).toBeGreaterThan(RUNS / 2);
    },
    TIMEOUT_MS,
  );

  it(
    'R32 a phone and its copy count each payment once, and leave a proof whenever they take more than there is',
    () => {
      let overspent = 0;
      fc.assert(
        fc.property(life, (steps) => {
          const world = new Life(2);
          for (const one of steps) {
            world.take(one);
            world.check();
          }
          world.heal();
          world.check();
          if (world.cloud.creditedMinor <= CAP_MINOR) return;
          overspent += 1;
          expect(contradictionsOf(world.cloud).length).toBeGreaterThan(0);
        }),
        { numRuns: RUNS },
      );
      expect(overspent).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

/** Pairs of credited payments of which anybody with the root's key is convinced. */
function contradictionsOf(cloud: ModelCloud): readonly string[] {
  const payments = [...cloud.credited.values()];
  return payments.flatMap((first, index) =>
    payments.slice(index + 1).flatMap((second) => {
      const proof = protocol.encodeDoubleSpendProof({
        issuerCertificate: world.issuerCertificate,
        allowanceCertificate: world.allowance.bytes,
        first: first.bytes,
        second: second.bytes,
      });
      const parts = ok(protocol.attempt(() => protocol.decodeDoubleSpendProof(proof)));
      const verdict = protocol.runSync(protocol.verifyDoubleSpendProof(parts, world.root.publicKey), crypto);
      return verdict.ok ? [verdict.value.rule] : [];
    }),
  );
}
