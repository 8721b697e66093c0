/** Claims: what honest customers' receipts bring back for a merchant, and what nobody gets by one. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fromBase64Url, toBase64Url } from '@tikiwallet/protocol';
import { ClaimView, KioskView, MerchantClaimView, pageOf } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, newKey, type OfflineWallet, pay, SimulatedPhone } from '../../test/simulated-phone.ts';
import { claimOfRefund, offerRefund, refund } from '../../test/simulated-refunds.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { reconcile } from '../ledger/index.ts';
import { COMMANDS } from '../operator/commands.ts';

let server: TestServer;
let kiosk: SimulatedKiosk;
let phone: SimulatedPhone;
let wallet: OfflineWallet;
beforeEach(async () => {
  server = await startTestServer({ maxConnections: 16 });
  kiosk = await SimulatedKiosk.open(server, await server.register('merchant', { businessName: 'Toko' }));
  phone = await SimulatedPhone.withMoney(server, 10_000n);
  wallet = await phone.load(5_000n);
});
afterEach(async () => {
  expect(await reconcile(server.context.db)).toMatchObject({ sound: true });
  await server.close();
});

type Claim = ReturnType<SimulatedKiosk['claimFor']>;
/** A sale in the kiosk's journal, and what its customer holds. */
function buy(
  amountMinor: bigint,
  from = wallet,
  changes: Parameters<SimulatedKiosk['claimFor']>[2] = {},
): Claim {
  const request = kiosk.request(amountMinor);
  const payment = pay(from, request);
  kiosk.write(request, from, payment);
  return kiosk.claimFor(from, { request, payment }, changes);
}
const steal = () =>
  server.expect(KioskView, `/v1/merchant/kiosks/${kiosk.kioskId}/deny`, {
    method: 'POST',
    token: kiosk.merchant.token,
  });
const ask = (body: Claim, who: Person = phone.person) =>
  server.call('/v1/claims', { body, token: who.token });
const claim = (body: Claim, who: Person = phone.person) =>
  server.expect(ClaimView, '/v1/claims', { body, token: who.token });
const claimsOf = async (merchant: Person) =>
  (await server.expect(pageOf(MerchantClaimView), '/v1/merchant/claims', { token: merchant.token })).items;

describe("customers' receipts for a stolen kiosk", () => {
  test('rebuild its claims: the merchant is paid from the reserve, once, and sees it', async () => {
    const bought = [buy(700n), buy(300n)];
    await steal();
    const [first = buy(1n), second = buy(1n)] = bought;
    const paid = await claim(first);
    expect(paid).toMatchObject({
      state: 'paid',
      byClaim: true,
      amountMinor: '700',
      businessName: 'Toko',
      sequence: 1,
    });
    expect(await claim(first)).toEqual(paid);
    expect(await claim(second)).toMatchObject({ state: 'paid', amountMinor: '300', sequence: 2 });
    expect(await kiosk.summary()).toMatchObject({
      availableMinor: '1000',
      settledTodayMinor: '1000',
      settledTodayCount: 2,
    });
    expect(await phone.allowance(wallet)).toMatchObject({ settledMinor: '1000', settledCounter: 2 });
    const seen = await claimsOf(kiosk.merchant);
    expect(seen.map((one) => [one.amountMinor, one.state, one.contradictsJournal])).toEqual([
      ['300', 'paid', false],
      ['700', 'paid', false],
    ]);
    expect(await COMMANDS['claims']?.run(server.context.db, [])).toContain(paid.paymentHash.slice(0, 16));
    expect(await claimsOf(await server.register('merchant'))).toEqual([]);
  });

  test('complete what a closing allowance waits for', async () => {
    const bought = buy(700n);
    await steal();
    expect(await phone.close(wallet)).toMatchObject({ status: 'closing', returnedMinor: '0' });
    await claim(bought);
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'closed', returnedMinor: '4300' });
    expect(await phone.wallet()).toMatchObject({ onlineMinor: '9300' });
  });
});

