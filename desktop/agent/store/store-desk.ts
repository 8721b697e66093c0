/**
 * Answers the store's commands on an open store: the table of what each command does. Owns no thread and no
 * message; tests drive it directly.
 */
import {
  CLOCK_TOLERANCE_SECONDS,
  encodePolicyChangeBody,
  fromHex,
  runSync,
  sealingKeyHasEnded,
  signProofOfPossession,
  type RefusalCode,
} from '@tikiwallet/protocol';
import { PaymentDesk } from '../accept-payment.ts';
import { RefundDesk } from '../give-back.ts';
import { Batches } from '../settle/batches.ts';
import { IpcError } from '../../ipc/index.ts';
import { stopCodeOf } from '../till-standing.ts';
import { storageFaultOf } from './faults.ts';
import { TrustRefused, type EnrolledKiosk } from './kiosk-record.ts';
import { KioskStore, type KioskStoreOptions } from './kiosk-store.ts';
import { isSame } from './limit-settings.ts';
import type {
  CommandName,
  CommandParams,
  CommandResult,
  CommandTable,
  SealingNow,
  TrustInstalled,
} from './messages.ts';
import type { KioskTrust } from '@tikiwallet/server/contract';
import { managerCommands } from './manager-commands.ts';
import { refundCommands } from './refund-commands.ts';
import { SaleRequests } from './sale-requests.ts';

export class StoreDesk {
  readonly store: KioskStore;
  readonly sales: SaleRequests;
  readonly refunds: RefundDesk;
  readonly #payments: PaymentDesk;
  readonly #batches: Batches;
  readonly #commands: CommandTable;
  readonly #onError: (error: unknown) => void;

  /** @throws Quarantined when the database must not be used. */
  constructor(options: KioskStoreOptions, onError: (error: unknown) => void) {
    this.#onError = onError;
    this.store = new KioskStore(options);
    this.sales = new SaleRequests(this.store);
    this.#payments = new PaymentDesk(this.store, this.sales, onError);
    this.refunds = new RefundDesk(this.store);
    this.#batches = new Batches(this.store);
    this.#commands = this.#table();
    this.#begin();
  }

  run<N extends CommandName>(name: N, params: CommandParams<N>): CommandResult<N> {
    return this.#commands[name](params);
  }

  #table(): CommandTable {
    return {
      accept: (deliveries) => this.#payments.acceptGroup(deliveries),
      openSale: (sale) => this.sales.open(sale),
      cancelSale: (saleId) => this.sales.cancel(saleId),
      lookAtSale: (saleId) => this.sales.look(saleId),
      putAwaySale: (saleId) => {
        this.sales.putAway(saleId);
        return null;
      },
      ...refundCommands(this.store, this.refunds),
      receiptOf: (paymentHash) => this.store.payments.byHash(fromHex(paymentHash))?.receipt ?? null,
      page: ({ before, limit }) => this.store.payments.page(before, limit),
      proveKey: (code) => this.#proveKey(code),
      enrol: (answer) => {
        if (this.store.memory.kiosk !== null) throw new IpcError('kiosk_already_enrolled');
        const installed = this.#installTrust(answer, (atSeconds) =>
          this.store.record.enrol(answer, atSeconds),
        );
        if (installed.ok) this.#markEnrolled();
        return installed;
      },
      refreshTrust: (answer) => {
        const { kiosk } = this.store.memory;
        if (kiosk === null) throw new IpcError('kiosk_not_enrolled');
        return this.#installTrust(answer, (atSeconds) => this.store.record.refresh(kiosk, answer, atSeconds));
      },
      noteSuspended: (sealingKey) => {
        if (!this.store.memory.isSuspended)
          this.store.write(() => {
            this.store.setSuspended(true);
            this.#endIfStopped();
          });
        return this.#takeSealingKey(sealingKey);
      },
      ...managerCommands(this.store, this.#payments),
      sealingKey: () => this.#sealingNow(),
      nextBatch: (options) => this.#batches.next(options),
      followingBatch: () => this.#batches.following(),
      acknowledge: (bytes) => this.#batches.acknowledge(bytes),
      resendAfter: (sequence) => this.#batches.resendAfter(sequence),
      noteContradiction: () => {
        this.#batches.noteContradiction();
        return null;
      },
      forgetBatch: () => {
        this.#batches.forgetOutgoing();
        return null;
      },
      tick: () => {
        this.store.write(() => this.store.raiseMark(this.store.now().seconds));
        return null;
      },
      stop: () => {
        this.store.write(() => this.#note('stop'));
        this.store.close();
        return null;
      },
    };
  }

