import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  decodeSettlementEnvelope,
  encodeSettlementEnvelope,
  linkOf,
  signPaymentRequest,
  verifyPaymentRequest,
} from '@tikiwallet/protocol';
import { KioskView, pageOf, SaleView } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import {
  newKey,
  type OfflineWallet,
  pay,
  type PaymentChanges,
  SimulatedPhone,
} from '../../test/simulated-phone.ts';
import { startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';
import { must } from '../trust/index.ts';

let server: TestServer;
let kiosk: SimulatedKiosk;
let phone: SimulatedPhone;
let wallet: OfflineWallet;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant'));
  phone = await SimulatedPhone.withMoney(server, 10_000n);
  wallet = await phone.load(5_000n);
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
});

/** Journals a sale that no honest kiosk takes. */
function forceSale(amountMinor: bigint, changes: PaymentChanges = {}, of: OfflineWallet = wallet): void {
  const request = kiosk.request(amountMinor);
  kiosk.write(request, of, pay(of, request, changes));
}

describe('a batch', () => {
  test('whose entry was changed on the way is refused; the true one is still taken', async () => {
    kiosk.sell(wallet, 100n);
    const { kioskCertificateHash, batch, entries } = decodeSettlementEnvelope(kiosk.batch());
    const bent = entries.map((entry) => {
      const copy = entry.slice();
      copy[copy.length - 1] = (copy.at(-1) ?? 0) ^ 1;
      return copy;
    });
    const { problem } = await kiosk.handIn(encodeSettlementEnvelope(kioskCertificateHash, batch, bent));
    expect(problem).toMatchObject({ code: 'batch_chain_broken' });
    expect(await kiosk.settle()).toEqual(['settled']);
  });

  test('with an entry left out is refused', async () => {
    kiosk.sell(wallet, 100n);
    kiosk.sell(wallet, 100n);
    const { kioskCertificateHash, batch, entries } = decodeSettlementEnvelope(kiosk.batch());
    const { problem } = await kiosk.handIn(
      encodeSettlementEnvelope(kioskCertificateHash, batch, entries.slice(1)),
    );
    expect(problem).toMatchObject({ code: 'batch_chain_broken' });
  });

  test('signed by another key is refused', async () => {
    const other = await SimulatedKiosk.open(server, kiosk.merchant, 'Till 2');
    kiosk.sell(wallet, 100n);
    const foreign = decodeSettlementEnvelope(other.batch({ from: 1, to: 0 }));
    const mine = decodeSettlementEnvelope(kiosk.batch());
    const { problem } = await kiosk.handIn(
      encodeSettlementEnvelope(mine.kioskCertificateHash, foreign.batch, mine.entries),
    );
    expect(problem).toMatchObject({ code: 'batch_signature_invalid' });
  });

  test('under the token of another kiosk is refused, and under no or a made-up token too (R52)', async () => {
    const other = await SimulatedKiosk.open(server, await server.register('merchant'));
    kiosk.sell(wallet, 100n);
    expect((await kiosk.handIn(kiosk.batch(), other.token)).problem).toMatchObject({ code: 'not_permitted' });
    for (const token of ['', 'x'.repeat(43), kiosk.merchant.token]) {
      expect((await kiosk.handIn(kiosk.batch(), token)).problem).toMatchObject({ code: 'not_authenticated' });
    }
    expect(await kiosk.availableMinor()).toBe(0n);
    // Nor once its certificate is remembered.
    expect(await kiosk.settle()).toEqual(['settled']);
    kiosk.sell(wallet, 100n);
    expect((await kiosk.handIn(kiosk.batch(), other.token)).problem).toMatchObject({ code: 'not_permitted' });
    expect(await kiosk.availableMinor()).toBe(100n);
  });

  test('that rewrites a stored entry is kept as evidence and stops this journal, not the money before it (R43)', async () => {
    kiosk.sell(wallet, 100n);
    kiosk.sell(wallet, 200n);
    const honest = kiosk.batch();
    await kiosk.settle(honest);
    // The same machine, from a copy of its disk, writes another second entry.
    kiosk.journal.pop();
    kiosk.sell(wallet, 999n);
    kiosk.sell(wallet, 1n);
    expect((await kiosk.handIn()).problem).toMatchObject({ code: 'batch_chain_broken' });
    const [evidence] = await server.database.owner<{ sequence: number; envelope: Uint8Array }[]>`
      select sequence, envelope from broken_chains b join kiosk_enrolments e on e.id = b.enrolment_id
      where e.kiosk_id = ${kiosk.kioskId}`;
    expect(evidence?.sequence).toBe(2);
    expect(decodeSettlementEnvelope(new Uint8Array(evidence?.envelope ?? [])).entries).toHaveLength(3);
    expect((await kiosk.handIn(kiosk.batch({ from: 3, to: 3 }))).problem).toMatchObject({
      code: 'batch_chain_broken',
    });
    // What was acknowledged stays acknowledged.
    expect(await kiosk.settle(honest)).toEqual(['settled', 'settled']);
    expect(await kiosk.availableMinor()).toBe(300n);
  });

  test('of a kiosk that was replaced by another machine is refused', async () => {
    kiosk.sell(wallet, 100n);
    const { token } = kiosk.merchant;
    const view = await server.expect(KioskView, `/v1/merchant/kiosks/${kiosk.kioskId}/code`, {
      method: 'POST',
      token,
    });
    const replacement = new SimulatedKiosk(server, kiosk.merchant);
    await replacement.enrol(view.enrolment?.code ?? '');
    expect((await kiosk.handIn()).problem).toMatchObject({ code: 'not_authenticated' });
    replacement.sell(wallet, 70n);
    expect(await replacement.settle()).toEqual(['settled']);
  });
});

