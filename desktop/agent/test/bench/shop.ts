/**
 * A shop made for measuring: enrolled, with many sales open at once and phones that have signed for them before the
 * clock starts. A till has a few sales open at a time; the rule that says so is taken out of this one database.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import * as protocol from '@tikiwallet/protocol';
import { nodeCrypto } from '@tikiwallet/protocol/node';
import { systemClock } from '../../clock.ts';
import { newRequestId } from '../../request-id.ts';
import { migrationsFolder } from '../../store/migrations-folder.ts';
import { Requests } from '../../store/requests.ts';
import { StoreDesk } from '../../store/store-desk.ts';
import { newKey, ok, TestIssuer, type TestPhone } from '../world.ts';

/** What a busy shop sees in days. More than any row has callers: two payments of one phone are never on their way at once. */
const PHONES = 1_600;
export const AMOUNT_MINOR = 100n;

/** A payment that nobody has delivered yet. */
export interface Order {
  readonly phone: TestPhone;
  readonly request: protocol.PaymentRequest;
  readonly payment: protocol.Payment;
  readonly delivery: Uint8Array;
}

export class BenchShop {
  readonly folder = mkdtempSync(join(tmpdir(), 'tiki-bench-'));
  readonly path = join(this.folder, 'kiosk.sqlite');
  readonly issuer = new TestIssuer(Math.floor(Date.now() / 1000));
  readonly signing = newKey();
  readonly sealing = newKey();
  readonly certificate: protocol.KioskCertificate;
  readonly clock = systemClock();
  readonly #phones: readonly TestPhone[];
  readonly #crypto = nodeCrypto();
  #next = 0;

  constructor() {
    const desk = this.openDesk();
    const publicKeys = { signing: this.signing.publicKey, sealing: this.sealing.publicKey };
    const policy = { storedCount: 10_000_000, storedSumMinor: 10_000_000_000n };
    const enrolled = desk.run('enrol', this.issuer.enrolment(publicKeys, { policy }));
    const certificate = desk.store.memory.kiosk?.certificate;
    if (!enrolled.ok || certificate === undefined) throw new Error('not enrolled');
    this.certificate = certificate;
    desk.store.close();
    this.beside((db) => db.exec('DROP TRIGGER requests_open_are_bounded'));
    this.#phones = Array.from({ length: PHONES }, () =>
      this.issuer.phone({ capMinor: 1_000_000_000n, hardCounterLimit: 1_000_000 }),
    );
  }

  get storeOptions() {
    return {
      path: this.path,
      migrationsFolder: migrationsFolder(),
      signingKeyPem: this.signing.pem,
      sealingKeyPem: this.sealing.pem,
    };
  }

  openDesk(): StoreDesk {
    return new StoreDesk({ ...this.storeOptions, clock: this.clock }, (error) => {
      throw error;
    });
  }

  /** A second connection, for what a bench does behind the store's back. */
  beside<T>(work: (db: Database.Database) => T): T {
    const db = new Database(this.path, { timeout: 30_000 });
    try {
      return work(db);
    } finally {
      db.close();
    }
  }

  /** Opens `count` sales, good for two minutes, and has one phone after the other sign for them. */
  order(count: number): readonly Order[] {
    const requests = Array.from({ length: count }, () => this.#request());
    this.beside((db) => {
      const table = new Requests(db);
      const insert = db.transaction(() => {
        for (const request of requests) {
          table.insert({
            ...request,
            saleId: randomUUID(),
            kioskCertificateHash: this.certificate.hash,
            openedAtMs: this.clock.wallMs(),
            bootId: this.clock.bootId,
            deadlineMs: this.clock.monotonicMs() + protocol.MAX_REQUEST_TTL_SECONDS * 1000,
          });
        }
      });
      insert();
    });
    return requests.map((request) => this.#pay(request));
  }

  #request(): protocol.PaymentRequest {
    const draft = {
      requestIdBytes: newRequestId(this.clock.wallMs()),
      amountMinor: AMOUNT_MINOR,
      currency: 'SGD',
      itemsHash: null,
      nonce: new Uint8Array(randomBytes(16)),
      issuedAt: Math.floor(Date.now() / 1000),
      ttlSeconds: protocol.MAX_REQUEST_TTL_SECONDS,
      denyListVersion: 0,
      addresses: ['http://192.168.49.1:7070'],
      checksPhone: false,
    };
    const steps = protocol.signPaymentRequest(draft, this.certificate.hash);
    const bytes = ok(protocol.runSync(steps, this.#crypto, this.signing.sign));
    return ok(protocol.runSync(protocol.verifyPaymentRequest(bytes, this.certificate), this.#crypto));
  }

  #pay(request: protocol.PaymentRequest): Order {
    const phone = this.#phones[this.#next % PHONES];
    if (phone === undefined) throw new Error('no phone');
    this.#next += 1;
    const draft = {
      counter: phone.counter + 1,
      amountMinor: request.amountMinor,
      cumulativeMinor: phone.cumulativeMinor + request.amountMinor,
      previousLink: protocol.linkOf(phone.previousHash),
      requestHash: request.hash,
      signedAt: request.issuedAt,
    };
    const steps = protocol.signPayment(draft, phone.allowance.hash);
    const bytes = ok(protocol.runSync(steps, this.#crypto, phone.key.sign));
    const payment = ok(protocol.runSync(protocol.readPayment(bytes, phone.allowance), this.#crypto));
    phone.counter = payment.counter;
    phone.cumulativeMinor = payment.cumulativeMinor;
    phone.previousHash = payment.hash;
    return { phone, request, payment, delivery: phone.deliver(bytes) };
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