describe('one payment counts once', () => {
  test('when the claim comes first and the kiosk hands the same in later', async () => {
    const bought = buy(700n);
    await claim(bought);
    buy(300n);
    expect(await kiosk.settle()).toEqual(['settled', 'settled']);
    expect(await kiosk.availableMinor()).toBe(1_000n);
    expect(await phone.allowance(wallet)).toMatchObject({ settledMinor: '1000' });
  });

  test('when the kiosk was first', async () => {
    const bought = buy(700n);
    await kiosk.settle();
    expect(await claim(bought)).toMatchObject({ state: 'paid', byClaim: false });
    expect(await kiosk.availableMinor()).toBe(700n);
    expect(await claimsOf(kiosk.merchant)).toEqual([]);
  });

  test('when claims and batch race each other (R49)', async () => {
    const bought = [buy(700n), buy(300n), buy(50n)];
    const all = await Promise.all([
      ...bought.map((one) => claim(one)),
      kiosk.settle(),
      ...bought.map((one) => claim(one)),
      kiosk.settle(),
    ]);
    expect(all.length).toBe(8);
    expect(await kiosk.availableMinor()).toBe(1_050n);
    expect(await phone.allowance(wallet)).toMatchObject({ settledMinor: '1050' });
  });

  test('whatever the signatures look like (R23)', async () => {
    const bought = buy(700n);
    await claim(bought);
    const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const bytes = fromBase64Url(bought.payment);
    const s = BigInt(`0x${Buffer.from(bytes.subarray(-32)).toString('hex')}`);
    const other = Buffer.from((N - s).toString(16).padStart(64, '0'), 'hex');
    const malleated = Uint8Array.from([...bytes.subarray(0, -32), ...other]);
    expect(await claim({ ...bought, payment: toBase64Url(malleated) })).toMatchObject({ state: 'paid' });
    expect(await kiosk.availableMinor()).toBe(700n);
  });
});

describe('a claim is refused', () => {
  test('when any of its objects is another one, bent, or of another signer', async () => {
    const bought = buy(700n);
    const other = buy(300n);
    const stranger = await SimulatedKiosk.open(server, await server.register('merchant'));
    const bent = (text: string) => {
      const bytes = fromBase64Url(text);
      return toBase64Url(bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1));
    };
    const forged = clone(wallet);
    const request = kiosk.request(100n);
    const bad: readonly (readonly [string, Claim, string])[] = [
      ['receipt', { ...bought, receipt: other.receipt }, 'receipt_is_for_another_payment'],
      ['request', { ...bought, request: other.request }, 'payment_is_for_another_request'],
      ['payment', { ...bought, payment: other.payment }, 'payment_is_for_another_request'],
      [
        'another kiosk',
        { ...bought, kioskCertificate: toBase64Url(stranger.certificate.bytes) },
        'request_signature_invalid',
      ],
      ['bent receipt', { ...bought, receipt: bent(bought.receipt) }, 'receipt_signature_invalid'],
      ['bent request', { ...bought, request: bent(bought.request) }, 'request_signature_invalid'],
      ['bent payment', { ...bought, payment: bent(bought.payment) }, 'payment_signature_invalid'],
      [
        'bent certificate',
        { ...bought, allowanceCertificate: bent(bought.allowanceCertificate) },
        'certificate_signature_invalid',
      ],
      ['no object', { ...bought, payment: 'AAAA' }, 'message_malformed'],
      [
        'forged payment',
        kiosk.claimFor(wallet, { request, payment: pay(forged, request, { forgedBy: newKey() }) }),
        'payment_signature_invalid',
      ],
      ['another amount', buy(50n, wallet, { amountMinor: 49n }), 'receipt_is_for_another_payment'],
    ];
    for (const [name, body, detail] of bad) {
      const answer = await ask(body);
      expect([name, answer.code, Object(answer.body).detail]).toEqual([name, 'claim_invalid', detail]);
    }
    expect((await ask({ ...bought, payment: 'A'.repeat(3_000) })).code).toBe('request_invalid');
    expect(await kiosk.availableMinor()).toBe(0n);
  });

  test('when any byte of any of its objects is another one, those of a refund included', async () => {
    const request = kiosk.request(700n);
    const payment = pay(wallet, request);
    kiosk.write(request, wallet, payment);
    const sale = kiosk.claimFor(wallet, { request, payment });
    const back = claimOfRefund(kiosk, wallet, refund(kiosk, wallet, { payment, amountMinor: 200n }));
    /** One text for each byte of it that is another one. */
    const changed = (text: string) => {
      const bytes = fromBase64Url(text);
      // Fields are a byte at least; the points and hashes between need not be tried everywhere.
      return [...bytes.keys()]
        .filter((at) => at % 3 === 0 || at < 24)
        .map((at) => toBase64Url(bytes.with(at, (bytes[at] ?? 0) ^ 1)));
    };
    const ofSale = ['receipt', 'request', 'payment', 'kioskCertificate', 'allowanceCertificate'] as const;
    const ofRefund = ['kioskCertificate', 'offer', 'acceptance', 'receipt'] as const;
    const claims: readonly Claim[] = [
      ...ofSale.flatMap((name) => changed(sale[name]).map((text) => ({ ...sale, [name]: text }))),
      ...ofRefund.flatMap((name) =>
        changed(back[name]).map((text) => ({ ...sale, refund: { ...back, [name]: text } })),
      ),
    ];
    expect(claims.length).toBeGreaterThan(500);
    const answers = new Set<unknown>();
    for (const body of claims) answers.add((await ask(body)).code);
    expect([...answers]).toEqual(['claim_invalid']);
    expect(await kiosk.availableMinor()).toBe(0n);
    expect(await claim({ ...sale, refund: back })).toMatchObject({
      state: 'paid',
      refund: { state: 'settled' },
    });
  });

  test("when it is about somebody else's allowance (R52)", async () => {
    const bought = buy(700n);
    expect((await ask(bought, await server.register('customer'))).code).toBe('claim_invalid');
    expect(await kiosk.availableMinor()).toBe(0n);
  });

  test('when the kiosk had said that it knew of the denial', async () => {
    await phone.close(wallet);
    await kiosk.syncTrust();
    await kiosk.settle(kiosk.heartbeat());
    expect(await claim(buy(700n))).toMatchObject({ state: 'refused' });
    expect(await kiosk.availableMinor()).toBe(0n);
  });
});