describe('a sale', () => {
  test('that the phone never signed is refused and the honest ones around it settle', async () => {
    kiosk.sell(wallet, 100n);
    const before = { ...wallet };
    forceSale(200n, { forgedBy: newKey() });
    Object.assign(wallet, before);
    kiosk.append('stop');
    forceSale(300n);
    expect(await kiosk.settle()).toEqual(['settled', 'refused:payment_signature_invalid', 'settled']);
    expect(await kiosk.availableMinor()).toBe(400n);
    const { token } = kiosk.merchant;
    const sales = await server.expect(pageOf(SaleView), '/v1/merchant/sales', { token });
    expect(sales.items.map((sale) => sale.state)).toEqual(['settled', 'refused', 'settled']);
  });

  test('forged under the identity of a true payment does not keep the true one from settling (R23)', async () => {
    const request = kiosk.request(100n);
    const payment = pay(wallet, request);
    const bytes = payment.bytes.slice();
    // The signature is the object's tail: the content, and with it the payment's identity, stays the same.
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    kiosk.write(request, wallet, { ...payment, bytes });
    kiosk.write(request, wallet, payment);
    expect(await kiosk.settle()).toEqual(['refused:payment_signature_invalid', 'settled']);
    expect(await kiosk.availableMinor()).toBe(100n);
  });

  test('of an allowance that we never issued is refused', async () => {
    const hash = new Uint8Array(32).fill(7);
    forceSale(100n, {}, { ...wallet, allowance: { ...wallet.allowance, hash } });
    expect(await kiosk.settle()).toEqual(['refused:issuer_unknown']);
  });

  test('above the cap, out of the counter or with a sum that cannot be is refused by its own code', async () => {
    const fresh = { ...wallet };
    forceSale(5_001n);
    forceSale(100n, { counter: 61, cumulativeMinor: 200n }, { ...fresh });
    forceSale(100n, { counter: 2, cumulativeMinor: 50n }, { ...fresh });
    forceSale(100n, { previousLink: linkOf(new Uint8Array(32).fill(1)) }, { ...fresh });
    expect(await kiosk.settle()).toEqual([
      'refused:payment_exceeds_allowance',
      'refused:allowance_counter_limit_reached',
      'refused:payment_cumulative_inconsistent',
      'refused:payment_chain_broken',
    ]);
    expect(await phone.allowance(wallet)).toMatchObject({ settledMinor: '0', reservedMinor: '5000' });
  });

  test('whose request names another amount, another kiosk or another day is refused (R27)', async () => {
    const request = kiosk.request(500n);
    kiosk.write(request, wallet, pay({ ...wallet }, { ...request, amountMinor: 600n }));
    const other = await SimulatedKiosk.open(server, kiosk.merchant, 'Till 2');
    const foreign = other.request(500n);
    kiosk.write(foreign, wallet, pay({ ...wallet }, foreign));
    const late = requestAt(wallet.allowance.notAfter + 10);
    kiosk.write(late, wallet, pay({ ...wallet }, late));
    expect(await kiosk.settle()).toEqual([
      'refused:payment_amount_differs_from_request',
      'refused:request_signature_invalid',
      'refused:certificate_expired',
    ]);
    expect(await kiosk.availableMinor()).toBe(0n);
  });

  test('of a kiosk whose clock ran behind the allowance is settled: it was acknowledged (R30)', async () => {
    const early = requestAt(wallet.allowance.notBefore - 1_000);
    kiosk.write(early, wallet, pay(wallet, early));
    expect(await kiosk.settle()).toEqual(['settled']);
    expect(await kiosk.availableMinor()).toBe(500n);
  });

  test('that is no sale at all is refused, told in the acknowledgement, and the journal goes on', async () => {
    kiosk.append('sale', []);
    kiosk.append('sale', [1, 2, 3]);
    kiosk.sell(wallet, 100n);
    expect(await kiosk.settle()).toEqual([
      'refused:message_malformed',
      'refused:message_malformed',
      'settled',
    ]);
  });

  function requestAt(issuedAt: number) {
    const draft = { ...kiosk.request(500n), issuedAt, requestIdBytes: new Uint8Array(16).fill(9) };
    return must(
      verifyPaymentRequest(
        must(signPaymentRequest(draft, kiosk.certificate.hash), kiosk.key.sign),
        kiosk.certificate,
      ),
    );
  }
});