  /** A full disk takes no first entry, and what was accepted before must be there all the same. */
  #begin(): void {
    this.store.write(() => this.store.recogniseFile());
    try {
      this.store.write(() => {
        const isInDoubt = this.store.memory.standing.doubt !== null;
        this.sales.endWhatIsOver({ isInDoubt });
        this.refunds.endWhatIsOver({ isInDoubt });
        // An earlier version left them open.
        this.#endIfStopped();
        this.#note('start');
      });
    } catch (error) {
      if (storageFaultOf(error) !== 'full') throw error;
      this.#onError(error);
    }
  }

  /** The enrolment stands without it; what could not be written now is written at the next start. */
  #markEnrolled(): void {
    try {
      this.store.markEnrolled();
    } catch (error) {
      this.#onError(error);
    }
  }

  /** In the transaction of the word that stops this till: a code on its screen is not an offer any more. */
  #endIfStopped(): void {
    if (stopCodeOf(this.store.memory) === null) return;
    this.sales.endOpen();
    this.refunds.endOpen();
  }

  #note(kind: 'start' | 'stop'): void {
    if (this.store.memory.standing.doubt === null) this.store.append(kind, this.store.now().seconds, []);
  }

  #proveKey(code: string): Uint8Array {
    const possession = { publicKey: this.store.signingPublicKey, context: 'kiosk', occasion: code } as const;
    const proof = runSync(signProofOfPossession(possession), this.store.crypto, this.store.sign);
    if (!proof.ok) throw new Error(`the proof of possession could not be signed: ${proof.code}`);
    return proof.value;
  }

  /** The issuer signed a higher version under an earlier time: its clock had run ahead, and this kiosk's mark with it. */
  #goBackTo(seconds: number): void {
    const { mark, standing } = this.store.memory;
    if (mark - seconds <= CLOCK_TOLERANCE_SECONDS) return;
    if (standing.doubt === null) this.store.append('clockJump', seconds, []);
    this.store.setMark(seconds);
  }

  /** Everything that was believed under the former issuers or deny list is looked at again. */
  #installTrust(
    { merchantLimits, sealingKey }: Pick<KioskTrust, 'merchantLimits' | 'sealingKey'>,
    install: (atSeconds: number) => EnrolledKiosk,
  ): TrustInstalled {
    try {
      this.store.write(() => {
        const before = this.store.memory.kiosk?.trust ?? null;
        const kiosk = install(this.store.now().seconds);
        this.store.setKiosk(kiosk);
        // A suspended till is given none.
        if (this.store.memory.isSuspended) this.store.setSuspended(false);
        if (before !== null && kiosk.trust.issuedAt < before.issuedAt) this.#goBackTo(kiosk.trust.issuedAt);
        this.store.raiseMark(Math.max(kiosk.trust.issuedAt, kiosk.certificate.notBefore));
        this.#endIfStopped();
      });
    } catch (error) {
      if (!(error instanceof TrustRefused)) throw error;
      // Settling must not wait until bundles fit again: the key stands for itself, and is held against the bundle in force.
      const refused = this.#takeSealingKey(sealingKey ?? null);
      return { ok: false, code: error.code, ...(refused === null ? {} : { sealing: refused }) };
    }
    this.#payments.forgetCertificates();
    const sealing = this.#takeSealingKey(sealingKey ?? null);
    const limits = this.#takeLimits(merchantLimits ?? null);
    return { ok: true, limits, ...(sealing === null ? {} : { sealing }) };
  }

  /** After the bundle, as the limits below. @returns why it was not taken */
  #takeSealingKey(text: string | null): RefusalCode | null {
    const { kiosk, sealingKey: known } = this.store.memory;
    if (text === null || kiosk === null) return null;
    return this.store.write(() => {
      const wallSeconds = Math.floor(this.store.clock.wallMs() / 1000);
      const taken = this.store.sealingKeys.take(text, { kiosk, known, wallSeconds });
      if (!taken.ok) return taken.code;
      this.store.setSealingKey(taken.value);
      return null;
    });
  }

  #sealingNow(): SealingNow {
    const { sealingKey, kiosk, cursor } = this.store.memory;
    if (sealingKey === null) return { key: null, isDue: false };
    const signedSeconds = Math.max(kiosk?.trust.issuedAt ?? 0, cursor.lastContactAt ?? 0);
    const hasEnded = sealingKeyHasEnded(sealingKey, signedSeconds);
    const { publicKey, keyId, notAfter } = sealingKey;
    const isDue = hasEnded || this.store.now().seconds >= notAfter;
    return { key: hasEnded ? null : { publicKey, keyId }, isDue };
  }

  /**
   * After the bundle, in a transaction of their own: a deny list waits for no merchant. Journalled when they say something else than
   * those in force. @returns why they were not taken
   */
  #takeLimits(text: string | null): RefusalCode | null {
    const { kiosk, cloudLimits: known, standing } = this.store.memory;
    if (text === null || kiosk === null) return null;
    return this.store.write(() => {
      const wallSeconds = Math.floor(this.store.clock.wallMs() / 1000);
      const taken = this.store.merchantLimits.take(text, { kiosk, known, wallSeconds });
      if (!taken.ok) return taken.code;
      if (taken.value === known) return null;
      this.store.setCloudLimits(taken.value);
      const { limits } = taken.value;
      // A journal in doubt takes no entry; the limits hold all the same.
      if (!isSame(limits, known?.limits ?? {}) && standing.doubt === null) {
        const body = encodePolicyChangeBody({ owner: 'merchantByCloud', limits });
        this.store.append('policyChange', this.store.now().seconds, body);
      }
      return null;
    });
  }
}
