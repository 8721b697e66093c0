/**
 * The life of a payment request: signed and on disk before anyone sees it, open for two minutes of monotonic time,
 * then paid, expired or cancelled for good; one at a time, or several side by side. Owns these rules; the payment that ends it is accept-payment.ts.
 */
import { randomBytes } from 'node:crypto';
import {
  asksForPhone,
  attempt,
  comparisonCode,
  encodeRequestEnvelope,
  freshnessLevel,
  limitsAt,
  MAX_AMOUNT_MINOR,
  runSync,
  signPaymentRequest,
  toHex,
  verifyPaymentRequest,
  type LimitSettings,
  type PaymentRequest,
} from '@tikiwallet/protocol';
import { IpcError, type SaleState } from '../../ipc/index.ts';
import { newRequestId } from '../request-id.ts';
import { remainingMs } from '../request-life.ts';
import { stopCodeOf } from '../till-standing.ts';
import type { EnrolledKiosk } from './kiosk-record.ts';
import type { KioskStore } from './kiosk-store.ts';
import type { PayableRequest, RequestRow } from './requests.ts';
import type { SaleRecord } from './rows.ts';

export interface OpenSale {
  readonly saleId: string;
  readonly amountMinor: bigint;
  /** `http://host:port`, at most four. */
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
  /** E.164: what the cashier typed; the payer's phone must open the commitment to exactly this number. */
  readonly payerPhone?: string | undefined;
}

/** A sale of long ago is history, not something to show when the program starts. */
const SHOWN_AFTER_START_MS = 10 * 60 * 1000;
const MOST_SHOWN_AFTER_START = 16;
/** More than can be open at one time: how a sale ended is on the screen for a while. */
const NUMBERS_KEPT = 16;

export class SaleRequests {
  readonly #store: KioskStore;
  /**
   * The newest requests of this process by id, and the number that was typed for each. In memory only: a customer's full
   * number has no business on the shop's disk, so a request that asks for it ends with this process (stateOf).
   */
  readonly #issued = new Map<string, string | null>();

  constructor(store: KioskStore) {
    this.#store = store;
  }

