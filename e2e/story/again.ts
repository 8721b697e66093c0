// Repetition: the payment that is stored on a phone sent to the kiosk again, and the
// batch that a kiosk sent to the cloud sent again, both byte for byte.

import {
  fromBase64Url,
  type SettlementAcknowledgement,
  runSync,
  sealToKiosk,
  toBase64Url,
  verifyKioskCertificate,
  verifySettlementAcknowledgement,
  verifyTrustBundle,
} from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { TrustView } from '@tikiwallet/server/contract';
import type { Stack } from '../../scripts/stack/stack.ts';
import type { Phone } from './phone.ts';
import type { Recorded } from './recording-proxy.ts';
import type { Shop } from './shop.ts';

const crypto = nodeCrypto();
const settlementPath = '/v1/kiosk/settlements';

type StoredBytes = {
  delivery: string;
  certificate: string;
  receipt: string;
  address: string;
  root: string;
  bundle: string;
};

/** Sends the phone's newest paid payment again, freshly sealed, and compares the receipts. */
export async function repeatDelivery(phone: Phone, stack: Stack): Promise<{ sameReceipt: boolean }> {
  const stored = await readNewestPayment(phone);
  const root = fromBase64Url(stored.root);
  const trust = runSync(verifyTrustBundle(fromBase64Url(stored.bundle), root), crypto);
  if (!trust.ok) throw new Error(`the phone's trust bundle: ${trust.code}`);
  const kiosk = runSync(
    verifyKioskCertificate(fromBase64Url(stored.certificate), trust.value.issuers),
    crypto,
  );
  if (!kiosk.ok) throw new Error(`the kiosk's certificate: ${kiosk.code}`);
  const response = await fetch(`${stack.kioskUrl}/v1/payments`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.tikipay.sealed' },
    body: new Uint8Array(await sealToKiosk(fromBase64Url(stored.delivery), kiosk.value)),
  });
  const receipt = toBase64Url(new Uint8Array(await response.arrayBuffer()));
  return { sameReceipt: response.status === 200 && receipt === stored.receipt };
}

/** What the wallet itself keeps, read out of its database. */
async function readNewestPayment(phone: Phone): Promise<StoredBytes> {
  return await phone.page.evaluate(async () => {
    const base64Url = (bytes: Uint8Array): string =>
      btoa(String.fromCharCode(...bytes))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replaceAll('=', '');
    const done = async <T>(request: IDBRequest<T>): Promise<T> =>
      await new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(new Error('the phone does not let itself be read'));
      });
    const database = await done(indexedDB.open('tikiwallet'));
    const transaction = database.transaction(['payments', 'meta']);
    const payments = await done(transaction.objectStore('payments').getAll());
    const trust = await done(transaction.objectStore('meta').get('trust'));
    database.close();
    const newest = payments
      .filter((payment) => payment.receipt !== null)
      .toSorted((a, b) => a.counter - b.counter)
      .at(-1);
    return {
      delivery: base64Url(newest.delivery),
      certificate: base64Url(newest.kioskCertificate),
      receipt: base64Url(newest.receipt),
      address: String(newest.addresses[0]),
      root: base64Url(trust.rootPublicKey),
      bundle: base64Url(trust.bundle),
    };
  });
}

/** Sends every batch that held sales once more; the outcomes by the cloud's signed acknowledgements. */
export async function repeatSettlement(shop: Shop): Promise<readonly string[]> {
  const batches = shop.line.recorded.filter((one) => one.path === settlementPath && one.status === 200);
  const outcomes: string[] = [];
  for (const batch of batches) {
    const again = await shop.line.repeat(batch);
    const results = (await readAcknowledgement(shop, again)).results;
    outcomes.push(...results.map((result) => result.outcome));
  }
  return outcomes;
}

async function readAcknowledgement(shop: Shop, answered: Recorded): Promise<SettlementAcknowledgement> {
  if (answered.status !== 200) throw new Error(`the cloud answered ${String(answered.status)}`);
  const view = TrustView.parse(await (await fetch(`${shop.stack.walletUrl}/v1/trust`)).json());
  const trust = runSync(
    verifyTrustBundle(fromBase64Url(view.trustBundle ?? ''), fromBase64Url(view.rootPublicKey)),
    crypto,
  );
  if (!trust.ok) throw new Error(`the cloud's trust bundle: ${trust.code}`);
  const read = runSync(
    verifySettlementAcknowledgement(new Uint8Array(answered.answer), {
      trust: trust.value,
      nowSeconds: Math.floor(Date.now() / 1000),
    }),
    crypto,
  );
  if (!read.ok) throw new Error(`the acknowledgement: ${read.code}`);
  return read.value;
}
