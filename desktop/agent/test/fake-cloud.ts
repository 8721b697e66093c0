/**
 * The cloud's side of settlement for tests: checks what the protocol lets it check, credits each payment once, and
 * loses answers or entries on demand. Keeps no ledger; the real one has tests of its own.
 */
import * as protocol from '@tikiwallet/protocol';
import { settlementOpener } from '@tikiwallet/protocol/node';
import { CloudProblem, StreamNotTaken } from '../cloud/cloud-client.ts';
import { IpcError } from '../../ipc/index.ts';
import { crypto, KIOSK_ID, ok, type TestIssuer, type TestPhone } from './world.ts';

export class FakeCloud {
  readonly credited = new Map<string, bigint>();
  readonly heartbeats: protocol.SettlementBatch[] = [];
  /** The next so many batches are taken and their answers lost. */
  loseAnswers = 0;
  /** The next so many calls fail before anything is read. */
  refuse: IpcError[] = [];
  calls = 0;
  streams = 0;
  /** An older cloud has no streams. */
  takesStreams = true;
  /** The next so many streams break after so many acknowledgements have reached the kiosk, a batch later at the cloud. */
  breakStreamsAfter: number[] = [];
  /** By refund id. */
  readonly refunded = new Map<string, bigint>();
  refundOutcome: 'settled' | 'waiting' = 'settled';
  /** What the next acknowledgement says instead. */
  distort: Partial<protocol.SettlementAcknowledgement> = {};
  /** Keys that it opens by; what comes unsealed is counted. */
  sealingKeys: protocol.HeldSealingKey[] = [];
  unsealed = 0;
  issuer: TestIssuer;
  readonly #certificates = new Map<string, protocol.KioskCertificate>();
  readonly #allowances = new Map<string, protocol.AllowanceCertificate>();
  #entries: Uint8Array[] = [];

  constructor(issuer: TestIssuer) {
    this.issuer = issuer;
  }

  knowsKiosk(certificate: protocol.KioskCertificate | undefined): void {
    if (certificate === undefined) throw new Error('not enrolled');
    this.#certificates.set(protocol.toHex(certificate.hash), certificate);
  }

  knowsPhone(phone: TestPhone): TestPhone {
    this.#allowances.set(protocol.toHex(phone.allowance.hash), phone.allowance);
    return phone;
  }

  get sumMinor(): bigint {
    return [...this.credited.values()].reduce((sum, amount) => sum + amount, 0n);
  }

  get refundedMinor(): bigint {
    return [...this.refunded.values()].reduce((sum, amount) => sum + amount, 0n);
  }

  get highestSequence(): number {
    return this.#entries.length;
  }

  /** A backup was played back: everything after `sequence` is unknown again. */
  forgetAfter(sequence: number): void {
    this.#entries = this.#entries.slice(0, sequence);
  }

  settle = async (_token: string, bytes: Uint8Array): Promise<Uint8Array> => {
    this.calls += 1;
    const refusal = this.refuse.shift();
    if (refusal !== undefined) throw refusal;
    const envelope = protocol.decodeSettlementEnvelope(this.#open(bytes));
    const kiosk = this.#certificates.get(protocol.toHex(envelope.kioskCertificateHash));
    if (kiosk === undefined) throw new Error('unknown kiosk certificate');
    const { batch, entries } = ok(protocol.runSync(protocol.verifySettlementBatch(envelope, kiosk), crypto));
    if (batch.fromSequence > this.highestSequence + 1) throw this.#gap();
    if (entries.length === 0) this.heartbeats.push(batch);
    const results = entries.flatMap((chained) => this.#take(chained));
    if (this.loseAnswers > 0) {
      this.loseAnswers -= 1;
      throw new IpcError('cloud_unreachable');
    }
    return this.#acknowledge(batch.hash, results);
  };

  settleStream = async function* (
    this: FakeCloud,
    token: string,
    batches: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array, void, void> {
    if (!this.takesStreams) throw new StreamNotTaken(404);
    this.streams += 1;
    let left = this.breakStreamsAfter.shift() ?? Number.POSITIVE_INFINITY;
    for await (const batch of batches) {
      const acknowledgement = await this.settle(token, batch);
      if (left === 0) throw new IpcError('cloud_unreachable');
      left -= 1;
      yield acknowledgement;
    }
  }.bind(this);

  #open(bytes: Uint8Array): Uint8Array {
    if (!protocol.isSealedSettlement(bytes)) {
      this.unsealed += 1;
      return bytes;
    }
    const opened = settlementOpener(this.sealingKeys)(bytes);
    if (opened.ok) return opened.value;
    throw this.#problem(opened.code === 'sealing_key_unknown' ? opened.code : 'batch_malformed', 409);
  }

  #take({ entry, bytes }: protocol.ChainedEntry): protocol.SettlementResult[] {
    const known = this.#entries[entry.sequence - 1];
    if (known !== undefined && !protocol.equalBytes(known, bytes))
      throw new Error(`entry ${entry.sequence} changed`);
    this.#entries[entry.sequence - 1] = bytes;
    if (entry.kind === 'void' || entry.kind === 'refund') return this.#giveBack(entry, entry.kind);
    if (entry.kind !== 'sale') return [];
    const sale = protocol.decodeSaleBody(entry.body);
    const kiosk = this.#certificates.get(protocol.toHex(sale.kioskCertificateHash));
    const allowance = this.#allowances.get(protocol.toHex(sale.allowanceCertificateHash));
    if (kiosk === undefined || allowance === undefined) throw new Error('a certificate is unknown');
    const { payment } = ok(protocol.runSync(protocol.verifySale(sale, { kiosk, allowance }), crypto));
    this.credited.set(protocol.toHex(payment.hash), payment.amountMinor);
    return [{ sequence: entry.sequence, outcome: 'settled', code: null }];
  }

  #giveBack(entry: protocol.JournalEntry, kind: protocol.RefundKind): protocol.SettlementResult[] {
    const body = protocol.decodeRefundBody(entry.body);
    const kiosk = this.#certificates.get(protocol.toHex(body.kioskCertificateHash));
    const allowance = this.#allowances.get(protocol.toHex(body.allowanceCertificateHash));
    if (kiosk === undefined || allowance === undefined) throw new Error('a certificate is unknown');
    const { offer } = ok(
      protocol.runSync(protocol.verifyRefundEntry({ kind, body }, { kiosk, allowance }), crypto),
    );
    this.refunded.set(offer.refundId, offer.amountMinor);
    return [{ sequence: entry.sequence, outcome: this.refundOutcome, code: null }];
  }

  #acknowledge(batchHash: Uint8Array, results: readonly protocol.SettlementResult[]): Uint8Array {
    const acknowledgement = {
      kioskId: KIOSK_ID,
      batchHash,
      highestSequence: this.highestSequence,
      results,
      issuedAt: this.issuer.now + 60,
      ...this.distort,
    };
    this.distort = {};
    return this.issuer.sign(protocol.signSettlementAcknowledgement(acknowledgement, this.issuer.keyId));
  }

  #gap(): CloudProblem {
    return this.#problem('batch_gap', 409, { highestSequence: this.highestSequence });
  }

  #problem(
    code: 'batch_gap' | 'sealing_key_unknown' | 'batch_malformed',
    status: number,
    more: { readonly highestSequence?: number } = {},
  ): CloudProblem {
    return new CloudProblem(
      { type: `urn:tikiwallet:problem:${code}`, title: code, status, code, ...more },
      undefined,
    );
  }
}
