/** The fake agent's sales: one, or several side by side, with the one in front. Holds no money and keeps nothing. */
import type { AgentState, Payment, Sale } from './agent-contract.ts';
import type { AgentHandlers } from './agent-handlers.ts';
import { IpcError } from './errors.ts';

interface FakeShop {
  readonly now: () => number;
  readonly currency: () => string;
  readonly state: () => AgentState;
  readonly set: (change: Partial<AgentState>) => void;
  /** Makes the payment of a sale and counts it. */
  readonly take: (amountMinor: string, tier: Payment['tier'] | undefined) => Payment;
  readonly qrText: (length: number) => string;
  readonly provePin: (pin: string) => void;
}

type SaleHandlers = Pick<
  AgentHandlers,
  'sale.open' | 'sale.cancel' | 'sale.front' | 'sale.putAway' | 'till.setMostOpen' | 'delivery.submit'
>;

const SALE_LIFETIME_MS = 120_000;
/** The same ones in every run, told apart at a glance. */
const DIGITS = ['4821', '0937', '5516', '7204', '1189', '6350', '8842', '2673'];

export class FakeCounter {
  readonly #shop: FakeShop;
  readonly #deadlines = new Map<string, number>();
  #sales: readonly Sale[] = [];
  #frontId: string | null = null;
  #opened = 0;

  constructor(shop: FakeShop) {
    this.#shop = shop;
  }

  /** The state as it is at this moment: seconds have passed since it was set. */
  withRemaining(state: AgentState): AgentState {
    const leftOf = ({ saleId }: Sale) => Math.max(0, (this.#deadlines.get(saleId) ?? 0) - this.#shop.now());
    const sales = this.#sales.map((sale) =>
      sale.state === 'open' ? { ...sale, remainingMs: leftOf(sale) } : sale,
    );
    return { ...state, sales, sale: sales.find(({ saleId }) => saleId === this.#frontId) ?? null };
  }

  /** A customer pays: the sale in front unless another is named. */
  pay(tier?: Payment['tier'], saleId = this.#frontId): void {
    const sale = this.#find(saleId);
    if (sale?.state !== 'open') return;
    const payment = this.#shop.take(sale.amountMinor, tier);
    this.#put({ ...sale, state: 'paid', paidCode: '730415', payment, remainingMs: 0 });
  }

  /** An attempt is refused; where a manager may decide, with what would be set aside. */
  refuse(code: string, overridable: readonly string[] = [], saleId = this.#frontId): void {
    const sale = this.#find(saleId);
    if (sale === undefined) return;
    const attempts = (sale.lastRefusal?.attempts ?? 0) + 1;
    const override =
      overridable.length === 0
        ? null
        : { paymentHash: 'ab'.repeat(32), maskedPhone: '+62 •••• 4147', codes: [...overridable] };
    const at = new Date(this.#shop.now()).toISOString();
    this.#put({ ...sale, lastRefusal: { code, at, attempts, override } });
  }

  expire(saleId = this.#frontId): void {
    const sale = this.#find(saleId);
    if (sale !== undefined) this.#put({ ...sale, state: 'expired', remainingMs: 0 });
  }

  /** The till may not sell any more: the sale in front is over. */
  stop(code: string): void {
    this.refuse(code);
    const sale = this.#find(this.#frontId);
    if (sale !== undefined) this.#put({ ...sale, state: 'cancelled', remainingMs: 0 });
  }

  /** @throws IpcError */
  current(): Sale {
    const sale = this.#find(this.#frontId);
    if (sale === undefined) throw new IpcError('sale_not_found');
    return sale;
  }

  open(saleId: string, amountMinor: string, checksPhone = false): Sale {
    const { mostOpen } = this.#shop.state().till;
    const sale: Sale = {
      saleId,
      requestId: `f4b19c02a${this.#opened}`,
      amountMinor,
      currency: this.#shop.currency(),
      state: 'open',
      qrText: this.#shop.qrText(650),
      shortCode: DIGITS[this.#opened % DIGITS.length] ?? '4821',
      paidCode: null,
      openedAt: new Date(this.#shop.now()).toISOString(),
      remainingMs: SALE_LIFETIME_MS,
      lastRefusal: null,
      checksPhone,
      wasScanned: false,
      payment: null,
    };
    this.#opened += 1;
    this.#deadlines.set(saleId, this.#shop.now() + SALE_LIFETIME_MS);
    if (mostOpen === 1) this.#sales = this.#sales.filter(({ state }) => state === 'open');
    this.#frontId = saleId;
    this.#put(sale);
    return sale;
  }

  readonly handlers: SaleHandlers = {
    'sale.open': async ({ saleId, amountMinor, payerPhone }) => {
      const { limits, till } = this.#shop.state();
      const { perPaymentMinor, withManagerMinor } = limits;
      if (BigInt(amountMinor) > BigInt(withManagerMinor ?? perPaymentMinor))
        throw new IpcError('amount_exceeds_payment_limit');
      if (till.mostOpen > 1 && this.#sales.filter(({ state }) => state === 'open').length >= till.mostOpen)
        throw new IpcError('too_many_open_sales');
      return this.open(saleId, amountMinor, payerPhone !== undefined);
    },
    'sale.cancel': async ({ saleId }) => {
      const sale = this.#find(saleId);
      if (sale === undefined) throw new IpcError('sale_not_found');
      if (sale.state === 'paid') throw new IpcError('sale_already_paid');
      const cancelled: Sale = { ...sale, state: 'cancelled', remainingMs: 0 };
      if (this.#shop.state().till.mostOpen > 1) this.#takeOff(saleId);
      else this.#put(cancelled);
      return cancelled;
    },
    'sale.front': async ({ saleId }) => {
      this.#frontId = saleId;
      this.#shop.set({});
      return {};
    },
    'sale.putAway': async ({ saleId }) => {
      if (this.#shop.state().till.mostOpen > 1) this.#takeOff(saleId);
      return {};
    },
    'till.setMostOpen': async ({ mostOpen, pin }) => {
      if (pin !== undefined) this.#shop.provePin(pin);
      else if (mostOpen > this.#shop.state().till.mostOpen) throw new IpcError('manager_pin_needed');
      this.#shop.set({ till: { mostOpen } });
      return {};
    },
    'delivery.submit': async ({ text }) => {
      const sale = this.#find(this.#frontId);
      const isPayment = text.startsWith('TIKI1:P:');
      const code = !isPayment ? 'message_malformed' : sale?.state === 'open' ? null : 'request_not_open';
      if (sale === undefined || code !== null) {
        this.refuse(code ?? 'request_not_open');
        return { outcome: 'refused', code: code ?? 'request_not_open' };
      }
      this.#put({ ...sale, wasScanned: true });
      this.pay();
      return { outcome: 'accepted', paymentHash: this.current().payment?.paymentHash ?? '' };
    },
  };

  #find(saleId: string | null): Sale | undefined {
    return this.#sales.find((sale) => sale.saleId === saleId);
  }

  #put(sale: Sale): void {
    const isKnown = this.#find(sale.saleId) !== undefined;
    this.#sales = isKnown
      ? this.#sales.map((one) => (one.saleId === sale.saleId ? sale : one))
      : [...this.#sales, sale];
    this.#shop.set({});
  }

  #takeOff(saleId: string): void {
    this.#sales = this.#sales.filter((sale) => sale.saleId !== saleId);
    if (this.#frontId === saleId) this.#frontId = null;
    this.#shop.set({});
  }
}
