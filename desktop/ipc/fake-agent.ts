/**
 * An agent in memory with the contract of the real one: for work on the screens and for their tests. It holds no money
 * and keeps nothing; the production build never imports it.
 */
import type { AgentState, Payment } from './agent-contract.ts';
import type { AgentHandlers } from './agent-handlers.ts';
import { IpcError } from './errors.ts';
import { FakeCounter } from './fake-counter.ts';
import { FakeRefunds } from './fake-refunds.ts';
import { FakeManager } from './fake-manager.ts';
import { FakeRadio, fakeRadio } from './fake-radio.ts';

export const FAKE_SCENARIOS = [
  'starting',
  'not_enrolled',
  'merchant_signed_in',
  'ready',
  'fresh',
  'connecting',
  'offline_pending',
  'settling',
  'settle_refused',
  'waiting',
  'refused',
  'expired',
  'paid',
  'paid_offline',
  'quarantined',
  'clock_wrong',
  'overridable',
  'kiosk_denied',
  'kiosk_suspended',
  'suspended_mid_sale',
  'several',
  'several_front',
  'radio_up',
  'long',
] as const;
export type FakeScenario = (typeof FAKE_SCENARIOS)[number];

export interface FakeAgentOptions {
  scenario: FakeScenario;
  currency?: string;
  now?: () => number;
  /** How long the pretended cloud takes to answer. */
  cloudDelayMs?: number;
}

const MERCHANT = {
  id: '018f3a52-7d1c-7b4e-9a53-0f4d1e2b3c4d',
  role: 'merchant' as const,
  phone: '+6281234567890',
  username: 'ibu.sari',
  currency: 'IDR',
  merchant: {
    id: '018f3a52-7d1c-7b4e-9a53-0f4d1e2b3c4e',
    businessName: 'Warung Sari',
    teamRole: 'owner' as const,
  },
};
/** Names of 60 characters, as wide as the 32 wide letters that one may have; and an amount of twelve digits. */
const LONG = {
  businessName: 'Rumah Makan Padang Sederhana Bersaudara Simpang Raya Bandung',
  kioskName: 'Kasir kedua di lantai dasar dekat pintu timur parkiran motor',
  amountMinor: '999999999999',
} as const;
const QR_ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
/** A tenth of a day's sales in the middle of an ordinary currency, in its minor units. */
const AMOUNTS = ['1500000', '850000', '4275000', '220000', '999900', '12500000', '350000'];
/** What the `several` scenarios have on the counter, oldest first. */
const SEVERAL = ['4275000', '850000', '1500000', '12500000'];

export class FakeAgent {
  #state: AgentState;
  #payments: Payment[];
  #kiosks: Awaited<ReturnType<AgentHandlers['kiosks.list']>>['items'] = [];
  readonly #listeners = new Set<(state: AgentState) => void>();
  readonly #options: Required<FakeAgentOptions>;
  readonly refunds = new FakeRefunds({
    now: () => this.#options.now(),
    state: () => this.#state,
    set: (change) => this.set(change),
    payments: () => this.#payments,
    replacePayment: (changed) => {
      this.#payments = this.#payments.map((one) => (one.paymentHash === changed.paymentHash ? changed : one));
    },
    provePin: (pin) => this.#manager.prove(pin),
    qrText: fakeQrText,
  });

  constructor(options: FakeAgentOptions) {
    this.#options = { currency: 'IDR', now: () => Date.now(), cloudDelayMs: 300, ...options };
    const offline = ['offline_pending', 'paid_offline', 'settle_refused', 'long'].includes(options.scenario);
    this.#payments = options.scenario === 'fresh' ? [] : this.#makePayments(offline);
    this.#state = this.#makeState(offline);
    if (options.scenario.startsWith('several')) this.#stageSeveral();
    if (
      [
        ...['waiting', 'suspended_mid_sale', 'refused', 'overridable', 'expired', 'paid', 'paid_offline'],
        'long',
      ].includes(options.scenario)
    )
      this.#stageSale();
  }

  get state(): AgentState {
    return this.#withRemaining(this.#state);
  }

