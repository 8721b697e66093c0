/**
 * How fast the kiosk accepts, against the limits of the same machine in the same run: verifying with and without
 * cached certificates, and a disk's own syncs. Every payment is fresh, signed before the clock starts; callers wait
 * for their receipt. The store's thread, its grouping and SQLite are the real ones; HTTP and the seal are not in it.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import * as protocol from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { systemClock } from './clock.ts';
import { migrationsFolder } from './store/migrations-folder.ts';
import { StoreClient } from './store/store-client.ts';
import { StoreDesk } from './store/store-desk.ts';
import { newKey, ok, TestIssuer, type SignedPayment, type TestPhone } from './test/world.ts';

interface BenchRow {
  readonly id: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly ratioTo?: string;
  readonly gate?: string;
  readonly pass?: boolean;
}

const PHONES = 100;
const ROUNDS = 3;
const PER_ROUND = 4_000;
const CALLERS = 64;

interface Shop {
  readonly folder: string;
  readonly store: StoreClient;
  readonly payments: readonly (SignedPayment & { readonly phone: TestPhone })[];
}

/** A till has one sale at a time; a till under load is made by opening all of them beforehand. */
async function openShop(): Promise<Shop> {
  const folder = mkdtempSync(join(tmpdir(), 'tiki-bench-'));
  const path = join(folder, 'kiosk.sqlite');
  const issuer = new TestIssuer(Math.floor(Date.now() / 1000));
  const signing = newKey();
  const sealing = newKey();
  const keys = { signingKeyPem: signing.pem, sealingKeyPem: sealing.pem };
  const clock = systemClock();
  const desk = new StoreDesk({ path, migrationsFolder: migrationsFolder(), ...keys, clock }, console.error);
  const policy = { storedCount: 1_000_000, storedSumMinor: 1_000_000_000n };
  const publicKeys = { signing: signing.publicKey, sealing: sealing.publicKey };
  const enrolled = desk.run('enrol', issuer.enrolment(publicKeys, { policy }));
  if (!enrolled.ok) throw new Error(enrolled.code);
  const certificate = desk.store.memory.kiosk?.certificate;
  if (certificate === undefined) throw new Error('not enrolled');
  const side = new Database(path);
  side.exec('DROP INDEX requests_one_open');
  side.close();
  const phones = Array.from({ length: PHONES }, () =>
    issuer.phone({ capMinor: 1_000_000n, hardCounterLimit: 100_000 }),
  );
  const payments: (SignedPayment & { readonly phone: TestPhone })[] = [];
  desk.store.write(() => {
    for (let i = 0; i < PER_ROUND * ROUNDS; i += 1) {
      const bytes = signRequest(certificate.hash, signing.sign);
      const request = ok(
        protocol.runSync(protocol.verifyPaymentRequest(bytes, certificate), desk.store.crypto),
      );
      desk.store.requests.insert({
        ...request,
        saleId: randomUUID(),
        kioskCertificateHash: certificate.hash,
        openedAtMs: clock.wallMs(),
        bootId: clock.bootId,
        deadlineMs: clock.monotonicMs() + protocol.MAX_REQUEST_TTL_SECONDS * 1000,
      });
      const phone = phones[i % PHONES];
      if (phone !== undefined)
        payments.push({ ...phone.pay(protocol.encodeRequestEnvelope(certificate.bytes, bytes)), phone });
    }
  });
  desk.store.close();
  const store = new StoreClient(
    { path, migrationsFolder: migrationsFolder(), ...keys },
    {
      onSnapshot: () => undefined,
      onQuarantine: console.error,
      onFatal: console.error,
      onLog: (_, text) => console.error(text),
    },
  );
  await store.whenReady();
  return { folder, store, payments };
}

function signRequest(certificateHash: Uint8Array, sign: protocol.SyncSigner): Uint8Array {
  const draft = {
    requestIdBytes: protocol.fromUuid(randomUUID()),
    amountMinor: 100n,
    currency: 'SGD',
    itemsHash: null,
    nonce: new Uint8Array(randomBytes(16)),
    issuedAt: Math.floor(Date.now() / 1000),
    ttlSeconds: 120,
    denyListVersion: 0,
    addresses: ['http://192.168.49.1:7070'],
    checksPhone: false,
  };
  return ok(protocol.runSync(protocol.signPaymentRequest(draft, certificateHash), nodeCrypto(), sign));
}