describe('the keys of a stolen kiosk', () => {
  test('move nobody’s money but the payer’s own: a claim never draws on the guarantee fund', async () => {
    const copies = [clone(wallet), clone(wallet)];
    const bodies = copies.map((copy) => buy(4_000n, copy));
    await steal();
    const states: string[] = [];
    for (const body of bodies) states.push((await claim(body)).state);
    expect(states).toEqual(['paid', 'not_covered']);
    expect(await kiosk.availableMinor()).toBe(4_000n);
    const [cases] = await server.database.owner`select count(*)::int as n from double_spend_cases`;
    expect(cases?.n).toBe(1);
    expect(await phone.allowance(wallet)).toMatchObject({ status: 'denied', reservedMinor: '1000' });
    const [debts] = await server.database.owner`select count(*)::int as n from debts`;
    expect(debts?.n).toBe(0);
    // The same again changes nothing, and the shop's own batch elsewhere is not harmed by it.
    expect(await claim(bodies[1] ?? buy(1n))).toMatchObject({ state: 'not_covered' });
  });

  test('a claim that is not covered leaves the guarantee to the kiosk that hands the payment in', async () => {
    const copy = clone(wallet);
    const elsewhere = await SimulatedKiosk.open(server, await server.register('merchant'));
    elsewhere.sell(wallet, 5_000n);
    await elsewhere.settle();
    const bought = buy(700n, copy);
    expect(await claim(bought)).toMatchObject({ state: 'not_covered' });
    expect(await kiosk.settle()).toEqual(['settled_by_guarantee']);
    expect(await claim(bought)).toMatchObject({ state: 'paid', byClaim: false });
    expect(await kiosk.availableMinor()).toBe(700n);
  });

  test('a receipt that contradicts the stored journal is paid, and pointed out', async () => {
    buy(700n);
    await kiosk.settle();
    const request = kiosk.request(300n);
    const payment = pay(wallet, request);
    const bought = kiosk.claimFor(
      wallet,
      { request, payment },
      { sequence: 1, journalHash: new Uint8Array(32) },
    );
    expect(await claim(bought)).toMatchObject({ state: 'paid' });
    expect(await claimsOf(kiosk.merchant)).toMatchObject([{ contradictsJournal: true, amountMinor: '300' }]);
    expect(await COMMANDS['claims']?.run(server.context.db, [])).toContain('CONTRADICTS');
  });
});

