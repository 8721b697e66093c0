/**
 * Settlement on the store's side of the thread: which entries go into the next batch, and what a signed
 * acknowledgement changes. Owns the cursor's meaning; sends nothing, prunes nothing, and believes no answer that an
 * issuer's key has not signed for exactly the batch that is on its way.
 */
import {
  CLOCK_TOLERANCE_SECONDS,
  decodeSettlementEnvelope,
  encodeSettlementEnvelope,
  equalBytes,
  MAX_BATCH_BYTES,
  MAX_BATCH_ENTRIES,
  runSync,
  signSettlementBatch,
  toHex,
  verifySettlementAcknowledgement,
  verifySettlementBatch,
  type KioskCertificate,
  type RefusalCode,
  type SettlementAcknowledgement,
  type SettlementBatch,
  type SettlementResult,
} from '@tikiwallet/protocol';
import type { EnrolledKiosk } from '../store/kiosk-record.ts';
import type { KioskStore } from '../store/kiosk-store.ts';
import type { OutgoingBatch } from '../store/settlement-cursor.ts';
import { correctedMark } from '../trusted-time.ts';

export interface BatchToSend {
  readonly envelope: Uint8Array;
  readonly fromSequence: number;
  readonly toSequence: number;
  /** Hex. */
  readonly hash: string;
  /** A heartbeat from before the first entry: it says nothing and asks how far the cloud is. */
  readonly isQuestion: boolean;
  /** There are entries behind it, for another batch. */
  readonly isFollowed: boolean;
}

/** Why an acknowledgement was not believed. */
export type AcknowledgementFault = RefusalCode | 'acknowledgement_incomplete' | 'cloud_is_ahead_of_journal';

export type AcknowledgementResult =
  | { readonly ok: true; readonly acknowledgedSequence: number; readonly isComplete: boolean }
  | { readonly ok: false; readonly code: AcknowledgementFault };

/** The signed head, the certificate's hash and CBOR's framing of up to 500 entries. */
const ROOM_FOR_FRAMING_BYTES = 4_096;
const FRAMING_PER_ENTRY_BYTES = 3;

/** Where a question stands: before the first entry, where every journal of this kiosk begins. */
const QUESTION = { fromSequence: 1, toSequence: 0 } as const;

export class Batches {
  readonly #store: KioskStore;
  /** The cloud has said in this run that it knows nothing newer than this file has signed. */
  #isConfirmed = false;
  /** Signed and sent in the same stream, behind the one in the cursor. After a stop or a cut they are signed anew. */
  #ahead: readonly OutgoingBatch[] = [];
  /** The last entry that has been sent since {@link next}; null when nothing may follow. */
  #sentSequence: number | null = null;

  constructor(store: KioskStore) {
    this.#store = store;
  }

