/** Money given back by the real agent: over HTTP and by its camera, killed in between, and told by its state. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromQrText, sealToKiosk, toHex, toQrText } from '@tikiwallet/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Payment, Refund } from '../ipc/index.ts';
import { AgentProcess, EnrollingCloud } from './test/agent-process.ts';
import { ok, type TestPhone } from './test/world.ts';

let folder: string;
let cloud: EnrollingCloud;
let agent: AgentProcess;
let phone: TestPhone;
let payment: Payment;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tiki-give-back-'));
  cloud = new EnrollingCloud();
  agent = new AgentProcess(folder, await cloud.listen());
  phone = cloud.issuer.phone();
  await agent.start();
  await agent.client.call('kiosk.enrol', { code: 'abcd-efgh' });
  const sale = await agent.client.call('sale.open', { saleId: randomUUID(), amountMinor: '1250' });
  const { delivery } = phone.pay(ok(fromQrText('request', sale.qrText)));
  await agent.client.call('delivery.submit', { text: toQrText('delivery', delivery) });
  payment = await only();
});
afterEach(async () => {
  await agent.end();
  cloud.close();
  rmSync(folder, { recursive: true, force: true });
});

async function only(): Promise<Payment> {
  const { items } = await agent.client.call('activity.list', { cursor: null, limit: 10 });
  const [first] = items;
  if (first === undefined || items.length > 1) throw new Error(`${items.length} payments`);
  return first;
}

async function offer(amountMinor: string): Promise<Refund> {
  const answer = await agent.client.call('refund.open', {
    refundId: randomUUID(),
    sequence: payment.sequence,
    kind: 'refund',
    amountMinor,
    reason: 'goods_returned',
  });
  if (answer.outcome === 'refused') throw new Error(answer.code);
  return answer.refund;
}

const acceptanceOf = ({ qrText }: Refund) => phone.acceptRefund(ok(fromQrText('refundOffer', qrText)));

/** Sealed, as a phone does it. Null when nobody answered. */
async function post({ qrText }: Refund, acceptance: Uint8Array) {
  const { kiosk, offer } = phone.readOffer(ok(fromQrText('refundOffer', qrText)));
  const { addresses } = await agent.client.call('agent.state', {});
  expect(offer.addresses.length).toBeGreaterThan(0);
  const response = await fetch(`${addresses[0]}/v1/refunds`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.tikipay.sealed', connection: 'close' },
    body: new Uint8Array(await sealToKiosk(acceptance, kiosk)),
  });
  return { status: response.status, body: new Uint8Array(await response.arrayBuffer()) };
}

const stateOf = async () => (await agent.client.call('agent.state', {})).refund;

test('over HTTP and by the camera it counts once, with one receipt, and both screens know', async () => {
  const refund = await offer('500');
  expect(await stateOf()).toMatchObject({ refundId: refund.refundId, state: 'open' });
  const acceptance = acceptanceOf(refund);
  const answer = await post(refund, acceptance);
  expect(answer.status).toBe(200);
  const state = await stateOf();
  expect(state).toMatchObject({ state: 'given_back', refundedMinor: '500', amountMinor: '500' });
  expect(toHex(ok(fromQrText('refundReceipt', state?.receiptQrText ?? '')))).toBe(toHex(answer.body));
  const text = toQrText('refundAcceptance', acceptance);
  expect(await agent.client.call('refund.submit', { text })).toEqual({
    outcome: 'repeated',
    refundId: refund.refundId,
  });
  expect((await only()).refundedMinor).toBe('500');
});

test('killed with the offer open and after the commit: the same acceptance counts once, with the same receipt', async () => {
  const refund = await offer('700');
  const acceptance = acceptanceOf(refund);
  await agent.kill('SIGKILL');
  await agent.start();
  expect(await stateOf()).toMatchObject({ refundId: refund.refundId, state: 'open' });
  const first = await post(refund, acceptance);
  await agent.kill('SIGKILL');
  await agent.start();
  const again = await post(refund, acceptance);
  expect([first.status, again.status, toHex(again.body)]).toEqual([200, 200, toHex(first.body)]);
  const { items } = await agent.client.call('refund.list', { paymentHash: payment.paymentHash });
  expect(items).toMatchObject([{ refundId: refund.refundId, amountMinor: '700', refundedMinor: '700' }]);
});

test('what is refused is told to the phone by its code, and to the screen', async () => {
  const refund = await offer('700');
  const stranger = cloud.issuer.phone();
  const forged = stranger.acceptRefund(ok(fromQrText('refundOffer', refund.qrText)));
  const answer = await post(refund, forged);
  expect([answer.status, Buffer.from(answer.body).toString()]).toEqual([
    422,
    '{"code":"refund_acceptance_signature_invalid"}',
  ]);
  await expect
    .poll(async () => (await stateOf())?.lastRefusal)
    .toMatchObject({ code: 'refund_acceptance_signature_invalid', attempts: 1 });
  expect((await agent.client.call('refund.cancel', { refundId: refund.refundId })).state).toBe('cancelled');
  expect((await post(refund, acceptanceOf(refund))).status).toBe(409);
  expect((await only()).refundedMinor).toBe('0');
});
