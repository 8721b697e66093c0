/**
 * The one orchestration of the money path at the kiosk: delivered bytes, identity, repeat or new, facts, verdict,
 * journal, payment, receipt, all for a group of deliveries in one transaction. Runs in the store's thread. Never
 * releases a receipt before the commit has returned, and never lets one delivery decide the fate of another.
 */
import {
  attempt,
  contradicts,
  DAY_SECONDS,
  decodeAnyDelivery,
  encodeOverrideBody,
  encodeSaleBody,
  equalBytes,
  EVERY_OVERRIDABLE,
  hasPaymentSignature,
  isOverridable,
  requireIssuerSignature,
  runSync,
  runToSignature,
  signReceipt,
  shownMask,
  toHex,
  verifyPayment,
  verifyUnderOverride,
  type AcceptanceFacts,
  type AllowanceHistory,
  type IdentifiedPayment,
  type KioskCertificate,
  type RefusalCode,
  type OverridableCode,
  type OverrideReason,
  type Result,
  type VerifiedPayment,
} from '@tikiwallet/protocol';
import { DeliveryReader, type ReadDelivery } from './delivery-reader.ts';
import { HeldPayments, type OverrideOffer } from './held-payments.ts';
import { stopCodeOf } from './till-standing.ts';
import { storageFaultOf } from './store/faults.ts';
import type { EnrolledKiosk } from './store/kiosk-record.ts';
import type { KioskStore } from './store/kiosk-store.ts';
import type { PayableRequest } from './store/requests.ts';
import type { StoredPayment } from './store/rows.ts';
import type { SaleRequests } from './store/sale-requests.ts';

/** Why a delivery was not accepted: the protocol's codes and the kiosk's own states. */
export type AcceptCode =
  | RefusalCode
  | 'kiosk_not_enrolled'
  | 'kiosk_busy'
  | 'kiosk_suspended'
  | 'journal_quarantined'
  | 'storage_full'
  | 'storage_failed'
  | 'internal_error';

export interface DeliveryToAccept {
  readonly bytes: Uint8Array;
  /** True only when the signature of the payment in exactly these bytes was checked before and holds. */
  readonly isSigned: boolean;
}

export type AcceptOutcome =
  | { readonly kind: 'accepted' | 'repeated'; readonly payment: StoredPayment; readonly receipt: Uint8Array }
  | {
      readonly kind: 'refused';
      readonly code: AcceptCode;
      readonly requestId: string | null;
      /** What a manager could decide about it; absent when no one may. */
      readonly offer?: OverrideOffer;
    };

/** Accepted, and its receipt is signed while others of its group are judged: whole when their transaction is. */
interface Unsigned {
  readonly kind: 'unsigned';
  readonly payment: StoredPayment;
  readonly receipt: () => Uint8Array;
}

/** A person's word about one refused payment; who the person is has been proved before. */
export interface Consent {
  readonly requestId: string;
  /** Hex. */
  readonly paymentHash: string;
  readonly codes: readonly OverridableCode[];
  readonly reason: OverrideReason;
}

/** What is decided about one delivery besides the delivery: by whose word, and whether its receipt is signed beside the others. */
interface How {
  readonly consent: Consent | null;
  readonly signsAside: boolean;
}

/** What may be a second signature of a phone; the request that it names is known here, or is not. */
interface Suspect {
  readonly identified: IdentifiedPayment;
  readonly requestId: string | null;
}

/** What was decided about a refused delivery, and by which facts. */
interface Refused {
  readonly facts: AcceptanceFacts;
  readonly requestId: string | null;
  readonly bytes: Uint8Array;
}

/** Refusals behind which a second signature of the same phone may stand. */
const MAYBE_DOUBLE_SPEND: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'payment_counter_not_increasing',
  'payment_cumulative_inconsistent',
  'payment_chain_broken',
]);

export class PaymentDesk {
  readonly #store: KioskStore;
  readonly #sales: SaleRequests;
  readonly #onError: (error: unknown) => void;
  readonly #reader: DeliveryReader;
  readonly #held = new HeldPayments();