describe('refunds that the payer hands in', () => {
  const onlineMinor = async () => BigInt((await phone.wallet()).onlineMinor);

  /** A sale, a refund of it in the journal, and what the customer holds of both. */
  function buyAndGiveBack(amountMinor: bigint, backMinor: bigint) {
    const request = kiosk.request(amountMinor);
    const payment = pay(wallet, request);
    kiosk.write(request, wallet, payment);
    const sale = kiosk.claimFor(wallet, { request, payment });
    const offer = refund(kiosk, wallet, { payment, amountMinor: backMinor });
    return { payment, sale, offer, both: { ...sale, refund: claimOfRefund(kiosk, wallet, offer) } };
  }

  test('of a stolen kiosk bring sale and refund together: the merchant keeps the rest, the payer has the money', async () => {
    const { both } = buyAndGiveBack(700n, 200n);
    await steal();
    const paid = await claim(both);
    expect(paid).toMatchObject({ state: 'paid', refund: { state: 'settled', code: null } });
    expect(await claim(both)).toEqual(paid);
    expect((await kiosk.summary()).availableMinor).toBe('500');
    expect(await onlineMinor()).toBe(5_200n);
  });

  test('count once with the batch of the kiosk, whichever comes first', async () => {
    const first = buyAndGiveBack(700n, 200n);
    expect((await claim(first.both)).refund).toEqual({ state: 'settled', code: null });
    expect(await kiosk.settle()).toEqual(['settled', 'settled']);
    const second = buyAndGiveBack(300n, 100n);
    expect(await kiosk.settle(kiosk.batch({ from: 3, to: 4 }))).toEqual(['settled', 'settled']);
    expect((await claim(second.both)).refund).toEqual({ state: 'settled', code: null });
    expect(await onlineMinor()).toBe(5_300n);
    expect(await kiosk.availableMinor()).toBe(700n);
  });

  test('of a denied kiosk never move money that another way had brought', async () => {
    // A friend paid honestly and it settled; then the kiosk was stolen with its keys.
    const request = kiosk.request(700n);
    const payment = pay(wallet, request);
    kiosk.write(request, wallet, payment);
    const sale = kiosk.claimFor(wallet, { request, payment });
    await kiosk.settle();
    await steal();
    const offer = offerRefund(kiosk, payment, 700n);
    const answer = await claim({ ...sale, refund: claimOfRefund(kiosk, wallet, offer) });
    expect(answer.refund).toEqual({ state: 'refused', code: 'kiosk_denied' });
    expect(await kiosk.availableMinor()).toBe(700n);
    expect(await onlineMinor()).toBe(5_000n);
  });

  test('of another payment, of a foreign key, or beyond the sale are refused', async () => {
    const { sale, payment } = buyAndGiveBack(700n, 700n);
    const other = buyAndGiveBack(300n, 100n);
    const refundOf = (offer: typeof other.offer, by = wallet) => claimOfRefund(kiosk, by, offer);
    expect(await ask({ ...sale, refund: refundOf(other.offer) })).toMatchObject({ code: 'claim_invalid' });
    const foreign = { ...wallet, key: newKey() };
    const own = offerRefund(kiosk, payment, 10n);
    expect(await ask({ ...sale, refund: refundOf(own, foreign) })).toMatchObject({ code: 'claim_invalid' });
    await kiosk.settle();
    expect((await claim({ ...sale, refund: refundOf(own) })).refund).toEqual({
      state: 'refused',
      code: 'refund_exceeds_sale',
    });
    expect(await onlineMinor()).toBe(5_800n);
  });

  test('race the batch that brings the same refund', async () => {
    const { both } = buyAndGiveBack(700n, 200n);
    await Promise.all([kiosk.handIn(), claim(both), claim(both), kiosk.handIn()]);
    expect(await onlineMinor()).toBe(5_200n);
    expect(await kiosk.availableMinor()).toBe(500n);
  });
});
