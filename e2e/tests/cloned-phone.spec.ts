// R32 through real processes: one cloud, two shops with an agent each, and a phone that was copied - key, allowance and
// counters. Both kiosks are cut off while they sell to the copies. Whoever settles first, what was accepted is paid, the
// fork is proven to a stranger, the phone is denied at both, and the loss is within what the operator was told.

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { fromBase64Url, runSync, verifyTrustBundle } from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { DoubleSpendView, pageOf, SaleView, type Session, TrustView } from '@tikiwallet/server/contract';
import { runCommand } from '../../scripts/run-command.ts';
import { CloudClient, type Person } from '../../scripts/stack/cloud-client.ts';
import { HeadlessPhone, nameOf } from '../story/headless-phone.ts';
import { availableMinor, reconcile } from '../story/money.ts';
import { customer, merchant, Shop } from '../story/shop.ts';

const capMinor = 5_000n;
const secondMerchant: Person = {
  role: 'merchant',
  phone: '+6581230002',
  username: 'budi',
  password: 'kopi-across-the-road',
  businessName: 'Kopi Budi',
};

interface Till {
  readonly shop: Shop;
  readonly owner: Person;
}

test.describe('R32 a copied phone that pays at two offline kiosks', () => {
  let first: Shop;
  let tills: readonly [Till, Till];

  test.beforeAll(async () => {
    // The bound speaks of the largest allowance: here it is the one that is copied.
    first = await Shop.open({ TIKI_ALLOWANCE_MAX_MINOR: capMinor.toString() });
    await first.openKiosk();
    const second = await Shop.beside(first);
    tills = [
      { shop: first, owner: merchant },
      { shop: second, owner: secondMerchant },
    ];
    await second.openKiosk(secondMerchant);
  });
  test.afterAll(async () => {
    await tills[1].shop.close();
    await first.close();
  });

  for (const [n, order] of [
    [1, 'the first seller settles first'],
    [2, 'the second seller settles first'],
  ] as const)
    test(`is proven once, denied at both and costs no more than the bound: ${order}`, async () => {
      const phone = new HeadlessPhone();
      const session = await phone.prepare(first.stack, customer(n), capMinor);
      const copy = phone.clone();
      const before = await bothAvailable();
      for (const till of tills) await cut(till);

      const hashes = [await pays(phone, tills[0], 4_900n), await pays(copy, tills[1], 4_850n)] as const;
      const [early, late] = n === 1 ? ([0, 1] as const) : ([1, 0] as const);
      await restore(tills[early]);
      expect((await casesOf(tills[early].owner, phone)).length, 'one half accuses nobody').toBe(0);
      expect(await allowanceOf(phone, session)).toMatchObject({ status: 'active' });
      await restore(tills[late]);

      // Each merchant sees its own sale, at the kiosk and in the cloud, and what became of it.
      for (const [index, outcome] of [
        [early, 'settled'],
        [late, 'settled_by_guarantee'],
      ] as const) {
        expect(await outcomeAtKiosk(tills[index], hashes[index])).toBe(outcome);
        const sales = await asMerchant(tills[index].owner, '/v1/merchant/sales', pageOf(SaleView));
        expect(sales.items.find((sale) => sale.paymentHash === hashes[index])?.state).toBe(outcome);
        const [found, ...more] = await casesOf(tills[index].owner, phone);
        expect(more, 'exactly one case').toEqual([]);
        expect(found).toMatchObject({ rule: 'same_counter', payments: [{ paymentHash: hashes[index] }] });
        expect(await proofIsAccepted(tills[index].owner, found?.id ?? '')).toBe(true);
      }
      expect(await allowanceOf(phone, session)).toMatchObject({
        status: 'denied',
        deniedFor: 'double_spend',
        settledMinor: capMinor.toString(),
        reservedMinor: '0',
      });

      const version = await versionThatDenies(phone, session);
      for (const [index, thief] of [phone, copy].entries()) {
        const till = tills[index as 0 | 1];
        await syncOnce(till, phone, version);
        const sale = await till.shop.charge(10n);
        const refused = await thief.deliver(await thief.sign(sale.qrText));
        expect(refused).toEqual({ kind: 'refused', code: 'allowance_denied' });
        await till.shop.withAgent((agent) => agent.call('sale.cancel', { saleId: sale.saleId }));
      }

      expect(await reconcile(first.stack)).toContain('The ledger is sound');
      const after = await bothAvailable();
      expect(after, 'both shops have their money').toBe(before + 4_900n + 4_850n);
      expect(after - before - capMinor).toBeLessThanOrEqual(await boundOfOneAllowance());
    });

  async function cut({ shop }: Till): Promise<void> {
    shop.line.isCut = true;
    await expect.poll(async () => (await shop.state()).cloud.state).toBe('offline');
  }

  /** The line comes back, and everything that waited is settled. */
  async function restore({ shop }: Till): Promise<void> {
    shop.line.isCut = false;
    await expect.poll(async () => (await shop.state()).cloud.state).toBe('online');
    await expect.poll(async () => (await shop.state()).settlement.pendingCount).toBe(0);
  }

  /** @returns the payment's name, for which the phone holds a receipt that verifies. */
  async function pays(phone: HeadlessPhone, { shop }: Till, amountMinor: bigint): Promise<string> {
    const signed = await phone.sign((await shop.charge(amountMinor)).qrText);
    const answer = await phone.deliver(signed);
    expect(answer.kind === 'refused' ? answer.code : answer.kind).toBe('receipt');
    return nameOf(signed.payment);
  }

  async function outcomeAtKiosk({ shop }: Till, hash: string): Promise<string | undefined> {
    const page = await shop.withAgent((agent) => agent.call('activity.list', { cursor: null, limit: 20 }));
    return page.items.find((one) => one.paymentHash === hash)?.settlement;
  }

  /** One fetch of the trust bundle, no more, and the kiosk names the newest deny list in what it asks for. */
  async function syncOnce({ shop }: Till, phone: HeadlessPhone, version: number): Promise<void> {
    const fetched = () => shop.line.countOf('/v1/kiosk/trust-bundle');
    const before = fetched();
    await shop.withAgent((agent) => agent.call('settlement.now', {}));
    const namedVersion = () =>
      shop.withAgent(async (agent) => {
        const saleId = randomUUID();
        const { qrText } = await agent.call('sale.open', { saleId, amountMinor: '10' });
        await agent.call('sale.cancel', { saleId });
        return phone.read(qrText).request.denyListVersion;
      });
    await expect.poll(namedVersion).toBeGreaterThanOrEqual(version);
    expect(fetched() - before).toBe(1);
  }

  const bothAvailable = async () =>
    (await availableMinor(first.stack, merchant)) + (await availableMinor(first.stack, secondMerchant));

  async function asMerchant<T extends Parameters<CloudClient['get']>[1]>(
    owner: Person,
    path: string,
    schema: T,
  ) {
    const cloud = new CloudClient(first.stack);
    return await cloud.get(path, schema, await cloud.signInOrRegister(owner));
  }

  async function casesOf(owner: Person, phone: HeadlessPhone): Promise<DoubleSpendView[]> {
    const page = await asMerchant(owner, '/v1/merchant/double-spends', pageOf(DoubleSpendView));
    return page.items.filter((one) => one.allowanceId === phone.allowanceId);
  }

  async function allowanceOf(phone: HeadlessPhone, session: Session) {
    const { allowances } = await new CloudClient(first.stack).wallet(session);
    return allowances.find((one) => one.id === phone.allowanceId);
  }

  const cloudTrust = (session: Session) => new CloudClient(first.stack).get('/v1/trust', TrustView, session);

  /** The cloud's newest deny list, once it is known to name the phone's allowance. */
  async function versionThatDenies(phone: HeadlessPhone, session: Session): Promise<number> {
    const { rootPublicKey, trustBundle } = await cloudTrust(session);
    const bytes = fromBase64Url(trustBundle ?? '');
    const trust = runSync(verifyTrustBundle(bytes, fromBase64Url(rootPublicKey)), nodeCrypto());
    if (!trust.ok) throw new Error(trust.code);
    expect(trust.value.deniedAllowances.has(phone.allowanceId)).toBe(true);
    return trust.value.denyListVersion;
  }

  /** The merchant's file in a stranger's hands: no server, no account, the root's key alone. */
  async function proofIsAccepted(owner: Person, id: string): Promise<boolean> {
    const cloud = new CloudClient(first.stack);
    const session = await cloud.signInOrRegister(owner);
    const url = `${first.stack.walletUrl}/v1/merchant/double-spends/${id}/proof`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${session.accessToken}` } });
    const file = join(first.folder, `${randomUUID()}.cbor`);
    writeFileSync(file, new Uint8Array(await response.arrayBuffer()));
    const { rootPublicKey } = await cloudTrust(session);
    const said = await runCommand('node', [
      'protocol/cli/tikiwallet.ts',
      'verify-fork',
      file,
      '--root',
      rootPublicKey,
    ]);
    return said.code === 0 && said.stdout.startsWith('PROVEN:');
  }

  /** What `npm run bound -- 2` prints for one allowance. */
  async function boundOfOneAllowance(): Promise<bigint> {
    const said = await runCommand('node', ['server/src/operator/bound.ts', '2'], {
      env: { ...process.env, ...first.stack.serverEnvironment },
    });
    const [, whole, cents] = /^One allowance: +([\d,]+)\.(\d\d) /m.exec(said.stdout) ?? [];
    if (whole === undefined || cents === undefined) throw new Error(`no bound in: ${said.output}`);
    return BigInt(whole.replaceAll(',', '') + cents);
  }
});
