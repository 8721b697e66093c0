/**
 * Does signatures beside the store's thread: signs the receipts of the group that is being stored, and checks deliveries
 * that wait for the store to come free, so that arithmetic overlaps what the store waits for. Knows no database and no
 * issuer; holds the kiosk's signing key (decisions/0018) and signs what the store lays down for it. Of a delivery it says
 * only "yes, the phone's key signed this payment under this certificate"; all else is left for the store to judge and to name.
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
import { loadPrivateKey, nodeCrypto } from '@tikiwallet/protocol/node';
import { BeltWatcher } from './delivery-belt.ts';
import type { SignatureThreadData } from './messages.ts';
import { SigningWatcher } from './signing-aside.ts';
import { giveVerdict } from './verdicts.ts';

const { cells, belt, signing, signingKeyPem } = workerData as SignatureThreadData;
const watcher = new BeltWatcher(belt);
const receipts = new SigningWatcher(signing, loadPrivateKey(signingKeyPem).sign);
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
  // Receipts first: a commit needs them, and with it everybody who waits.
  receipts.work();
  for (const ticket of watcher.tickets()) {
    giveVerdict(cells, ticket, () => isSigned(watcher.look(ticket)));
    receipts.work();
  }
  watcher.wait(() => receipts.hasMore);
}
