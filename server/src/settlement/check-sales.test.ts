/** Many sales at once are judged as each is by itself, and the batch's signature stands for its own requests alone. */
import {
  type AllowanceCertificate,
  type KioskCertificate,
  type Payment,
  readPayment,
  readVouchedRequest,
  type SaleBody,
  signPayment,
  signPaymentRequest,
  toHex,
} from '@tikiwallet/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { newKey } from '../../test/simulated-phone.ts';
import { must, SignaturePool } from '../trust/index.ts';
import { checkSale, checkSales, type ReadSale, type SaleFacts } from './check-sales.ts';

const NOW = 1_800_000_000;
const MANY = 150;
const pool = new SignaturePool({ threads: 2 });
afterAll(() => pool.close());

const filled = (length: number, fill: number) => new Uint8Array(length).fill(fill);
const kioskKey = newKey();
const phoneKey = newKey();

const kioskOf = (fill: number): KioskCertificate => ({
  hash: filled(32, fill),
  bytes: filled(1, 0),
  merchantId: 'm',
  merchantName: 'Warung Sari',
  merchantPhone: '+6591234567',
  kioskId: 'k',
  currency: 'SGD',
  signingPublicKey: kioskKey.publicKey,
  sealingPublicKey: kioskKey.publicKey,
  perPaymentMinor: 1_000n,
  notBefore: NOW,
  notAfter: NOW + 1_000,
});
const kiosk = kioskOf(1);
/** What the same till was certified with before. */
const former = kioskOf(2);
const certificate: AllowanceCertificate = {
  hash: filled(32, 3),
  bytes: filled(1, 0),
  allowanceId: 'a',
  devicePublicKey: phoneKey.publicKey,
  currency: 'SGD',
  capMinor: 1_000n,
  perPaymentMinor: 1_000n,
  firstCounter: 1,
  softCounterLimit: 500,
  hardCounterLimit: 500,
  notBefore: NOW,
  notAfter: NOW + 1_000,
  assurance: 1,
  standing: 1,
  maskedPhone: '+65****4567',
  phoneCommitment: filled(16, 0),
  payeeLock: null,
};
const facts: SaleFacts = {
  kiosks: new Map([kiosk, former].map((one) => [toHex(one.hash), one])),
  allowances: new Map([[toHex(certificate.hash), { certificate, userId: 'u', reserveAccountId: 'r' }]]),
};

interface Changes {
  readonly of?: KioskCertificate;
  readonly requestBy?: ReturnType<typeof newKey>;
  readonly paymentBy?: ReturnType<typeof newKey>;
  readonly payment?: Partial<Payment>;
  readonly body?: Partial<SaleBody>;
}

function saleOf(counter: number, changes: Changes = {}): ReadSale {
  const { of = kiosk, requestBy = kioskKey, paymentBy = phoneKey } = changes;
  const asked = {
    ...{ requestIdBytes: filled(16, counter), amountMinor: 2n, currency: 'SGD', itemsHash: null },
    ...{ nonce: filled(16, counter), issuedAt: NOW + 10, ttlSeconds: 120, denyListVersion: counter },
    ...{ addresses: ['http://192.168.49.1:7070'], checksPhone: false },
  };
  const request = must(signPaymentRequest(asked, of.hash), requestBy.sign);
  const paid = {
    ...{ counter: counter + 1, amountMinor: 2n, cumulativeMinor: BigInt(2 * counter + 2) },
    ...{ previousLink: filled(16, 0), signedAt: NOW + 20 },
    requestHash: must(readVouchedRequest(request, of)).hash,
    ...changes.payment,
  };
  const value: SaleBody = {
    ...{ kioskCertificateHash: of.hash, request, allowanceCertificateHash: certificate.hash },
    payment: must(signPayment(paid, certificate.hash), paymentBy.sign),
    ...{ tier: counter % 2 === 0 ? 'at_risk' : 'reserved', checks: 255 },
    ...changes.body,
  };
  return { place: { sequence: counter, acceptedAt: NOW + counter }, body: { ok: true, value } };
}

const hostile: readonly ((counter: number) => ReadSale)[] = [
  (n) => saleOf(n, { paymentBy: newKey() }),
  (n) => saleOf(n, { payment: { amountMinor: 3n } }),
  (n) => saleOf(n, { payment: { cumulativeMinor: 1_001n } }),
  (n) => saleOf(n, { payment: { counter: 501 } }),
  (n) => saleOf(n, { body: { payment: filled(100, 1) } }),
  (n) => saleOf(n, { body: { request: filled(100, 1) } }),
  (n) => saleOf(n, { body: { allowanceCertificateHash: filled(32, 9) } }),
  (n) => saleOf(n, { body: { kioskCertificateHash: filled(32, 9) } }),
  (n) => saleOf(n, { of: former, requestBy: newKey() }),
  (n) => ({ ...saleOf(n), body: { ok: false, code: 'message_malformed' } }),
];

const alone = ({ place, body }: ReadSale) =>
  body.ok
    ? checkSale(body.value, facts, place)
    : { ...place, verdict: 'refused', code: body.code, claimed: null, maskedPhone: '' };
const together = (sales: readonly ReadSale[]) =>
  checkSales(sales, facts, { kioskCertificateHash: kiosk.hash, verifier: pool });

describe('the sales of a batch', () => {
  it('are judged as each by itself, wherever the bad ones stand among the good', async () => {
    const sales = Array.from({ length: MANY }, (_, n) => {
      const make = n % 7 === 3 ? hostile[((n - 3) / 7) % hostile.length] : undefined;
      return make === undefined ? saleOf(n + 1, n % 11 === 5 ? { of: former } : {}) : make(n + 1);
    });
    const judged = await together(sales);
    expect(judged).toEqual(sales.map(alone));
    const codes = judged.flatMap((sale) => (sale.verdict === 'refused' ? [sale.code] : []));
    expect(new Set(codes).size).toBeGreaterThan(7);
    expect(codes.length).toBe(21);
  });

  it('that are all bad are all refused, each by its own code', async () => {
    const sales = Array.from({ length: 130 }, (_, n) => (hostile[n % hostile.length] ?? saleOf)(n + 1));
    expect(await together(sales)).toEqual(sales.map(alone));
  });

  it.each([0, 1, 7, 64, 65])('are all valid when %i are good', async (count) => {
    const sales = Array.from({ length: count }, (_, n) => saleOf(n + 1));
    const judged = await together(sales);
    expect(judged).toEqual(sales.map(alone));
    expect(judged.every(({ verdict }) => verdict === 'valid')).toBe(true);
  });

  it('need no second signature of the certificate that signed the batch, and of every other they do', async () => {
    const [own, other] = await together([
      saleOf(1, { requestBy: newKey() }),
      saleOf(2, { of: former, requestBy: newKey() }),
    ]);
    expect(own).toMatchObject({ verdict: 'valid', requestDenyListVersion: 1 });
    expect(other).toMatchObject({ verdict: 'refused', code: 'request_signature_invalid' });
  });

  it('keep the payment as it was signed', async () => {
    const sale = saleOf(1);
    if (!sale.body.ok) throw new TypeError('it is readable');
    const payment = must(readPayment(sale.body.value.payment, certificate));
    const [judged] = await together([sale]);
    const { hash, bytes, counter, amountMinor, cumulativeMinor } = payment;
    expect(judged).toMatchObject({
      payment: { hash, bytes, counter, amountMinor, cumulativeMinor },
      paymentKey: toHex(hash),
      isAtRisk: false,
    });
  });
});
