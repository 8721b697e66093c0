/** The manager's half of the fake agent: a PIN of 135790, limits in memory, and a refused payment let through. */
import { type AgentState, LIMIT_NAMES, type LimitLine, type LimitName } from './agent-contract.ts';
import type { AgentHandlers } from './agent-handlers.ts';
import { IpcError } from './errors.ts';

export const FAKE_PIN = '135790';
const FREE_TRIES = 5;

interface FakeTill {
  readonly state: () => AgentState;
  readonly set: (change: Partial<AgentState>) => void;
  /** @returns the payment's hash. */
  readonly letThrough: () => string;
}

const ISSUER: Readonly<Record<LimitName, string>> = {
  perPaymentMinor: '20000000',
  storedSumMinor: '500000000',
  perAllowanceMinor: '50000000',
  firstPaymentMinor: '10000000',
  newStandingMinor: '8000000',
  splitSumMinor: '20000000',
  hourSumMinor: '30000000',
  daySumMinor: '50000000',
  storedCount: '2000',
  maxOfflineSeconds: '1209600',
  splitCount: '3',
  hourCount: '10',
  dayCount: '20',
};

export class FakeManager {
  readonly #till: FakeTill;
  readonly #limits = {
    merchant: new Map<string, string>(),
    kiosk: new Map<string, string>(),
    cloud: new Map<string, string>([['daySumMinor', '40000000']]),
  };
  #pin = FAKE_PIN;
  #failures = 0;

  constructor(till: FakeTill) {
    this.#till = till;
  }

  readonly handlers: Pick<
    AgentHandlers,
    'manager.setPin' | 'limits.get' | 'limits.set' | 'merchant.setLimits' | 'sale.override'
  > = {
    'manager.setPin': async ({ newPin, proof }) => {
      if (new Set(newPin).size === 1) throw new IpcError('manager_pin_weak');
      if (proof.kind === 'pin') this.prove(proof.pin);
      else if (this.#till.state().cloud.state !== 'online') throw new IpcError('cloud_unreachable');
      else if (proof.password === 'wrong') throw new IpcError('credentials_incorrect');
      this.#pin = newPin;
      this.#failures = 0;
      this.#stand('set');
      const { limits } = this.#till.state();
      this.#till.set({ limits: { ...limits, withManagerMinor: ISSUER.perPaymentMinor } });
      return {};
    },
    'limits.get': async () => ({ lines: this.#lines() }),
    'limits.set': async ({ owner, limits, pin }) => {
      const own = this.#limits[owner];
      const isRaised = [...own].some(([name, value]) => {
        const wanted = limits[name as LimitName];
        return wanted === undefined || BigInt(wanted) > BigInt(value);
      });
      if (pin !== undefined) this.prove(pin);
      else if (isRaised) throw new IpcError('manager_pin_needed');
      own.clear();
      for (const [name, value] of Object.entries(limits)) own.set(name, value);
      return { lines: this.#lines() };
    },
    'merchant.setLimits': async ({ limits }) => {
      const { merchant, cloud } = this.#till.state();
      if (merchant === null) throw new IpcError('not_signed_in');
      if (cloud.state !== 'online') throw new IpcError('cloud_unreachable');
      this.#limits.cloud.clear();
      for (const [name, value] of Object.entries(limits)) this.#limits.cloud.set(name, value);
      return { lines: this.#lines() };
    },
    'sale.override': async ({ pin }) => {
      this.prove(pin);
      return { outcome: 'accepted', paymentHash: this.#till.letThrough() };
    },
  };

  /** @throws IpcError */
  prove(pin: string): void {
    const { managerPin } = this.#till.state();
    if (managerPin.state === 'none') throw new IpcError('manager_pin_not_set');
    if (managerPin.state === 'locked') throw new IpcError('manager_pin_locked');
    if (pin === this.#pin) {
      this.#failures = 0;
      return this.#stand('set');
    }
    this.#failures += 1;
    this.#stand(this.#failures >= FREE_TRIES ? 'locked' : 'set');
    throw new IpcError('manager_pin_wrong');
  }

  #stand(state: AgentState['managerPin']['state']): void {
    this.#till.set({ managerPin: { state, retryAfterMs: 0 } });
  }

  #lines(): LimitLine[] {
    return LIMIT_NAMES.map((name) => {
      const issuer = ISSUER[name];
      const merchant = this.#limits.merchant.get(name) ?? null;
      const kiosk = this.#limits.kiosk.get(name) ?? null;
      const cloud = this.#limits.cloud.get(name) ?? null;
      const counts = [issuer, merchant, kiosk, cloud]
        .filter((value) => value !== null)
        .reduce((low, value) => (BigInt(value) < BigInt(low) ? value : low));
      const windowSeconds = name.startsWith('split') ? 600 : null;
      return { name, issuer, merchant, kiosk, cloud, counts, windowSeconds };
    });
  }
}