  /**
   * Inside the caller's transaction, at the start: what was open before this boot has no clock to run out on, and
   * what is open in a copy may have been paid in the original. A number typed before is not known any more.
   */
  endWhatIsOver({ isInDoubt }: { readonly isInDoubt: boolean }): void {
    for (const open of this.#store.requests.open())
      if (isInDoubt || this.stateOf(open) === 'expired') this.#store.requests.end(open.requestId, 'expired');
  }

  /**
   * What is on someone's mind when the program starts, oldest first: the last sale if it is recent, and where several
   * customers are served at once every recent one that was not put away.
   */
  shown(): readonly SaleRecord[] {
    const { requests, clock, memory } = this.#store;
    // A clock that was set back since says nothing about how long ago it was.
    const fromMs = clock.wallMs() - SHOWN_AFTER_START_MS;
    const toMs = clock.wallMs() + SHOWN_AFTER_START_MS;
    const recent = requests.recent({ fromMs, toMs, limit: MOST_SHOWN_AFTER_START });
    if (memory.mostOpen > 1 || recent.filter(({ state }) => state === 'open').length > 1)
      return recent.map((row) => this.toRecord(row));
    const newest = requests.newest();
    const isRecent = newest !== null && newest.openedAtMs >= fromMs && newest.openedAtMs <= toMs;
    return isRecent ? [this.toRecord(newest)] : [];
  }

  /** An open request whose time is up is over, whether or not anybody has written that down. */
  stateOf(row: PayableRequest): SaleState {
    if (row.state !== 'open') return row.state;
    const { clock } = this.#store;
    const isInTime = remainingMs({ ...row, deadlineMs: this.#deadlineOf(row) }, clock) > 0;
    return isInTime && !this.#hasLostItsNumber(row) ? 'open' : 'expired';
  }

  /**
   * It asks for the payer's number, and what the cashier typed went with the process before: nobody could be told from
   * the right payer. Also where a full disk kept the start from writing that it is over.
   */
  #hasLostItsNumber(row: PayableRequest): boolean {
    if (this.#issued.has(row.requestId)) return false;
    const certificate = this.#store.memory.kiosk?.certificates.get(toHex(row.kioskCertificateHash));
    if (certificate === undefined) return true;
    // Its signature is this kiosk's own, checked before the row was written: here only the question is read again.
    const asks = attempt(() => asksForPhone(row.bytes));
    return !asks.ok || asks.value;
  }

  #deadlineOf(row: PayableRequest): number | null {
    return row.bootId === this.#store.clock.bootId ? row.deadlineMs : null;
  }

  /** The same sale id answers the same sale. @throws IpcError */
  open(sale: OpenSale): SaleRecord {
    const known = this.#store.requests.bySale(sale.saleId);
    if (known !== null) {
      const isTheSame =
        known.amountMinor === sale.amountMinor &&
        (known.state !== 'open' || this.expectedPhoneOf(known.requestId) === (sale.payerPhone ?? null));
      if (!isTheSame) throw new IpcError('call_invalid');
      return this.toRecord(known);
    }
    const others = this.#store.requests.open().filter((row) => this.stateOf(row) === 'open');
    const kiosk = this.#mayOpen(sale, others);
    return this.#store.write(() => {
      for (const former of this.#store.requests.open())
        if (!others.some(({ requestId }) => requestId === former.requestId))
          this.#store.requests.end(former.requestId, 'expired');
      return this.#issue(sale, kiosk, others);
    });
  }

  /** What the cashier typed for this request; null when the payer's number is not asked for. */
  expectedPhoneOf(requestId: string): string | null {
    return this.#issued.get(requestId) ?? null;
  }

  /** @throws IpcError */
  cancel(saleId: string): SaleRecord {
    const row = this.#store.requests.bySale(saleId);
    if (row === null) throw new IpcError('sale_not_found');
    if (row.state === 'paid') throw new IpcError('sale_already_paid');
    if (row.state === 'open') {
      this.#store.write(() => this.#cancel(row));
    }
    return this.#again(saleId);
  }

  /** Inside the transaction that stops this till: no request stays that nobody has paid. */
  endOpen(): void {
    for (const row of this.#store.requests.open()) this.#cancel(row);
  }

  #cancel(row: RequestRow): void {
    const ended = this.stateOf(row) === 'expired' ? 'expired' : 'cancelled';
    this.#store.requests.end(row.requestId, ended);
  }

  /** The sale as it stands; writes down that time is up, if it is. @throws IpcError */
  look(saleId: string): SaleRecord {
    const row = this.#store.requests.bySale(saleId);
    if (row === null) throw new IpcError('sale_not_found');
    if (row.state === 'open' && this.stateOf(row) === 'expired') {
      this.#store.write(() => this.#store.requests.end(row.requestId, 'expired'));
    }
    return this.#again(saleId);
  }

  /** @throws IpcError */
  putAway(saleId: string): void {
    const row = this.#store.requests.bySale(saleId);
    if (row === null) throw new IpcError('sale_not_found');
    if (this.stateOf(row) === 'open') throw new IpcError('sale_in_progress');
    this.#store.write(() => {
      // Its time may be up without anybody having written that down.
      this.#store.requests.end(row.requestId, 'expired');
      this.#store.requests.putAway(row.requestId);
    });
  }

  toRecord(row: RequestRow): SaleRecord {
    const certificate = this.#store.memory.kiosk?.certificates.get(toHex(row.kioskCertificateHash));
    return {
      saleId: row.saleId,
      requestId: row.requestId,
      requestHash: row.hash,
      envelope:
        certificate === undefined ? new Uint8Array(0) : encodeRequestEnvelope(certificate.bytes, row.bytes),
      amountMinor: row.amountMinor,
      currency: row.currency,
      state: this.stateOf(row),
      openedAtMs: row.openedAtMs,
      deadlineMs: this.#deadlineOf(row),
      payment: row.state === 'paid' ? this.#store.payments.byRequest(row.requestId) : null,
      checksPhone: this.expectedPhoneOf(row.requestId) !== null,
    };
  }

  #again(saleId: string): SaleRecord {
    const row = this.#store.requests.bySale(saleId);
    if (row === null) throw new IpcError('sale_not_found');
    return this.toRecord(row);
  }

  /** Everything that would make the payment fail later is said now, before a customer is asked. */
  #mayOpen(sale: OpenSale, others: readonly RequestRow[]): EnrolledKiosk {
    const { kiosk, unsettled, standing, mostOpen } = this.#store.memory;
    if (kiosk === null) throw new IpcError('kiosk_not_enrolled');
    if (standing.doubt !== null) throw new IpcError('journal_quarantined');
    const now = this.#store.now();
    if (now.isBehind) throw new IpcError('clock_behind_trusted_time');
    if (now.seconds >= kiosk.certificate.notAfter) throw new IpcError('certificate_expired');
    const stopped = stopCodeOf(this.#store.memory);
    if (stopped !== null) throw new IpcError(stopped);
    if (others.length >= mostOpen)
      throw new IpcError(mostOpen === 1 ? 'sale_in_progress' : 'too_many_open_sales');
    if (sale.amountMinor < 1n || sale.amountMinor > MAX_AMOUNT_MINOR) throw new IpcError('amount_invalid');
    const ageSeconds = now.seconds - kiosk.trust.issuedAt;
    const limits = limitsAt(
      freshnessLevel(ageSeconds),
      kiosk.trust.policy,
      kiosk.certificate,
      this.#settingsThatStop(),
    );
    if (sale.amountMinor > limits.perPaymentMinor) throw new IpcError('amount_exceeds_payment_limit');
    // As if the others were paid: the last of them must not be refused to a customer who was asked.
    const askedMinor = others.reduce((sum, { amountMinor }) => sum + amountMinor, sale.amountMinor);
    const isFull =
      unsettled.count + others.length + 1 > limits.storedCount ||
      unsettled.sumMinor + askedMinor > limits.storedSumMinor;
    if (isFull || ageSeconds > limits.maxOfflineSeconds) throw new IpcError('kiosk_limit_reached');
    return kiosk;
  }

  /** Where there is a manager, the shop's own limits stop the payment and not the sale: they can be overridden. */
  #settingsThatStop(): readonly LimitSettings[] {
    const hasManager = this.#store.managerPin.standing().state !== 'none';
    return hasManager ? [] : this.#store.memory.limitSettings;
  }

  #issue(sale: OpenSale, kiosk: EnrolledKiosk, others: readonly RequestRow[]): SaleRecord {
    const { clock } = this.#store;
    const request = withOwnDigits(() => this.#sign(sale, kiosk), others);
    this.#store.requests.insert({
      requestId: request.requestId,
      saleId: sale.saleId,
      nonce: request.nonce,
      hash: request.hash,
      bytes: request.bytes,
      kioskCertificateHash: kiosk.certificate.hash,
      amountMinor: request.amountMinor,
      currency: request.currency,
      issuedAt: request.issuedAt,
      openedAtMs: clock.wallMs(),
      bootId: clock.bootId,
      deadlineMs: clock.monotonicMs() + sale.ttlSeconds * 1000,
    });
    this.#store.raiseMark(request.issuedAt);
    this.#keepNumber(request.requestId, sale, others);
    return this.#again(sale.saleId);
  }

  /** The oldest gives way, but none that is still open: without its number it could not be paid. */
  #keepNumber(requestId: string, { payerPhone }: OpenSale, others: readonly RequestRow[]): void {
    this.#issued.set(requestId, payerPhone ?? null);
    if (this.#issued.size <= NUMBERS_KEPT) return;
    const open = new Set([requestId, ...others.map((other) => other.requestId)]);
    const oldest = [...this.#issued.keys()].find((id) => !open.has(id));
    if (oldest !== undefined) this.#issued.delete(oldest);
  }

  #sign(sale: OpenSale, kiosk: EnrolledKiosk): PaymentRequest {
    const steps = signPaymentRequest(
      {
        requestIdBytes: newRequestId(this.#store.clock.wallMs()),
        amountMinor: sale.amountMinor,
        currency: kiosk.certificate.currency,
        itemsHash: null,
        nonce: new Uint8Array(randomBytes(16)),
        issuedAt: this.#store.now().seconds,
        ttlSeconds: sale.ttlSeconds,
        denyListVersion: kiosk.trust.denyListVersion,
        addresses: sale.addresses,
        checksPhone: sale.payerPhone !== undefined,
      },
      kiosk.certificate.hash,
    );
    const signed = runSync(steps, this.#store.crypto, this.#store.sign);
    if (!signed.ok) throw new Error(`the request could not be signed: ${signed.code}`);
    // Read back as a phone would: a request that does not verify must never reach a screen.
    const read = runSync(verifyPaymentRequest(signed.value, kiosk.certificate), this.#store.crypto);
    if (!read.ok) throw new Error(`the signed request does not verify: ${read.code}`);
    return read.value;
  }
}

/**
 * Protocol page 03: no two open requests show the same four digits. Signed anew, with another nonce, a request has others.
 * @param others what is open beside it
 */
export function withOwnDigits<T extends Pick<PaymentRequest, 'hash'>>(
  sign: () => T,
  others: readonly Pick<RequestRow, 'hash'>[],
): T {
  const taken = new Set(others.map(({ hash }) => comparisonCode(hash)));
  let request = sign();
  while (taken.has(comparisonCode(request.hash))) request = sign();
  return request;
}