  constructor(store: KioskStore, sales: SaleRequests, onError: (error: unknown) => void) {
    this.#store = store;
    this.#sales = sales;
    this.#onError = onError;
    this.#reader = new DeliveryReader(store);
  }

  /** Issuers or the deny list changed: nothing that was believed before is believed without another look. */
  forgetCertificates(): void {
    this.#reader.forget();
  }

  /**
   * One outcome for each delivery, in order; everything that is 'accepted' is on disk when this returns.
   * @throws the storage's own error when nothing can be written; then nothing of the group was.
   */
  acceptGroup(deliveries: readonly DeliveryToAccept[]): readonly AcceptOutcome[] {
    try {
      // One alone would only wait for somebody else to sign.
      const how = { consent: null, signsAside: deliveries.length > 1 };
      const decided = this.#store.write(() => deliveries.map((delivery) => this.#accept(delivery, how)));
      return decided.map(whole);
    } catch (error) {
      this.#reader.forgetReferences();
      if (storageFaultOf(error) !== null) throw error;
      this.#onError(error);
      if (deliveries.length === 1) return [refused('internal_error', null)];
      // One of them broke a rule of the schema, which no delivery should be able to: the others must not pay for it.
      return deliveries.flatMap((delivery) => this.acceptGroup([delivery]));
    }
  }

