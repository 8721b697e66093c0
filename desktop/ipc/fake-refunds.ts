/** The refunds' half of the fake agent: offers in memory, given back when a hand at the controls says so. */
import type { AgentState, GivenBack, Payment, Refund } from './agent-contract.ts';
import type { AgentHandlers } from './agent-handlers.ts';
import { IpcError } from './errors.ts';

const OFFER_LIFETIME_MS = 300_000;

interface FakeTill {
  readonly now: () => number;
  readonly state: () => AgentState;
  readonly set: (change: Partial<AgentState>) => void;
  readonly payments: () => readonly Payment[];
  readonly replacePayment: (payment: Payment) => void;
  /** @throws IpcError */
  readonly provePin: (pin: string) => void;
  readonly qrText: (length: number, prefix: string) => string;
}

type RefundCall = 'refund.open' | 'refund.cancel' | 'refund.submit' | 'refund.list' | 'refund.receipt';

export class FakeRefunds {
  readonly #till: FakeTill;
  readonly #given = new Map<string, GivenBack[]>();
  #deadline = 0;

  constructor(till: FakeTill) {
    this.#till = till;
  }

  readonly handlers: Pick<AgentHandlers, RefundCall> = {
    'refund.open': async ({ refundId, sequence, kind, amountMinor, reason, pin }) => {
      if (pin !== undefined) this.#till.provePin(pin);
      else if (this.#till.state().managerPin.state !== 'none') throw new IpcError('manager_pin_needed');
      const sale = this.#till.payments().find((payment) => payment.sequence === sequence);
      if (sale === undefined) throw new IpcError('sale_not_found');
      if (sale.settlement === 'refused' || sale.settlement === 'disputed')
        return { outcome: 'refused', code: 'refund_of_unpaid_sale' };
      if (BigInt(amountMinor) + BigInt(sale.refundedMinor) > BigInt(sale.amountMinor))
        return { outcome: 'refused', code: 'refund_exceeds_sale' };
      this.#deadline = this.#till.now() + OFFER_LIFETIME_MS;
      const { paymentHash, currency, maskedPhone, refundedMinor } = sale;
      const refund: Refund = {
        ...{ refundId, paymentHash, currency, maskedPhone, kind, amountMinor, reason, refundedMinor },
        saleSequence: sequence,
        saleMinor: sale.amountMinor,
        state: 'open',
        qrText: this.#till.qrText(640, 'TIKI1:B:'),
        remainingMs: OFFER_LIFETIME_MS,
        lastRefusal: null,
        refund: null,
        receiptQrText: null,
      };
      this.#till.set({ refund });
      return { outcome: 'offered', refund };
    },
    'refund.cancel': async () => {
      const refund = this.#current();
      if (refund.state === 'open')
        this.#till.set({ refund: { ...refund, state: 'cancelled', remainingMs: 0 } });
      return this.#current();
    },
    'refund.submit': async ({ text }) => {
      if (!text.startsWith('TIKI1:A:')) {
        this.refuse('message_malformed');
        return { outcome: 'refused', code: 'message_malformed' };
      }
      this.giveBack();
      return { outcome: 'accepted', refundId: this.#current().refundId };
    },
    'refund.list': async ({ paymentHash }) => ({ items: this.#given.get(paymentHash) ?? [] }),
    'refund.receipt': async () => ({ qrText: this.#till.qrText(270, 'TIKI1:D:') }),
  };

  /** The customer's phone confirms the open offer. */
  giveBack(): void {
    const offer = this.#till.state().refund;
    if (offer === null || offer.state !== 'open') return;
    const refundedMinor = (BigInt(offer.refundedMinor) + BigInt(offer.amountMinor)).toString();
    const isOnline = this.#till.state().cloud.state === 'online';
    const { refundId, kind, reason, amountMinor, paymentHash } = offer;
    const refund: GivenBack = {
      ...{ refundId, kind, reason, amountMinor, refundedMinor },
      sequence: Math.max(0, ...this.#till.payments().map(({ sequence }) => sequence)) + 1,
      givenBackAt: this.#at(0),
      settlement: isOnline ? 'waiting' : 'on_this_device',
      settledAt: null,
      refusalCode: null,
    };
    this.#given.set(paymentHash, [...(this.#given.get(paymentHash) ?? []), refund]);
    const sale = this.#till.payments().find((payment) => payment.paymentHash === paymentHash);
    if (sale !== undefined) this.#till.replacePayment({ ...sale, refundedMinor });
    const receiptQrText = this.#till.qrText(270, 'TIKI1:D:');
    const { today } = this.#till.state();
    this.#till.set({
      today: {
        ...today,
        refundedMinor: (BigInt(today.refundedMinor) + BigInt(offer.amountMinor)).toString(),
      },
      refund: { ...offer, state: 'given_back', remainingMs: 0, refundedMinor, refund, receiptQrText },
    });
  }

  /** The cloud has paid out everything that was given back. */
  settle(): void {
    const settledAt = this.#at(0);
    for (const [paymentHash, parts] of this.#given)
      this.#given.set(
        paymentHash,
        parts.map((part) => ({ ...part, settlement: 'settled', settledAt })),
      );
    const { settlement } = this.#till.state();
    this.#till.set({ settlement: { ...settlement, lastSettledAt: settledAt } });
  }

  refuse(code: string): void {
    const { refund } = this.#till.state();
    if (refund === null) return;
    const attempts = (refund.lastRefusal?.attempts ?? 0) + 1;
    this.#till.set({ refund: { ...refund, lastRefusal: { code, at: this.#at(0), attempts } } });
  }

  expire(): void {
    const { refund } = this.#till.state();
    if (refund !== null) this.#till.set({ refund: { ...refund, state: 'expired', remainingMs: 0 } });
  }

  /** The till is stopped: no offer stays that nobody has accepted. */
  stop(): void {
    const { refund } = this.#till.state();
    if (refund?.state === 'open')
      this.#till.set({ refund: { ...refund, state: 'cancelled', remainingMs: 0 } });
  }

  withRemaining(refund: Refund | null): Refund | null {
    if (refund === null || refund.state !== 'open') return refund;
    return { ...refund, remainingMs: Math.max(0, this.#deadline - this.#till.now()) };
  }

  #current(): Refund {
    const { refund } = this.#till.state();
    if (refund === null) throw new IpcError('call_invalid');
    return refund;
  }

  #at(offsetMs: number): string {
    return new Date(this.#till.now() + offsetMs).toISOString();
  }
}