interface Accepted {
  readonly perSecond: number;
  readonly p99Ms: number;
}

async function acceptRate(store: StoreClient, deliveries: readonly Uint8Array[]): Promise<Accepted> {
  const queue = deliveries.values();
  const waits: number[] = [];
  const caller = async (): Promise<void> => {
    for (const delivery of queue) {
      const began = performance.now();
      const outcome = await store.accept(delivery);
      if (outcome.kind !== 'accepted')
        throw new Error(
          `not accepted: ${JSON.stringify(outcome.kind === 'refused' ? outcome.code : outcome.kind)}`,
        );
      waits.push(performance.now() - began);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: CALLERS }, caller));
  const perSecond = (deliveries.length / (performance.now() - began)) * 1000;
  waits.sort((a, b) => a - b);
  return { perSecond, p99Ms: waits[Math.floor(waits.length * 0.99)] ?? 0 };
}

/** L1 with `isCached`, L2 without: only the signatures of these payments, on one thread. */
function verifyRate(payments: Shop['payments'], isCached: boolean): number {
  const warm = nodeCrypto();
  const sample = payments.slice(0, 1_000);
  const began = performance.now();
  for (const { payment, phone } of sample) {
    const crypto = isCached ? warm : nodeCrypto();
    if (!isCached) protocol.runSync(protocol.readAllowanceCertificate(phone.allowance.bytes), crypto);
    const signed = protocol.runSync(protocol.hasPaymentSignature(payment, phone.allowance), crypto);
    if (!signed.ok || !signed.value) throw new Error('a signature does not verify');
    if (!isCached) protocol.runSync(protocol.hasPaymentSignature(payment, phone.allowance), nodeCrypto());
  }
  return (sample.length / (performance.now() - began)) * 1000;
}

/** F: 4 KiB appended and synced, each on its own. */
function syncRate(folder: string): number {
  const file = openSync(join(folder, 'syncs'), 'w');
  const block = Buffer.alloc(4_096, 1);
  const count = 1_000;
  const began = performance.now();
  for (let i = 0; i < count; i += 1) {
    writeSync(file, block);
    fdatasyncSync(file);
  }
  closeSync(file);
  return (count / (performance.now() - began)) * 1000;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

export default async function bench(): Promise<readonly BenchRow[]> {
  const shop = await openShop();
  try {
    const rounds: (Accepted & { readonly toL1: number; readonly toL2: number; readonly toF: number })[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const payments = shop.payments.slice(round * PER_ROUND, (round + 1) * PER_ROUND);
      const l1 = verifyRate(payments, true);
      const l2 = verifyRate(payments, false);
      const f = syncRate(shop.folder);
      const accepted = await acceptRate(
        shop.store,
        payments.map(({ delivery }) => delivery),
      );
      rounds.push({
        ...accepted,
        toL1: accepted.perSecond / l1,
        toL2: accepted.perSecond / l2,
        toF: accepted.perSecond / f,
      });
    }
    const of = (pick: (round: (typeof rounds)[number]) => number): number =>
      median(rounds.map((round) => pick(round)));
    const gated = (id: string, ratioTo: string, value: number, bound: number): BenchRow => {
      const what = 'accept, 64 callers, synchronous=FULL';
      return { id, what, value, unit: 'x', ratioTo, gate: `>= ${bound}`, pass: value >= bound };
    };
    return [
      {
        id: 'kiosk_accept',
        what: 'accept, 64 callers',
        value: of((round) => round.perSecond),
        unit: 'per_second',
      },
      {
        id: 'kiosk_accept_p99',
        what: 'accept, 64 callers',
        value: of((round) => round.p99Ms),
        unit: 'ms_p99',
      },
      gated(
        'K1',
        'L2: both signatures, keys imported each time',
        of((round) => round.toL2),
        1.6,
      ),
      gated(
        'K2',
        'F: 4 KiB append and sync',
        of((round) => round.toF),
        1.1,
      ),
      gated(
        'K4',
        'L1: payment signature, keys cached',
        of((round) => round.toL1),
        0.6,
      ),
    ];
  } finally {
    await shop.store.stop();
    rmSync(shop.folder, { recursive: true, force: true });
  }
}
