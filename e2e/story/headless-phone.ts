// A customer's phone without a screen: the wallet's protocol steps over node:crypto,
// for tests that need many phones and many crashes. The wallet itself is driven in a
// real browser elsewhere; this one shares the protocol package with it and no more.

import { randomUUID } from 'node:crypto';
import {
  type AllowanceCertificate,
  encodeDelivery,
  fromBase64Url,
  fromQrText,
  type KioskCertificate,
  linkOf,
  openRequestEnvelope,
  type Payment,
  type PaymentRequest,
  readPayment,
  type Receipt,
  type Result,
  runSync,
  sealToKiosk,
  signPayment,
  signProofOfPossession,
  toBase64Url,
  toHex,
  type TrustBundle,
  verifyAllowanceCertificate,
  verifyReceipt,
  verifyTrustBundle,
} from '@tikiwallet/protocol';
import { generateKeyPair, loadPrivateKey, nodeCrypto } from '@tikiwallet/protocol/node';
import { Allowance, type Session, TrustView } from '@tikiwallet/server/contract';
import { CloudClient, type Person } from '../../scripts/stack/cloud-client.ts';
import type { Stack } from '../../scripts/stack/stack.ts';

const crypto = nodeCrypto();

function valueOf<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(`the phone refused: ${result.code}`);
}

/** A payment that is signed and therefore never signed again; `body` is resent as it is. */
export type SignedPayment = {
  readonly payment: Payment;
  readonly kiosk: KioskCertificate;
  readonly request: PaymentRequest;
  readonly body: Uint8Array;
};

/** What came back from the kiosk; `unreachable` says nothing about whether it was accepted. */
export type Answer =
  | { readonly kind: 'receipt'; readonly receipt: Receipt; readonly bytes: Uint8Array }
  | { readonly kind: 'refused'; readonly code: string }
  | { readonly kind: 'unreachable' };

export class HeadlessPhone {
  readonly #key: ReturnType<typeof loadPrivateKey>;
  #allowance: AllowanceCertificate | undefined;
  #trust: TrustBundle | undefined;
  #counter = 0;
  #cumulativeMinor = 0n;
  #lastHash: Uint8Array | undefined;

  constructor(key = loadPrivateKey(generateKeyPair().privateKeyPem)) {
    this.#key = key;
  }

  /** A thief's copy: the same key and the same store as they are now; from here on neither knows of the other. */
  clone(): HeadlessPhone {
    const copy = new HeadlessPhone(this.#key);
    copy.#allowance = this.#allowance;
    copy.#trust = this.#trust;
    copy.#counter = this.#counter;
    copy.#cumulativeMinor = this.#cumulativeMinor;
    copy.#lastHash = this.#lastHash;
    return copy;
  }

  get allowanceId(): string {
    if (this.#allowance === undefined) throw new Error('load the phone first');
    return this.#allowance.allowanceId;
  }

  /** Registers `person`, tops up and loads all of it; afterwards the phone needs no internet. */
  async prepare(stack: Stack, person: Person, amountMinor: bigint): Promise<Session> {
    const cloud = new CloudClient(stack);
    const session = await cloud.signInOrRegister(person);
    const topUp = await cloud.topUp(session, amountMinor);
    if (topUp.status !== 'succeeded') throw new Error(`the top-up ended as ${topUp.status}`);
    await this.load(stack, session, amountMinor);
    return session;
  }

  async load(stack: Stack, session: Session, amountMinor: bigint): Promise<void> {
    const cloud = new CloudClient(stack);
    const idempotencyKey = randomUUID();
    const proof = signProofOfPossession({
      publicKey: this.#key.publicKey,
      context: 'allowance',
      occasion: idempotencyKey,
    });
    const body = {
      amountMinor: amountMinor.toString(),
      devicePublicKey: toBase64Url(this.#key.publicKey),
      proof: toBase64Url(valueOf(runSync(proof, crypto, this.#key.sign))),
    };
    const allowance = await cloud.post('/v1/allowances', body, Allowance, { session, idempotencyKey });
    const view = await cloud.get('/v1/trust', TrustView, session);
    const root = fromBase64Url(view.rootPublicKey);
    this.#trust = valueOf(runSync(verifyTrustBundle(fromBase64Url(view.trustBundle ?? ''), root), crypto));
    const certificate = verifyAllowanceCertificate(fromBase64Url(allowance.certificate), this.#trust.issuers);
    this.#allowance = valueOf(runSync(certificate, crypto));
    this.#counter = this.#allowance.firstCounter - 1;
    this.#cumulativeMinor = 0n;
    this.#lastHash = this.#allowance.hash;
  }

  /** What the kiosk's QR text asks, checked and not answered. */
  read(qrText: string): { readonly kiosk: KioskCertificate; readonly request: PaymentRequest } {
    if (this.#trust === undefined) throw new Error('load the phone first');
    const envelope = valueOf(fromQrText('request', qrText));
    return valueOf(runSync(openRequestEnvelope(envelope, this.#trust.issuers), crypto));
  }

  /** Reads the kiosk's QR text and signs. `changes` is for attackers. */
  async sign(qrText: string, changes: { readonly amountMinor?: bigint } = {}): Promise<SignedPayment> {
    if (this.#allowance === undefined || this.#lastHash === undefined)
      throw new Error('load the phone first');
    const { kiosk, request } = this.read(qrText);
    const amountMinor = changes.amountMinor ?? request.amountMinor;
    const draft = {
      counter: this.#counter + 1,
      amountMinor,
      cumulativeMinor: this.#cumulativeMinor + amountMinor,
      previousLink: linkOf(this.#lastHash),
      requestHash: request.hash,
      signedAt: Math.floor(Date.now() / 1000),
    };
    const bytes = valueOf(runSync(signPayment(draft, this.#allowance.hash), crypto, this.#key.sign));
    const payment = valueOf(runSync(readPayment(bytes, this.#allowance), crypto));
    this.#counter = payment.counter;
    this.#cumulativeMinor = payment.cumulativeMinor;
    this.#lastHash = payment.hash;
    const delivery = {
      allowanceCertificate: this.#allowance.bytes,
      payment: bytes,
      phoneSalt: null,
    };
    return { payment, kiosk, request, body: await sealToKiosk(encodeDelivery(delivery), kiosk) };
  }

  /** Sends the same bytes, as often as it is asked. */
  async deliver(signed: SignedPayment, address = signed.request.addresses[0]): Promise<Answer> {
    let response: Response;
    let body: ArrayBuffer;
    try {
      response = await fetch(`${address ?? ''}/v1/payments`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.tikipay.sealed' },
        body: new Uint8Array(signed.body),
        signal: AbortSignal.timeout(5_000),
      });
      body = await response.arrayBuffer();
    } catch {
      // Killed before, during or after the commit: only the next attempt can tell.
      return { kind: 'unreachable' };
    }
    if (response.status !== 200) return refusal(body);
    const bytes = new Uint8Array(body);
    const expected = { paymentHash: signed.payment.hash, amountMinor: signed.payment.amountMinor };
    const receipt = valueOf(runSync(verifyReceipt(bytes, signed.kiosk, expected), crypto));
    return { kind: 'receipt', receipt, bytes };
  }
}

function refusal(body: ArrayBuffer): Answer {
  const parsed: unknown = JSON.parse(new TextDecoder().decode(body));
  const code =
    typeof parsed === 'object' && parsed !== null && 'code' in parsed ? String(parsed.code) : 'unknown';
  return { kind: 'refused', code };
}

/** The name of a payment on every screen and in every table. */
export function nameOf(payment: Payment): string {
  return toHex(payment.hash);
}
