/**
 * The way back of money at the kiosk: an offer signed and on disk before anyone sees it, the payer's acceptance, then
 * journal, refund and receipt in one transaction. Runs in the store's thread. Never releases a receipt before the
 * commit has returned; what may be given back is decided by protocol/src/refund.ts.
 */
import {
  attempt,
  checkIssuerNotRevoked,
  checkRefundAmount,
  encodeRefundBody,
  encodeRefundEnvelope,
  fromUuid,
  MAX_REFUND_OFFER_TTL_SECONDS,
  readAllowanceCertificate,
  readRefundAcceptance,
  runSync,
  signRefundOffer,
  signRefundReceipt,
  toHex,
  verifyRefund,
  verifyRefundOffer,
  type RefundAsked,
  type RefundFacts,
  type RefundOffer,
  type VerifiedRefund,
} from '@tikiwallet/protocol';
import { IpcError, type RefundReason, type RefundState } from '../ipc/index.ts';
import type { AcceptCode } from './accept-payment.ts';
import { remainingMs } from './request-life.ts';
import { stopCodeOf } from './till-standing.ts';
import type { EnrolledKiosk } from './store/kiosk-record.ts';
import type { KioskStore } from './store/kiosk-store.ts';
import type { RefundableRow, RefundOfferRow } from './store/refunds.ts';
import type { RefundRecord, StoredRefund } from './store/rows.ts';

export interface RefundToOffer extends RefundAsked {
  /** UUID, drawn by whoever asks: asking again with it answers the same offer. */
  readonly refundId: string;
  /** Of the sale's entry in the journal. */
  readonly sequence: number;
  readonly reason: RefundReason;
  /** `http://host:port`, at most four. */
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
}

export type OfferOutcome =
  | { readonly kind: 'offered'; readonly refund: RefundRecord }
  | { readonly kind: 'refused'; readonly code: AcceptCode };

export type RefundOutcome =
  | { readonly kind: 'accepted' | 'repeated'; readonly refund: StoredRefund; readonly receipt: Uint8Array }
  | { readonly kind: 'refused'; readonly code: AcceptCode; readonly refundId: string | null };

export class RefundDesk {
  readonly #store: KioskStore;

  constructor(store: KioskStore) {
    this.#store = store;
  }

