/**
 * Checks signatures of deliveries that wait for the store's thread to come free, so that the next group's arithmetic
 * overlaps this group's commit. Knows no database, no issuer and no secret. Says only "yes, the phone's key signed
 * this payment under this certificate"; anything else is left for the store to judge and to name.
 */
import { parentPort } from 'node:worker_threads';
import {
  attempt,
  decodeDelivery,
  hasPaymentSignature,
  identifyPayment,
  runSync,
  type SyncCrypto,
} from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';

const port = parentPort;
if (port === null) throw new Error('signatures are checked in a thread of their own');
const crypto = nodeCrypto();

/** A repeat delivery is not a whole one, and its certificate is the store's to find. */
function isSigned(bytes: Uint8Array, primitives: SyncCrypto): boolean {
  const delivery = attempt(() => decodeDelivery(bytes));
  if (!delivery.ok) return false;
  const identified = runSync(identifyPayment(delivery.value), primitives);
  if (!identified.ok) return false;
  const { payment, allowance } = identified.value;
  const signed = runSync(hasPaymentSignature(payment, allowance), primitives);
  return signed.ok && signed.value;
}

port.on('message', (deliveries: readonly Uint8Array[]) => {
  port.postMessage(deliveries.map((bytes) => isSigned(bytes, crypto)));
});
