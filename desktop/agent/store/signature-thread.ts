/**
 * Checks signatures of deliveries that wait for the store's thread to come free, so that the next group's arithmetic
 * overlaps this group's commit. Knows no database, no issuer and no secret. Says only "yes, the phone's key signed
 * this payment under this certificate"; anything else is left for the store to judge and to name.
 */
import { workerData } from 'node:worker_threads';
import {
  attempt,
  decodeDelivery,
  isSignedAsPayment,
  readAllowanceCertificate,
  runSync,
  type AllowanceCertificate,
} from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { BeltWatcher } from './delivery-belt.ts';
import type { SharedDeliveries } from './messages.ts';
import { giveVerdict } from './verdicts.ts';

const { cells, belt } = workerData as SharedDeliveries;
const watcher = new BeltWatcher(belt);
const crypto = nodeCrypto();

const MAX_CERTIFICATES = 4_096;
/** Certificates as read, by their bytes: reading is most of the work that is no arithmetic. */
const certificates = new Map<string, AllowanceCertificate>();

function certificateOf(bytes: Uint8Array): AllowanceCertificate | null {
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const known = certificates.get(name);
  if (known !== undefined) return known;
  const read = runSync(readAllowanceCertificate(new Uint8Array(bytes)), crypto);
  if (!read.ok) return null;
  const { certificate } = read.value;
  if (certificates.size >= MAX_CERTIFICATES) certificates.clear();
  certificates.set(name, certificate);
  return certificate;
}

/** A repeat delivery is not a whole one, and its certificate is the store's to find. */
function isSigned(bytes: Uint8Array): boolean {
  const delivery = attempt(() => decodeDelivery(bytes));
  if (!delivery.ok) return false;
  const certificate = certificateOf(delivery.value.allowanceCertificate);
  if (certificate === null) return false;
  // What the payment says is not read here: the store reads it all the same, and refuses what is none.
  const signed = runSync(isSignedAsPayment(delivery.value.payment, certificate), crypto);
  return signed.ok && signed.value;
}

// It sleeps in place, and has no event loop to come back to: it is ended from outside.
for (;;) {
  watcher.wait();
  for (const ticket of watcher.tickets()) giveVerdict(cells, ticket, () => isSigned(watcher.look(ticket)));
}