  /** Signed and on disk before it is sent. Null when there is nothing to say. */
  next(options: { readonly heartbeat: boolean }): BatchToSend | null {
    const { kiosk, standing } = this.#store.memory;
    this.#forgetAhead();
    if (kiosk === null) return null;
    // Nothing is signed for the cloud before it is known that no newer state of this journal has spoken to it.
    if (!this.#isConfirmed || standing.doubt === 'behind_cloud') return this.#ask(kiosk.certificate);
    const unanswered = this.#store.cursor.outgoing();
    const isStillGood = unanswered !== null && this.#isStillGood(unanswered, kiosk.certificate);
    if (isStillGood) {
      this.#sentSequence = unanswered.toSequence;
      return this.#pack(unanswered);
    }
    const range = this.#rangeAfter(this.#store.memory.cursor.acknowledgedSequence);
    if (range.to < range.from && !options.heartbeat) return null;
    const batch = this.#signRange(range, kiosk);
    this.#store.write(() => {
      this.#store.cursor.keepOutgoing(batch);
      this.#noteSigned(batch);
    });
    if (batch.toSequence >= batch.fromSequence) this.#sentSequence = batch.toSequence;
    return this.#pack(batch);
  }

  /**
   * For a stream: the batch after those that {@link next} and this gave, while their answers are on their way. Signed, and
   * known as signed on disk, before it is sent. Null at the journal's end, and when nothing may follow.
   */
  following(): BatchToSend | null {
    const { kiosk, standing } = this.#store.memory;
    if (kiosk === null || this.#sentSequence === null || standing.doubt !== null) return null;
    const range = this.#rangeAfter(this.#sentSequence);
    if (range.to < range.from) return null;
    const batch = this.#signRange(range, kiosk);
    const isFirst = this.#store.cursor.outgoing() === null;
    this.#store.write(() => {
      if (isFirst) this.#store.cursor.keepOutgoing(batch);
      this.#noteSigned(batch);
    });
    if (!isFirst) this.#ahead = [...this.#ahead, batch];
    this.#sentSequence = batch.toSequence;
    return this.#pack(batch);
  }

  /** Results, cursor and trusted time in one transaction. */
  acknowledge(bytes: Uint8Array): AcknowledgementResult {
    const { kiosk, head } = this.#store.memory;
    const outgoing = this.#store.cursor.outgoing();
    if (kiosk === null || outgoing === null)
      return { ok: false, code: 'acknowledgement_is_for_another_batch' };
    const { trust } = kiosk;
    const expected = { kioskId: kiosk.kioskId, batchHash: outgoing.hash };
    // By the wall clock, not by the mark: a mark that ran ahead is set right by exactly this answer.
    const nowSeconds = Math.max(Math.floor(this.#store.clock.wallMs() / 1000), trust.issuedAt);
    const steps = verifySettlementAcknowledgement(bytes, { trust, nowSeconds, expected });
    const verified = runSync(steps, this.#store.crypto);
    if (!verified.ok) return verified;
    const acknowledgement = verified.value;
    // The cloud holding more than this file ever signed means that this is an old copy: selling on would reuse numbers.
    if (acknowledgement.highestSequence > this.#store.memory.standing.signedSequence) {
      this.#store.write(() => this.#store.setStanding({ doubt: 'behind_cloud' }));
      return { ok: false, code: 'cloud_is_ahead_of_journal' };
    }
    if (outgoing.toSequence === QUESTION.toSequence) return this.#confirm(acknowledgement);
    if (!this.#coversItsMoney(acknowledgement, outgoing))
      return { ok: false, code: 'acknowledgement_incomplete' };
    this.#store.write(() => this.#apply(acknowledgement, outgoing));
    this.#ahead = this.#ahead.slice(1);
    const { acknowledgedSequence } = this.#store.memory.cursor;
    return { ok: true, acknowledgedSequence, isComplete: acknowledgedSequence >= head.sequence };
  }

  /** The cloud refuses this journal and will refuse whatever follows: selling on would give away goods. */
  noteContradiction(): void {
    if (this.#store.memory.standing.doubt !== null) return;
    this.#store.write(() => this.#store.setStanding({ doubt: 'differs_from_cloud' }));
  }

  /**
   * The cloud has less than was thought: everything after `sequence` goes again. Nothing was pruned, so it can. Only
   * ever back: what is taken over is said by a signed acknowledgement and by nothing else.
   */
  resendAfter(sequence: number): boolean {
    if (sequence >= this.#store.memory.cursor.acknowledgedSequence) return false;
    this.#forgetAhead();
    this.#store.write(() => {
      this.#store.cursor.dropOutgoing();
      this.#store.setCursor({ acknowledgedSequence: sequence });
    });
    return true;
  }

  /** After a refusal that another attempt with the same bytes cannot change. */
  forgetOutgoing(): void {
    this.#forgetAhead();
    this.#store.write(() => this.#store.cursor.dropOutgoing());
  }

  #forgetAhead(): void {
    this.#ahead = [];
    this.#sentSequence = null;
  }

  #noteSigned({ fromSequence, toSequence }: OutgoingBatch): void {
    const signedSequence = Math.max(this.#store.memory.standing.signedSequence, toSequence);
    this.#store.setStanding({ signedSequence });
    this.#store.payments.markSent(fromSequence, toSequence);
    this.#store.refunds.markSent(fromSequence, toSequence);
  }

  #ask(certificate: KioskCertificate): BatchToSend {
    const question = this.#sign(
      { from: QUESTION.fromSequence, to: QUESTION.toSequence, denyListVersion: 0 },
      certificate,
    );
    this.#store.write(() => this.#store.cursor.keepOutgoing(question));
    return this.#pack(question);
  }

  /** The answer to a question that brought nothing to light. */
  #confirm({ issuedAt }: SettlementAcknowledgement): AcknowledgementResult {
    const { standing, cursor, head } = this.#store.memory;
    this.#store.write(() => {
      this.#store.cursor.dropOutgoing();
      this.#store.setCursor({ lastContactAt: issuedAt });
      if (standing.doubt === 'unconfirmed' || standing.doubt === 'behind_cloud') {
        this.#store.setStanding({ doubt: null });
        this.#store.append('start', this.#store.now().seconds, []);
      }
      this.#believeTime(issuedAt);
    });
    this.#isConfirmed = true;
    const { acknowledgedSequence } = cursor;
    return { ok: true, acknowledgedSequence, isComplete: acknowledgedSequence >= head.sequence };
  }

  /** A heartbeat is never repeated: by the next time there may be something to say. */
  #isStillGood(batch: OutgoingBatch, certificate: KioskCertificate): boolean {
    return (
      batch.toSequence >= batch.fromSequence &&
      batch.fromSequence === this.#store.memory.cursor.acknowledgedSequence + 1 &&
      equalBytes(batch.kioskCertificateHash, certificate.hash)
    );
  }

  #rangeAfter(sequence: number): JournalRange {
    const from = sequence + 1;
    let to = sequence;
    let denyListVersion = 0;
    let room = MAX_BATCH_BYTES - ROOM_FOR_FRAMING_BYTES;
    for (const row of this.#store.journal.rows(from, sequence + MAX_BATCH_ENTRIES)) {
      room -= row.bytes.length + FRAMING_PER_ENTRY_BYTES;
      if (room < 0) break;
      to = row.sequence;
      denyListVersion = row.denyListVersion;
    }
    return { from, to, denyListVersion };
  }

  /** A whole journal up to its head says what is in force now; a part of it only what was in force at its end. */
  #signRange(range: JournalRange, { certificate, trust }: EnrolledKiosk): OutgoingBatch {
    const isAtHead = range.to === this.#store.memory.head.sequence;
    const denyListVersion = isAtHead ? trust.denyListVersion : range.denyListVersion;
    return this.#sign({ ...range, denyListVersion }, certificate);
  }

  #sign(range: JournalRange, certificate: KioskCertificate): OutgoingBatch {
    const { journal, payments, crypto } = this.#store;
    const previousHash = journal.hashAt(range.from - 1);
    const headHash = journal.hashAt(range.to);
    if (previousHash === null || headHash === null)
      throw new Error(`the journal has no entries ${range.from} to ${range.to}`);
    const sales = payments.salesIn(range.from, range.to);
    const draft: Omit<SettlementBatch, 'hash' | 'bytes'> = {
      fromSequence: range.from,
      toSequence: range.to,
      saleCount: sales.count,
      saleSumMinor: sales.sumMinor,
      previousHash,
      headHash,
      denyListVersion: range.denyListVersion,
      createdAt: this.#store.now().seconds,
    };
    const signed = runSync(signSettlementBatch(draft, certificate.hash), crypto, this.#store.sign);
    if (!signed.ok) throw new Error(`the batch could not be signed: ${signed.code}`);
    // Read as the cloud will read it: what would be refused there must not leave, and the hash comes with it.
    const envelope = decodeSettlementEnvelope(this.#envelope(certificate.hash, signed.value, range));
    const read = runSync(verifySettlementBatch(envelope, certificate), crypto);
    if (!read.ok) throw new Error(`the signed batch does not verify: ${read.code}`);
    return {
      fromSequence: range.from,
      toSequence: range.to,
      hash: read.value.batch.hash,
      head: signed.value,
      kioskCertificateHash: certificate.hash,
      denyListVersion: range.denyListVersion,
    };
  }

  #pack(batch: OutgoingBatch): BatchToSend {
    const { fromSequence, toSequence } = batch;
    const range = { from: fromSequence, to: toSequence };
    return {
      envelope: this.#envelope(batch.kioskCertificateHash, batch.head, range),
      fromSequence,
      toSequence,
      hash: toHex(batch.hash),
      isQuestion: toSequence === QUESTION.toSequence,
      isFollowed: toSequence < this.#store.memory.head.sequence,
    };
  }

  #envelope(certificateHash: Uint8Array, head: Uint8Array, range: { from: number; to: number }): Uint8Array {
    const entries: Uint8Array[] = [];
    for (const row of this.#store.journal.rows(range.from, range.to)) entries.push(row.bytes);
    return encodeSettlementEnvelope(certificateHash, head, entries);
  }

  /** A word about every sale and every refund; only refunds may be told to wait. */
  #coversItsMoney(acknowledgement: SettlementAcknowledgement, outgoing: OutgoingBatch): boolean {
    const { results, highestSequence } = acknowledgement;
    const answered = new Set(results.map(({ sequence }) => sequence));
    const decided = new Set(
      results.filter(({ outcome }) => outcome !== 'waiting').map(({ sequence }) => sequence),
    );
    const upTo = Math.min(outgoing.toSequence, highestSequence);
    const { payments, refunds } = this.#store;
    return (
      payments.sequencesIn(outgoing.fromSequence, upTo).every((sequence) => decided.has(sequence)) &&
      refunds.sequencesIn(outgoing.fromSequence, upTo).every((sequence) => answered.has(sequence))
    );
  }

  #apply(acknowledgement: SettlementAcknowledgement, outgoing: OutgoingBatch): void {
    const { issuedAt } = acknowledgement;
    let settled = false;
    for (const result of acknowledgement.results) {
      const answered = { outgoing, issuedAt };
      if (this.#settleSale(result, answered) || this.#settleRefund(result, answered)) settled = true;
    }
    this.#store.cursor.dropOutgoing();
    // The cloud may have more: what it took from a stream that was cut. That is taken over when its results are here.
    const acknowledgedSequence = Math.min(acknowledgement.highestSequence, outgoing.toSequence);
    const [next] = this.#ahead;
    if (next?.fromSequence === acknowledgedSequence + 1) this.#store.cursor.keepOutgoing(next);
    const { cursor, standing } = this.#store.memory;
    this.#store.setCursor({
      acknowledgedSequence,
      denyListVersion: outgoing.denyListVersion,
      lastContactAt: issuedAt,
      lastSettledAt: settled ? issuedAt : cursor.lastSettledAt,
    });
    // It took these entries after all: whoever looks after it has put things right.
    if (standing.doubt !== null) this.#store.setStanding({ doubt: null });
    this.#believeTime(issuedAt);
  }

  /** @returns whether the sale stands otherwise than before. */
  #settleSale(result: SettlementResult, { outgoing, issuedAt }: Answered): boolean {
    const { sequence, outcome, code } = result;
    // What was not in the batch has not been seen by whoever signed this.
    if (outcome === 'waiting' || !isWithin(sequence, outgoing)) return false;
    const known = this.#store.payments.settlementAt(sequence);
    if (known === null || known.state === outcome) return false;
    this.#store.payments.settle(sequence, { state: outcome, code, at: issuedAt });
    if (known.state === 'on_this_device' || known.state === 'sent')
      this.#store.countSettled(known.amountMinor);
    return true;
  }

  /** A refund that waited for the merchant's balance is told later how it ended. @returns as above. */
  #settleRefund(result: SettlementResult, { outgoing, issuedAt }: Answered): boolean {
    const { sequence, outcome, code } = result;
    const known = this.#store.refunds.settlementAt(sequence);
    if (known === null) return false;
    const state = outcome === 'settled' || outcome === 'waiting' ? outcome : 'refused';
    if (state === known || !(isWithin(sequence, outgoing) || known === 'waiting')) return false;
    this.#store.refunds.settle(sequence, { state, code, at: issuedAt });
    return true;
  }

  #believeTime(issuedAt: number): void {
    const { mark, standing } = this.#store.memory;
    const corrected = correctedMark(mark, issuedAt);
    const isJump = mark - corrected > CLOCK_TOLERANCE_SECONDS;
    if (isJump && standing.doubt === null) this.#store.append('clockJump', corrected, []);
    this.#store.setMark(corrected);
  }
}

interface JournalRange {
  readonly from: number;
  /** One before `from` when there is nothing. */
  readonly to: number;
  readonly denyListVersion: number;
}

interface Answered {
  readonly outgoing: OutgoingBatch;
  readonly issuedAt: number;
}

function isWithin(sequence: number, { fromSequence, toSequence }: OutgoingBatch): boolean {
  return sequence >= fromSequence && sequence <= toSequence;
}