  /**
   * The payment that was refused, decided again with the manager's consent, inside the caller's transaction. Null when
   * it is not held any more.
   */
  acceptUnderOverride(consent: Consent): AcceptOutcome | null {
    const bytes = this.#held.take(consent.requestId, consent.paymentHash);
    return bytes === null
      ? null
      : whole(this.#accept({ bytes, isSigned: false }, { consent, signsAside: false }));
  }

  #accept({ bytes, isSigned }: DeliveryToAccept, how: How): AcceptOutcome | Unsigned {
    const { kiosk } = this.#store.memory;
    if (kiosk === null) return refused('kiosk_not_enrolled', null);
    const delivery = attempt(() => decodeAnyDelivery(bytes));
    if (!delivery.ok) return refused(delivery.code, null);
    const read = this.#reader.read(delivery.value);
    if (!read.ok) return refused(read.code, this.#openRequestId());
    const { identified } = read.value;
    const { payment, allowance } = identified;
    const request = this.#store.requests.byHash(payment.requestHash);
    const requestId = request?.requestId ?? null;

    const history = this.#store.payments.historyOf(allowance.allowanceId);
    // A counter above the highest stored one is in no row, and with it neither is the hash that contains it.
    if (history !== null && payment.counter <= history.lastCounter) {
      const stored = this.#store.payments.byHash(payment.hash);
      if (stored !== null) return { kind: 'repeated', ...stored };
      const twin = this.#store.payments.byCounter(allowance.allowanceId, payment.counter);
      if (twin !== null)
        return refused(this.#judgeTwin({ identified, requestId }, twin.paymentHash, kiosk), requestId);
    }

    if (this.#store.memory.standing.doubt !== null) return refused('journal_quarantined', requestId);
    // Before anything is said of its request, which was closed with the till: the phone must hear why.
    const stopped = stopCodeOf(this.#store.memory);
    if (stopped !== null) return refused(stopped, requestId);
    const now = this.#store.now();
    const certificate = certificateOf(request, kiosk);
    const facts = this.#gatherFacts(read.value, {
      ...{ kiosk, request, certificate, history, isSigned },
      ...{ nowSeconds: now.seconds, clockIsBehind: now.isBehind },
    });
    const verdict = this.#decide(identified, facts, how.consent);
    if (!verdict.ok) {
      if (MAYBE_DOUBLE_SPEND.has(verdict.code))
        this.#keepContradiction({ identified, requestId }, kiosk, verdict.code);
      const offer = isOverridable(verdict.code) ? this.#offer(identified, { facts, requestId, bytes }) : null;
      const refusal = { kind: 'refused', code: verdict.code, requestId } as const;
      return offer === null ? refusal : { ...refusal, offer };
    }
    this.#reader.remember(read.value);
    if (request === null) throw new Error('a payment was verified without its request');
    return this.#put(verdict.value, { request, certificate, nowSeconds: now.seconds, how });
  }

  #decide(
    identified: IdentifiedPayment,
    facts: AcceptanceFacts,
    consent: Consent | null,
  ): Result<VerifiedPayment> {
    const steps =
      consent === null
        ? verifyPayment(identified, facts)
        : verifyUnderOverride(identified, facts, new Set(consent.codes));
    return runSync(steps, this.#store.crypto);
  }

  /** Only what would pass every other check, both signatures included, is worth a manager's time. */
  #offer(identified: IdentifiedPayment, refused: Refused): OverrideOffer | null {
    const { facts, requestId, bytes } = refused;
    if (requestId === null || this.#store.managerPin.standing().state === 'none') return null;
    const steps = verifyUnderOverride(identified, facts, EVERY_OVERRIDABLE);
    const verdict = runSync(steps, this.#store.crypto);
    if (!verdict.ok) return null;
    const { payment, allowance } = identified;
    this.#held.keep(requestId, payment.hash, bytes);
    const maskedPhone = shownMask(allowance.maskedPhone);
    return { paymentHash: toHex(payment.hash), maskedPhone, codes: verdict.value.overridden };
  }

  #gatherFacts(
    read: ReadDelivery,
    known: {
      kiosk: EnrolledKiosk;
      request: PayableRequest | null;
      certificate: KioskCertificate;
      history: AllowanceHistory | null;
      isSigned: boolean;
      nowSeconds: number;
      clockIsBehind: boolean;
    },
  ): AcceptanceFacts {
    const { request, kiosk, nowSeconds } = known;
    const { allowance } = read.identified;
    const window = Math.max(DAY_SECONDS, kiosk.trust.policy.splitWindowSeconds);
    return {
      nowSeconds,
      clockIsBehind: known.clockIsBehind,
      payer: this.#store.payments.payerFacts(allowance, nowSeconds - window),
      settings: this.#store.memory.limitSettings,
      kiosk: known.certificate,
      trust: kiosk.trust,
      request:
        request === null
          ? null
          : {
              requestId: request.requestId,
              hash: request.hash,
              amountMinor: request.amountMinor,
              currency: request.currency,
              state: this.#sales.stateOf(request),
            },
      expectedPhone: request === null ? null : this.#sales.expectedPhoneOf(request.requestId),
      history: known.history,
      stored: this.#store.memory.unsettled,
      certificateIsKnownGood: read.certificate.isKnownGood,
      paymentSignatureIsKnownGood: known.isSigned,
    };
  }

  #put(
    verified: VerifiedPayment,
    known: {
      request: PayableRequest;
      certificate: KioskCertificate;
      nowSeconds: number;
      how: How;
    },
  ): Unsigned {
    const { certificate, request, nowSeconds, how } = known;
    this.#noteOverride(verified, how.consent, nowSeconds);
    const { payment, allowance, tier, checks } = verified;
    const body = encodeSaleBody({
      kioskCertificateHash: certificate.hash,
      request: request.bytes,
      allowanceCertificateHash: allowance.hash,
      payment: payment.bytes,
      tier,
      checks,
    });
    const head = this.#store.append('sale', nowSeconds, body);
    const steps = signReceipt(
      {
        paymentHash: payment.hash,
        amountMinor: payment.amountMinor,
        tier,
        sequence: head.sequence,
        journalHash: head.hash,
        acceptedAt: nowSeconds,
        checks,
      },
      certificate.hash,
    );
    const receipt = this.#receipt(steps, how);
    const stored = this.#store.payments.insert({
      verified,
      sequence: head.sequence,
      receipt,
      acceptedAt: nowSeconds,
    });
    this.#store.raiseMark(allowance.notBefore);
    this.#store.countAccepted(stored);
    return { kind: 'unsigned', payment: stored, receipt };
  }

  /** Its signature may begin at once; asked for the bytes, which are the same every time, it is there. */
  #receipt(steps: ReturnType<typeof signReceipt>, { signsAside }: How): () => Uint8Array {
    const begun = runToSignature(steps, this.#store.crypto);
    if (!begun.ok) throw new Error(`the receipt could not be signed: ${begun.code}`);
    const { toSign } = begun.value;
    const { signing, sign } = this.#store;
    const signature = signsAside ? signing.begin(toSign) : () => sign(toSign);
    let signed: Uint8Array | null = null;
    return () => (signed ??= begun.value.finish(signature()));
  }

  /** Directly before its sale, so that the receipt commits this kiosk to both. */
  #noteOverride({ payment, overridden }: VerifiedPayment, consent: Consent | null, at: number): void {
    if (overridden.length === 0) return;
    if (consent === null) throw new Error('a payment was overridden without consent');
    const entry = { paymentHash: payment.hash, reason: consent.reason, codes: overridden };
    this.#store.append('override', at, encodeOverrideBody(entry));
  }

  /** The counter is used: either somebody plays with bytes, or the phone has signed twice and that is proof. */
  #judgeTwin(twin: Suspect, storedHash: Uint8Array, kiosk: EnrolledKiosk): RefusalCode {
    const fault = this.#signatureFault(twin.identified, kiosk);
    if (fault !== null) return fault;
    const code = 'already_accepted_with_different_bytes';
    this.#keepEvidence(twin, storedHash, code);
    return code;
  }

  #keepContradiction(suspect: Suspect, kiosk: EnrolledKiosk, code: RefusalCode): void {
    const { identified } = suspect;
    const newest = this.#store.payments.newestSpend(identified.allowance.allowanceId);
    if (newest === null || !contradicts(newest, identified.payment)) return;
    if (this.#signatureFault(identified, kiosk) === null) this.#keepEvidence(suspect, newest.hash, code);
  }

  #keepEvidence({ identified, requestId }: Suspect, conflictsWith: Uint8Array, code: RefusalCode): void {
    this.#store.payments.keepEvidence({
      paymentHash: identified.payment.hash,
      conflictsWith,
      allowanceCertificate: identified.allowance.bytes,
      payment: identified.payment.bytes,
      requestId: requestId ?? '',
      code,
      seenAt: this.#store.now().seconds,
    });
  }

  /** Null when both the issuer and the phone have signed. */
  #signatureFault(identified: IdentifiedPayment, kiosk: EnrolledKiosk): RefusalCode | null {
    const { allowance, allowanceObject, payment } = identified;
    const { crypto } = this.#store;
    const signing = { at: allowance.notBefore, as: 'certificates' } as const;
    const issued = runSync(requireIssuerSignature(allowanceObject, kiosk.trust.issuers, signing), crypto);
    if (!issued.ok) return issued.code;
    const signed = runSync(hasPaymentSignature(payment, allowance), crypto);
    if (!signed.ok) return signed.code;
    return signed.value ? null : 'payment_signature_invalid';
  }

  /** A delivery whose certificate is not known says nothing of its request: where one is open, the cashier looks at that. */
  #openRequestId(): string | null {
    const [only, ...others] = this.#store.requests.open();
    return only === undefined || others.length > 0 ? null : only.requestId;
  }
}

/** After its transaction, or, where the caller's goes on, before its row is written: the receipt is signed now at the latest. */
function whole(decided: AcceptOutcome | Unsigned): AcceptOutcome {
  if (decided.kind !== 'unsigned') return decided;
  return { kind: 'accepted', payment: decided.payment, receipt: decided.receipt() };
}

function refused(code: AcceptCode, requestId: string | null): AcceptOutcome {
  return { kind: 'refused', code, requestId };
}

/** The certificate that the request was signed under; without a request the current one, and no payment will pass. */
function certificateOf(request: PayableRequest | null, kiosk: EnrolledKiosk): KioskCertificate {
  const { certificate, certificates } = kiosk;
  if (request === null || equalBytes(request.kioskCertificateHash, certificate.hash)) return certificate;
  return certificates.get(toHex(request.kioskCertificateHash)) ?? certificate;
}
