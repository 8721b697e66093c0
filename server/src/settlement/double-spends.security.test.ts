/** Who is shown which proof, and that what leaves the server convinces a stranger. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { decodeDoubleSpendProof, toBase64Url, toHex, verifyDoubleSpendProof } from '@tikiwallet/protocol';
import { DoubleSpendView, pageOf } from '../../contract/index.ts';
import { SimulatedKiosk } from '../../test/simulated-kiosk.ts';
import { clone, type OfflineWallet, SimulatedPhone } from '../../test/simulated-phone.ts';
import { type Person, startTestServer, type TestServer } from '../../test/test-server.ts';
import { COMMANDS } from '../operator/commands.ts';
import { must } from '../trust/index.ts';

let server: TestServer;
let a: SimulatedKiosk;
let b: SimulatedKiosk;
let bystander: SimulatedKiosk;
let phone: SimulatedPhone;
let wallet: OfflineWallet;
const folder = mkdtempSync(join(tmpdir(), 'tiki-proof-'));
const Page = pageOf(DoubleSpendView);
beforeAll(async () => {
  server = await startTestServer();
  [a, b, bystander] = (await Promise.all(
    ['Shop A', 'Shop B', 'Shop C'].map(async (businessName) =>
      SimulatedKiosk.open(server, await server.register('merchant', { businessName })),
    ),
  )) as [SimulatedKiosk, SimulatedKiosk, SimulatedKiosk];
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  phone = await SimulatedPhone.withMoney(server, 10_000n);
  wallet = await phone.load(5_000n);
});

const list = (merchant: Person) =>
  server.expect(Page, '/v1/merchant/double-spends', { token: merchant.token });
async function proofFor(merchant: Person, id: string) {
  const response = await fetch(`${server.origin}/v1/merchant/double-spends/${id}/proof`, {
    headers: { authorization: `Bearer ${merchant.token}` },
  });
  return { status: response.status, bytes: new Uint8Array(await response.arrayBuffer()), response };
}
async function spendTwice() {
  const copy = clone(wallet);
  const first = a.sell(wallet, 3_000n);
  const second = b.sell(copy, 3_500n);
  await a.settle();
  await b.settle();
  const found = (await list(a.merchant)).items.find(
    (one) => one.allowanceId === wallet.allowance.allowanceId,
  );
  if (found === undefined) throw new Error('no case');
  return { first, second, found };
}
const root = () => server.context.offline.trust.rootPublicKey;

describe('a merchant whom a double spend touches', () => {
  test('sees the case with its own payments only, and gets a proof that stands by itself (R32)', async () => {
    const { first, second, found } = await spendTwice();
    expect(found).toMatchObject({ rule: 'same_counter', capMinor: '5000', maskedPhone: expect.any(String) });
    expect(found.payments).toEqual([
      { paymentHash: toHex(first.hash), amountMinor: '3000', outcome: 'settled' },
    ]);
    const theirs = (await list(b.merchant)).items.find((one) => one.id === found.id);
    expect(theirs?.payments).toEqual([
      { paymentHash: toHex(second.hash), amountMinor: '3500', outcome: 'settled_by_guarantee' },
    ]);
    const { bytes, response } = await proofFor(b.merchant, found.id);
    expect(response.headers.get('content-type')).toBe('application/cbor');
    const proof = must(verifyDoubleSpendProof(decodeDoubleSpendProof(bytes), root()));
    expect(proof.rule).toBe('same_counter');
    expect(proof.allowance.allowanceId).toBe(wallet.allowance.allowanceId);
    const path = join(folder, `${found.id}.cbor`);
    writeFileSync(path, bytes);
    const entry = join(import.meta.dirname, '../../../protocol/cli/tikiwallet.ts');
    const args = [entry, 'verify-fork', path, '--root', toBase64Url(root())];
    const checked = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect([checked.status, checked.stdout.slice(0, 7)]).toEqual([0, 'PROVEN:']);
  });

  test('gets a proof also of a payment beyond the closing statement', async () => {
    const copy = clone(wallet);
    a.sell(wallet, 1_000n);
    await phone.close(wallet);
    copy.counter = 1;
    copy.cumulativeMinor = 1_000n;
    b.sell(copy, 500n);
    await b.settle();
    const [found] = (await list(b.merchant)).items;
    expect(found?.rule).toBe('closing_statement');
    const { bytes } = await proofFor(b.merchant, found?.id ?? '');
    expect(must(verifyDoubleSpendProof(decodeDoubleSpendProof(bytes), root())).rule).toBe(
      'closing_statement',
    );
  });
});

describe('whoever is not concerned', () => {
  test('is told of no case and gets no proof, as if there were none', async () => {
    const { found } = await spendTwice();
    expect((await list(bystander.merchant)).items).toEqual([]);
    const answer = await server.call(`/v1/merchant/double-spends/${found.id}/proof`, {
      token: bystander.merchant.token,
    });
    expect([answer.status, answer.code]).toEqual([404, 'double_spend_not_found']);
    const bad = await server.call('/v1/merchant/double-spends?cursor=x', { token: a.merchant.token });
    expect(bad.code).toBe('request_invalid');
  });
});

describe('the list', () => {
  test('pages newest first, without a case twice or missing', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i += 1) {
      wallet = await phone.load(100n);
      const copy = clone(wallet);
      a.sell(wallet, 10n);
      bystander.sell(copy, 10n);
      await a.settle();
      await bystander.settle();
      phone = await SimulatedPhone.withMoney(server, 1_000n);
      ids.unshift(wallet.allowance.allowanceId);
    }
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page: { items: DoubleSpendView[]; nextCursor: string | null } = await server.expect(
        Page,
        `/v1/merchant/double-spends?limit=2${after}`,
        { token: bystander.merchant.token },
      );
      seen.push(...page.items.map((one) => one.allowanceId));
      ({ nextCursor: cursor } = page);
    }
    expect(seen).toEqual(ids);
  });
});

describe('the operator', () => {
  test('lists every case and exports a proof to a new file, never over an old one', async () => {
    const { found } = await spendTwice();
    const { db } = server.context;
    const listed = await COMMANDS['double-spends']?.run(db, []);
    expect(listed).toContain(found.id);
    const path = join(folder, 'exported.cbor');
    const said = await COMMANDS['export-proof']?.run(db, [found.id, path]);
    expect(said).toContain(`--root ${toBase64Url(root())}`);
    expect(
      must(verifyDoubleSpendProof(decodeDoubleSpendProof(new Uint8Array(readFileSync(path))), root())).rule,
    ).toBe('same_counter');
    await expect(COMMANDS['export-proof']?.run(db, [found.id, path])).rejects.toThrow('EEXIST');
    const nowhere = join(folder, 'nowhere.cbor');
    await expect(COMMANDS['export-proof']?.run(db, [crypto.randomUUID(), nowhere])).rejects.toThrow(
      'There is no such case.',
    );
    await expect(COMMANDS['export-proof']?.run(db, ['x', nowhere])).rejects.toThrow('no id');
    expect(existsSync(nowhere)).toBe(false);
  });
});