  onState(listener: (state: AgentState) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Changes anything, as a test or a hand at the controls wishes. */
  set(change: Partial<AgentState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of [...this.#listeners]) listener(this.state);
  }

  hearOfCloud(state: AgentState['cloud']['state']): void {
    this.set({ cloud: { ...this.#state.cloud, state, since: this.#at(0) } });
  }

  /** A customer pays: the sale in front unless another is named. */
  pay(tier?: Payment['tier'], saleId?: string): void {
    this.#counter.pay(tier, saleId);
  }

  /** An attempt is refused; where a manager may decide, with what would be set aside. */
  refuse(code: string, overridable: readonly string[] = [], saleId?: string): void {
    this.#counter.refuse(code, overridable, saleId);
  }

  expire(saleId?: string): void {
    this.#counter.expire(saleId);
  }

  /** The merchant suspends the till while a customer is being asked. */
  suspend(): void {
    this.#counter.stop('kiosk_suspended');
    this.refunds.stop();
    this.set({ problems: ['kiosk_suspended'] });
  }

  readonly #counter = new FakeCounter({
    now: () => this.#options.now(),
    currency: () => this.#options.currency,
    state: () => this.state,
    set: (change) => this.set(change),
    take: (amountMinor, tier) => this.#take(amountMinor, tier),
    qrText: fakeQrText,
    provePin: (pin) => this.#manager.prove(pin),
  });

  readonly #manager = new FakeManager({
    state: () => this.state,
    set: (change) => this.set(change),
    letThrough: () => {
      this.pay('at_risk');
      return this.#counter.current().payment?.paymentHash ?? '';
    },
  });

  readonly #radio = new FakeRadio({ state: () => this.state, set: (change) => this.set(change) });

  readonly handlers: AgentHandlers = {
    ...this.#manager.handlers,
    ...this.#radio.handlers,
    'agent.state': async () => this.state,
    'cloud.standIns': () =>
      this.#cloud(() => ({ stripe: true, twilio: true, smsInboxUrl: 'http://127.0.0.1:8080/stand-ins/sms' })),
    'merchant.register': (params) => this.#cloud(() => this.#registration(params.phone)),
    'merchant.resend': () => this.#cloud(() => this.#registration(MERCHANT.phone)),
    'merchant.verify': ({ code }) =>
      this.#cloud(() => {
        if (code === '000000') throw new IpcError('otp_incorrect');
        return this.#signIn();
      }),
    'merchant.signIn': ({ password }) =>
      this.#cloud(() => {
        if (password === 'wrong') throw new IpcError('credentials_incorrect');
        return this.#signIn();
      }),
    'merchant.signOut': async () => {
      this.set({ merchant: null });
      return {};
    },
    'merchant.summary': () =>
      this.#cloud(() => {
        if (this.#state.merchant === null) throw new IpcError('not_signed_in');
        const { id, businessName } = MERCHANT.merchant;
        return {
          merchantId: id,
          businessName,
          currency: this.#options.currency,
          availableMinor: '184250000',
          settledTodayMinor: '20694900',
          settledTodayCount: 7,
          waitingRefundsMinor: '0',
        };
      }),
    'kiosks.list': () => this.#cloud(() => ({ items: this.#kiosks })),
    'kiosks.create': ({ name }) =>
      this.#cloud(() => {
        const kiosk = this.#makeKiosk(name, '018f3a52-7d1c-7b4e-9a53-0f4d1e2b3c60', true);
        this.#kiosks = [kiosk, ...this.#kiosks];
        return kiosk;
      }),
    'kiosks.newCode': ({ kioskId }) => this.#cloud(() => this.#makeKiosk('Counter 2', kioskId, true)),
    'kiosk.enrol': ({ code }) =>
      this.#cloud(() => {
        if (code.startsWith('XXXX')) throw new IpcError('enrolment_code_incorrect');
        this.set({ phase: 'ready', kiosk: this.#kiosk() });
        return this.state;
      }),
    ...this.#counter.handlers,
    ...this.refunds.handlers,
    'payment.receipt': async ({ paymentHash }) => ({
      qrText: this.#payments.some((payment) => payment.paymentHash === paymentHash)
        ? fakeQrText(300, 'TIKI1:C:')
        : null,
    }),
    'activity.list': async ({ cursor, limit }) => {
      const from = cursor === null ? 0 : Number(cursor);
      const next = from + limit;
      return {
        items: this.#payments.slice(from, next),
        nextCursor: next < this.#payments.length ? String(next) : null,
      };
    },
    'settlement.now': async () => {
      if (this.#state.cloud.state !== 'online') throw new IpcError('cloud_unreachable');
      return {};
    },
  };

  async #cloud<T>(answer: () => T): Promise<T> {
    await new Promise((resolve) => setTimeout(resolve, this.#options.cloudDelayMs));
    if (this.#state.cloud.state === 'offline')
      throw new IpcError('cloud_unreachable', { retryAfterMs: 5_000 });
    return answer();
  }

  #signIn(): { user: typeof MERCHANT; sessionExpiresAt: string } {
    const merchant = { user: MERCHANT, sessionExpiresAt: this.#at(6 * 3_600_000) };
    this.set({ merchant });
    return merchant;
  }

  #registration(phone: string): {
    registrationId: string;
    phone: string;
    expiresAt: string;
    resendAfterMs: number;
  } {
    const normal = phone.startsWith('+') ? phone.replaceAll(/[^+0-9]/g, '') : MERCHANT.phone;
    return {
      registrationId: '018f3a52-7d1c-7b4e-9a53-0f4d1e2b3c70',
      phone: normal,
      expiresAt: this.#at(600_000),
      resendAfterMs: 30_000,
    };
  }

  #makeKiosk(
    name: string,
    id: string,
    withCode: boolean,
  ): Awaited<ReturnType<AgentHandlers['kiosks.create']>> {
    const enrolment = withCode ? { code: 'K7QM-3XTR', expiresAt: this.#at(900_000) } : null;
    const status = withCode ? ('awaiting_enrolment' as const) : ('active' as const);
    return {
      id,
      name,
      status,
      createdAt: this.#at(-86_400_000 * 12),
      lastContactAt: withCode ? null : this.#at(-42_000),
      settledSequence: withCode ? 0 : 128,
      lastSettledAt: withCode ? null : this.#at(-42_000),
      quarantinedAt: null,
      suspendedAt: null,
      enrolment,
    };
  }

  #take(amountMinor: string, tier: Payment['tier'] | undefined): Payment {
    const pending = this.#state.cloud.state !== 'online';
    const made = this.#makePayment(amountMinor, (this.#payments[0]?.sequence ?? 0) + 1, 0, pending);
    const payment = tier === undefined ? made : { ...made, tier };
    this.#payments = [payment, ...this.#payments];
    const { settlement, today } = this.#state;
    this.set({
      settlement: { ...settlement, ...this.#pendingTotals() },
      today: { ...today, count: today.count + 1, sumMinor: add(today.sumMinor, amountMinor) },
    });
    return payment;
  }

  /** One paid, one that needs a manager, two that wait; the keypad in front, or the one that waits longest. */
  #stageSeveral(): void {
    const ids = SEVERAL.map((amountMinor, index) => {
      const saleId = `0b9a4a35-5b7f-4f0e-8d34-1f3a6f0e7a2${index}`;
      this.#counter.open(saleId, amountMinor);
      return saleId;
    });
    this.pay(undefined, ids[1]);
    this.refuse('first_payment_exceeds_limit', ['first_payment_exceeds_limit'], ids[2]);
    const front = this.#options.scenario === 'several_front' ? (ids[0] ?? null) : null;
    void this.#counter.handlers['sale.front']({ saleId: front });
  }

  #stageSale(): void {
    const { scenario } = this.#options;
    const isLong = scenario === 'long';
    // The sale after this one is at risk, of a phone whose number was checked and that needs the internet soon.
    if (isLong) this.#payments = [this.#makePayment(LONG.amountMinor, 139, -60_000, true), ...this.#payments];
    this.#counter.open('0b9a4a35-5b7f-4f0e-8d34-1f3a6f0e7a11', isLong ? LONG.amountMinor : '4275000');
    if (scenario === 'refused') this.refuse('payment_exceeds_allowance');
    if (scenario === 'overridable')
      this.refuse('trust_bundle_too_old', ['trust_bundle_too_old', 'first_payment_exceeds_limit']);
    if (scenario === 'expired') this.expire();
    if (scenario === 'suspended_mid_sale') this.suspend();
    if (scenario === 'paid' || scenario === 'paid_offline' || isLong) this.pay();
  }

  #withRemaining(given: AgentState): AgentState {
    return this.#counter.withRemaining({ ...given, refund: this.refunds.withRemaining(given.refund) });
  }

  #makeState(offline: boolean): AgentState {
    const { scenario } = this.#options;
    const settling = scenario === 'settling';
    const isSeveral = scenario.startsWith('several');
    const hasManager = scenario === 'overridable' || isSeveral;
    const enrolled = !['not_enrolled', 'merchant_signed_in', 'starting'].includes(scenario);
    const phase =
      scenario === 'quarantined'
        ? 'quarantined'
        : scenario === 'starting'
          ? 'starting'
          : enrolled
            ? 'ready'
            : 'not_enrolled';
    const merchant =
      scenario === 'merchant_signed_in'
        ? { user: MERCHANT, sessionExpiresAt: this.#at(6 * 3_600_000) }
        : null;
    if (enrolled)
      this.#kiosks = [this.#makeKiosk('Counter 1', '018f3a52-7d1c-7b4e-9a53-0f4d1e2b3c51', false)];
    const total = this.#payments.reduce((sum, payment) => add(sum, payment.amountMinor), '0');
    return {
      phase,
      problems:
        scenario === 'clock_wrong'
          ? ['clock_behind_trusted_time']
          : scenario === 'kiosk_denied' || scenario === 'kiosk_suspended'
            ? [scenario]
            : [],
      version: '0.1.0',
      apiUrl: 'http://127.0.0.1:8080',
      kiosk: enrolled ? this.#kiosk() : null,
      merchant,
      cloud: {
        state: offline ? 'offline' : scenario === 'connecting' ? 'connecting' : 'online',
        since: this.#at(-840_000),
        lastContactAt: this.#at(offline ? -840_000 : -4_000),
      },
      settlement: {
        state: settling
          ? 'settling'
          : scenario === 'settle_refused'
            ? 'refused'
            : offline
              ? 'waiting'
              : 'idle',
        ...this.#pendingTotals(),
        progress: settling ? { done: 148, total: 260 } : null,
        nextAttemptAt: offline ? this.#at(45_000) : null,
        lastSettledAt: this.#payments.length === 0 ? null : this.#at(-840_000),
        lastErrorCode:
          scenario === 'settle_refused' ? 'batch_chain_broken' : offline ? 'cloud_unreachable' : null,
      },
      today: { count: this.#payments.length, sumMinor: total, refundedMinor: '0' },
      limits: {
        ...{ perPaymentMinor: '20000000', storedSumMinor: '500000000', storedCount: 2000 },
        withManagerMinor: hasManager ? '20000000' : null,
      },
      managerPin: { state: hasManager ? 'set' : 'none', retryAfterMs: 0 },
      trust: enrolled
        ? {
            issuedAt: this.#at(-3 * 3_600_000),
            level: offline ? 'half' : 'full',
            nextLevelAt: this.#at(21 * 3_600_000),
          }
        : null,
      radio: scenario === 'radio_up' ? fakeRadio('up', ['Galaxy-A14']) : fakeRadio('no_p2p_radio'),
      addresses: ['http://192.168.49.1:7070'],
      sale: null,
      sales: [],
      till: { mostOpen: isSeveral ? 4 : 1 },
      refund: null,
    };
  }

  #kiosk(): NonNullable<AgentState['kiosk']> {
    const isLong = this.#options.scenario === 'long';
    return {
      id: '018f3a52-7d1c-7b4e-9a53-0f4d1e2b3c51',
      name: isLong ? LONG.kioskName : 'Counter 1',
      merchantName: isLong ? LONG.businessName : MERCHANT.merchant.businessName,
      merchantPhone: MERCHANT.phone,
      currency: this.#options.currency,
      certificateNotAfter: this.#at(86_400_000 * 74),
    };
  }

  #pendingTotals(): { pendingCount: number; pendingMinor: string } {
    const pending = this.#payments.filter(
      (payment) => payment.settlement === 'on_this_device' || payment.settlement === 'sent',
    );
    return {
      pendingCount: pending.length,
      pendingMinor: pending.reduce((sum, payment) => add(sum, payment.amountMinor), '0'),
    };
  }

  #makePayments(offline: boolean): Payment[] {
    const states: Payment['settlement'][] = [
      'settled',
      'settled',
      'settled_by_guarantee',
      'settled',
      'disputed',
      'settled',
      'refused',
    ];
    return Array.from({ length: 64 }, (_unused, index) => {
      const amount = AMOUNTS[index % AMOUNTS.length] ?? '100000';
      const pending = offline && index < 3;
      const payment = this.#makePayment(amount, 128 - index, -index * 11 * 60_000 - 45_000, pending);
      const settlement = pending ? payment.settlement : (states[index % states.length] ?? 'settled');
      return {
        ...payment,
        settlement,
        refusalCode: settlement === 'refused' ? 'payment_chain_broken' : null,
      };
    });
  }

  #makePayment(amountMinor: string, sequence: number, offsetMs: number, pending: boolean): Payment {
    return {
      paymentHash: `${(sequence * 2_654_435_761).toString(16)}`.padStart(16, '0').repeat(4).slice(0, 64),
      requestId: `r${sequence}`,
      amountMinor,
      currency: this.#options.currency,
      maskedPhone: `+62 •••• ${4000 + sequence * 7}`,
      tier: sequence % 5 === 0 ? 'at_risk' : sequence % 3 === 0 ? 'reserved' : 'locked',
      sequence,
      acceptedAt: this.#at(offsetMs),
      settlement: pending ? 'on_this_device' : 'settled',
      settledAt: pending ? null : this.#at(offsetMs + 2_000),
      refusalCode: null,
      refundedMinor: '0',
      needsInternetSoon: sequence % 7 === 0,
      phoneChecked: sequence % 4 === 0,
    };
  }

  #at(offsetMs: number): string {
    return new Date(this.#options.now() + offsetMs).toISOString();
  }
}

/** As long and as alphanumeric as a signed request in base45, and the same every time. */
export function fakeQrText(length: number, prefix = 'TIKI1:R:'): string {
  let text = prefix;
  for (let seed = 7; text.length < length; seed = (seed * 75 + 74) % 65_537)
    text += QR_ALPHABET[seed % QR_ALPHABET.length] ?? '0';
  return text;
}

function add(left: string, right: string): string {
  return (BigInt(left) + BigInt(right)).toString();
}