  /** Inside the caller's transaction, at the start: what was open before this boot has no clock to run out on. */
  endWhatIsOver({ isInDoubt }: { readonly isInDoubt: boolean }): void {
    for (const offer of this.#store.refunds.openOffers()) {
      if (isInDoubt || this.#stateOf(offer) === 'expired')
        this.#store.refunds.endOffer(offer.refundId, 'expired');
    }
  }

  /** Inside the transaction that stops this till: no offer stays that nobody has accepted. */
  endOpen(): void {
    for (const offer of this.#store.refunds.openOffers()) {
      const ended = this.#stateOf(offer) === 'expired' ? 'expired' : 'cancelled';
      this.#store.refunds.endOffer(offer.refundId, ended);
    }
  }

  /** The newest offer that can still be accepted. */
  latest(): RefundRecord | null {
    const open = this.#store.refunds.openOffers().filter((offer) => this.#stateOf(offer) === 'open');
    const newest = open.at(-1);
    return newest === undefined ? null : this.#toRecord(newest);
  }

  /** The same id answers the same offer. @throws IpcError */
  open(asked: RefundToOffer): OfferOutcome {
    const { refunds } = this.#store;
    const known = refunds.offer(asked.refundId);
    const sale = refunds.saleAt(asked.sequence);
    if (sale === null) throw new IpcError('sale_not_found');
    if (known !== null) {
      const isTheSame =
        known.amountMinor === asked.amountMinor &&
        known.kind === asked.kind &&
        toHex(known.paymentHash) === toHex(sale.paymentHash);
      if (!isTheSame) throw new IpcError('call_invalid');
      return { kind: 'offered', refund: this.#toRecord(known) };
    }
    const kiosk = this.#mayOffer();
    // As for payments: what a revoked key certified speaks for no shop any more.
    const { seconds } = this.#store.now();
    const honoured = attempt(() => checkIssuerNotRevoked(kiosk.certificate.bytes, kiosk.trust, seconds));
    if (!honoured.ok) return { kind: 'refused', code: honoured.code };
    // Said now, before a customer is asked; decided again when the acceptance arrives.
    if (isRefused(sale)) return { kind: 'refused', code: 'refund_of_unpaid_sale' };
    const fits = attempt(() => checkRefundAmount(asked, sale));
    if (!fits.ok) return { kind: 'refused', code: fits.code };
    const offer = this.#store.write(() => this.#issue(asked, sale, kiosk));
    return { kind: 'offered', refund: this.#toRecord(offer) };
  }

  /** An offer that became a refund, or is over, stays as it ended. @throws IpcError */
  cancel(refundId: string): RefundRecord {
    return this.#end(refundId, 'cancelled');
  }

  /** The refund as it stands; writes down that its time is up, if it is. @throws IpcError */
  look(refundId: string): RefundRecord {
    const offer = this.#store.refunds.offer(refundId);
    if (offer === null) throw new IpcError('call_invalid');
    return offer.state === 'open' && this.#stateOf(offer) === 'expired'
      ? this.#end(refundId, 'expired')
      : this.#toRecord(offer);
  }

  #end(refundId: string, wanted: 'cancelled' | 'expired'): RefundRecord {
    const offer = this.#store.refunds.offer(refundId);
    if (offer === null) throw new IpcError('call_invalid');
    if (offer.state === 'open') {
      const ended = this.#stateOf(offer) === 'expired' ? 'expired' : wanted;
      this.#store.write(() => this.#store.refunds.endOffer(refundId, ended));
    }
    return this.#again(refundId);
  }

  /** What is 'accepted' is on disk when this returns. @throws the storage's own error when nothing can be written */
  accept(bytes: Uint8Array): RefundOutcome {
    return this.#store.write(() => this.#accept(bytes));
  }

  #accept(bytes: Uint8Array): RefundOutcome {
    const { kiosk, standing } = this.#store.memory;
    if (kiosk === null) return refused('kiosk_not_enrolled', null);
    const read = attempt(() => readRefundAcceptance(bytes));
    if (!read.ok) return refused(read.code, null);
    const row = this.#store.refunds.offerByHash(read.value.offerHash);
    const refundId = row?.refundId ?? null;
    const stored = refundId === null ? null : this.#store.refunds.byId(refundId);
    if (stored !== null) return { kind: 'repeated', ...stored };
    if (standing.doubt !== null) return refused('journal_quarantined', refundId);
    const stopped = stopCodeOf(this.#store.memory);
    if (stopped !== null) return refused(stopped, refundId);
    const now = this.#store.now();
    if (now.isBehind) return refused('clock_behind_trusted_time', refundId);
    const verdict = runSync(verifyRefund(read.value, this.#factsOf(row, kiosk)), this.#store.crypto);
    if (!verdict.ok) return refused(verdict.code, refundId);
    return this.#put(verdict.value, now.seconds);
  }

  #factsOf(row: RefundOfferRow | null, kiosk: EnrolledKiosk): RefundFacts {
    const sale = row === null ? null : this.#store.refunds.saleOf(row.paymentHash);
    if (row === null || sale === null)
      return { offer: null, offerState: 'cancelled', allowance: null, sale: NO_SALE };
    const { crypto } = this.#store;
    const allowance = runSync(readAllowanceCertificate(sale.allowanceCertificate), crypto);
    return {
      offer: this.#offerOf(row, kiosk),
      offerState: offerStateOf(this.#stateOf(row)),
      // It was verified when the payment was accepted, and the row has not changed since.
      allowance: allowance.ok ? allowance.value.certificate : null,
      sale: {
        amountMinor: sale.amountMinor,
        refundedMinor: sale.refundedMinor,
        isRefused: isRefused(sale),
      },
    };
  }

  #offerOf(row: RefundOfferRow, kiosk: EnrolledKiosk): RefundOffer {
    const certificate = kiosk.certificates.get(toHex(row.kioskCertificateHash));
    if (certificate === undefined) throw new Error('the certificate of an offer is gone');
    const offer = runSync(verifyRefundOffer(row.bytes, certificate), this.#store.crypto);
    if (!offer.ok) throw new Error(`the stored offer does not verify: ${offer.code}`);
    return offer.value;
  }

  #put(verified: VerifiedRefund, nowSeconds: number): RefundOutcome {
    const { offer, acceptance, refundedMinor, allowanceCertificateHash } = verified;
    const row = this.#store.refunds.offer(offer.refundId);
    if (row === null) throw new Error('a refund was verified without its offer');
    const { kioskCertificateHash } = row;
    const body = encodeRefundBody({
      kioskCertificateHash,
      offer: offer.bytes,
      allowanceCertificateHash,
      acceptance: acceptance.bytes,
      refundedMinor,
    });
    const head = this.#store.append(offer.kind, nowSeconds, body);
    const steps = signRefundReceipt(
      {
        refundId: offer.refundId,
        paymentHash: offer.paymentHash,
        amountMinor: offer.amountMinor,
        refundedMinor,
        sequence: head.sequence,
        journalHash: head.hash,
        at: nowSeconds,
      },
      kioskCertificateHash,
    );
    const receipt = runSync(steps, this.#store.crypto, this.#store.sign);
    if (!receipt.ok) throw new Error(`the refund receipt could not be signed: ${receipt.code}`);
    this.#store.refunds.insert({
      verified,
      sequence: head.sequence,
      receipt: receipt.value,
      atSeconds: nowSeconds,
    });
    this.#store.countGivenBack(offer.amountMinor, nowSeconds);
    this.#store.refunds.endOffer(offer.refundId, 'given_back');
    const stored = this.#store.refunds.byId(offer.refundId);
    if (stored === null) throw new Error('a stored refund is not there');
    return { kind: 'accepted', ...stored };
  }

  /** Everything that would make the refund fail later is said now. */
  #mayOffer(): EnrolledKiosk {
    const { kiosk, standing } = this.#store.memory;
    if (kiosk === null) throw new IpcError('kiosk_not_enrolled');
    if (standing.doubt !== null) throw new IpcError('journal_quarantined');
    const now = this.#store.now();
    if (now.isBehind) throw new IpcError('clock_behind_trusted_time');
    if (now.seconds >= kiosk.certificate.notAfter) throw new IpcError('certificate_expired');
    const stopped = stopCodeOf(this.#store.memory);
    if (stopped !== null) throw new IpcError(stopped);
    return kiosk;
  }

  #issue(asked: RefundToOffer, sale: RefundableRow, kiosk: EnrolledKiosk): RefundOfferRow {
    const { clock, crypto } = this.#store;
    const { certificate } = kiosk;
    const issuedAt = this.#store.now().seconds;
    const steps = signRefundOffer(
      {
        refundIdBytes: fromUuid(asked.refundId),
        paymentHash: sale.paymentHash,
        kind: asked.kind,
        amountMinor: asked.amountMinor,
        sequence: sale.sequence,
        issuedAt,
        ttlSeconds: asked.ttlSeconds,
        addresses: asked.addresses,
      },
      certificate.hash,
    );
    const signed = runSync(steps, crypto, this.#store.sign);
    if (!signed.ok) throw new Error(`the offer could not be signed: ${signed.code}`);
    // Read back as a phone would: an offer that does not verify must never reach a screen.
    const read = runSync(verifyRefundOffer(signed.value, certificate), crypto);
    if (!read.ok) throw new Error(`the signed offer does not verify: ${read.code}`);
    const row = {
      refundId: asked.refundId,
      hash: read.value.hash,
      bytes: signed.value,
      kioskCertificateHash: certificate.hash,
      paymentHash: sale.paymentHash,
      kind: asked.kind,
      amountMinor: asked.amountMinor,
      reason: asked.reason,
      openedAtMs: clock.wallMs(),
      bootId: clock.bootId,
      deadlineMs: clock.monotonicMs() + asked.ttlSeconds * 1000,
    };
    this.#store.refunds.insertOffer(row);
    this.#store.raiseMark(issuedAt);
    return { ...row, state: 'open' };
  }

  /** An open offer whose time is up is over, whether or not anybody has written that down. */
  #stateOf(row: RefundOfferRow): RefundState {
    if (row.state !== 'open') return row.state;
    const life = { openedAtMs: row.openedAtMs, deadlineMs: this.#deadlineOf(row) };
    return remainingMs(life, this.#store.clock, MAX_REFUND_OFFER_TTL_SECONDS) > 0 ? 'open' : 'expired';
  }

  #deadlineOf(row: RefundOfferRow): number | null {
    return row.bootId === this.#store.clock.bootId ? row.deadlineMs : null;
  }

  #again(refundId: string): RefundRecord {
    const row = this.#store.refunds.offer(refundId);
    if (row === null) throw new IpcError('call_invalid');
    return this.#toRecord(row);
  }

  #toRecord(row: RefundOfferRow): RefundRecord {
    const certificate = this.#store.memory.kiosk?.certificates.get(toHex(row.kioskCertificateHash));
    const sale = this.#store.refunds.saleOf(row.paymentHash);
    if (certificate === undefined || sale === null) throw new Error('an offer has lost its sale');
    return {
      refundId: row.refundId,
      paymentHash: toHex(row.paymentHash),
      saleSequence: sale.sequence,
      saleMinor: sale.amountMinor,
      refundedMinor: sale.refundedMinor,
      currency: sale.currency,
      maskedPhone: sale.maskedPhone,
      kind: row.kind,
      amountMinor: row.amountMinor,
      reason: row.reason,
      envelope: encodeRefundEnvelope(certificate.bytes, row.bytes),
      state: this.#stateOf(row),
      openedAtMs: row.openedAtMs,
      deadlineMs: this.#deadlineOf(row),
      ...(this.#store.refunds.byId(row.refundId) ?? { refund: null, receipt: null }),
    };
  }
}

const NO_SALE = { amountMinor: 0n, refundedMinor: 0n, isRefused: false };

/** What the cloud did not honour was never paid, as far as the merchant's account goes. */
function isRefused({ settlement }: RefundableRow): boolean {
  return settlement === 'refused' || settlement === 'disputed';
}

function offerStateOf(state: RefundState): RefundFacts['offerState'] {
  return state === 'open' || state === 'expired' ? state : 'cancelled';
}

function refused(code: AcceptCode, refundId: string | null): RefundOutcome {
  return { kind: 'refused', code, refundId };
}
