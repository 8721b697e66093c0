// A customer's phone in a network of its own: the wallet's own code for keys, store, trust, reading, signing and
// sending, without a page around it. IndexedDB is in memory; everything else is what the browser runs. The parent
// process is the person who holds the phone.

import 'fake-indexeddb/auto';
import process from 'node:process';
import { toHex, webCrypto, type TrustBundle } from '@tikiwallet/protocol';
import { createClock } from '../../wallet/src/clock.ts';
import { ensureDeviceKey, openDeviceKey } from '../../wallet/src/keys/device-key.ts';
import { pause, type DeliveryNeeds } from '../../wallet/src/pay/deliver.ts';
import type { LinkNeeds } from '../../wallet/src/pay/link.ts';
import {
  finishLoad,
  orderLoad,
  type LoadIntent,
  type LoadNeeds,
} from '../../wallet/src/pay/load-allowance.ts';
import { askNearby } from '../../wallet/src/pay/nearby-shops.ts';
import type { PayNeeds } from '../../wallet/src/pay/needs.ts';
import type { PaymentEvent } from '../../wallet/src/pay/payment-machine.ts';
import { paymentText } from '../../wallet/src/pay/payment-text.ts';
import { readRequest, type PaymentOffer } from '../../wallet/src/pay/read-request.ts';
import { confirmAndSend, noteLeaving, sendPayment, type RunNeeds } from '../../wallet/src/pay/run-payment.ts';
import { payOnce } from '../../wallet/src/pay/sign-payment.ts';
import { storedTrust, takeTrust } from '../../wallet/src/pay/trust.ts';
import { openWalletDatabase } from '../../wallet/src/store/database.ts';
import type { MarkerMirror } from '../../wallet/src/store/marker.ts';
import { findPaymentByRequest } from '../../wallet/src/store/records.ts';
import type { Database, Marker, Profile } from '../../wallet/src/store/schema.ts';
import { CURRENCY, CUSTOMER, WALLET_ORIGIN } from './people.ts';
import type {
  PaymentOutcome,
  WalletAnswer,
  WalletCall,
  WalletQuestion,
  WalletReply,
} from './wallet-calls.ts';

const primitives = webCrypto(crypto.subtle);
const profile: Profile = { ...CUSTOMER, role: 'customer', currency: CURRENCY, merchant: null };

class Wallet {
  readonly #database: Database;
  readonly #clock = createClock({ offsetMs: 0, newestTime: 0 });
  readonly #mirrors: readonly MarkerMirror[] = [memoryMirror(), memoryMirror()];
  #order: LoadIntent | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  async answer(question: WalletCall): Promise<WalletAnswer> {
    switch (question.call) {
      case 'trust': {
        const nowSeconds = this.#clock.nowSeconds();
        const needs = { database: this.#database, crypto: primitives, nowSeconds, wallSeconds: nowSeconds };
        await takeTrust(needs, question.view);
        return { kind: 'done' };
      }
      case 'order': {
        const order = { amountMinor: question.amountMinor, currency: CURRENCY, payee: null };
        this.#order = await orderLoad({ ...order, guard: 'open' }, await this.#loading());
        return { kind: 'ordered', devicePublicKey: this.#order.devicePublicKey };
      }
      case 'load': {
        if (this.#order === undefined) throw new Error('nothing was ordered');
        const api = { issueAllowance: () => Promise.resolve(question.allowance) };
        await finishLoad(this.#order, { ...(await this.#loading()), api });
        return { kind: 'done' };
      }
      case 'pay':
        return { kind: 'outcome', outcome: await this.#pay(question.qrText) };
      case 'pay_nearby': {
        const needs = { fetch, pause, permissionDenied };
        const texts = await askNearby([question.origin], needs, AbortSignal.timeout(10_000));
        return { kind: 'outcome', outcome: await this.#pay(texts[0] ?? '') };
      }
      case 'send_again':
        return { kind: 'outcome', outcome: await this.#sendAgain(question.paymentId) };
      case 'pay_by_code': {
        const needs = await this.#running();
        const payment = await payOnce(await this.#scan(question.qrText), needs);
        return { kind: 'code', text: await paymentText(await noteLeaving(payment, needs), needs) };
      }
      case 'payments': {
        const all = await this.#database.getAll('payments');
        const payments = all.map(({ id, state, receipt }) => ({ id, state, receipt: hexOf(receipt) }));
        return { kind: 'payments', payments };
      }
    }
  }

  async #pay(qrText: string): Promise<PaymentOutcome> {
    const offer = await this.#scan(qrText);
    return await this.#watch(async (emit, signal) => {
      await confirmAndSend(offer, await this.#running(), emit, signal);
    });
  }

  async #sendAgain(paymentId: string): Promise<PaymentOutcome> {
    const payment = await this.#database.get('payments', paymentId);
    if (payment === undefined) throw new Error('no such payment');
    // The receipt that is here already would be the answer: what the kiosk says now is wanted.
    const unanswered = { ...payment, state: 'unconfirmed', receipt: null } as const;
    await this.#database.put('payments', unanswered);
    return await this.#watch(async (emit, signal) => {
      await sendPayment(unanswered, await this.#running(), emit, signal);
    });
  }

  async #watch(
    work: (emit: (event: PaymentEvent) => void, signal: AbortSignal) => Promise<void>,
  ): Promise<PaymentOutcome> {
    const startedAt = performance.now();
    const seen: PaymentEvent[] = [];
    let answeredAt = startedAt;
    const emit = (event: PaymentEvent): void => {
      answeredAt = performance.now();
      seen.push(event);
    };
    await work(emit, new AbortController().signal);
    const durationMs = answeredAt - startedAt;
    const last = seen.at(-1);
    const payment = last !== undefined && 'payment' in last ? last.payment : undefined;
    return {
      verdict: verdictOf(last),
      code: last !== undefined && 'code' in last ? last.code : null,
      paymentId: payment?.id ?? null,
      receipt: hexOf(payment?.receipt ?? null),
      durationMs,
    };
  }

  async #scan(qrText: string): Promise<PaymentOffer> {
    const outcome = await readRequest(qrText, {
      crypto: primitives,
      trust: await this.#trust(),
      nowSeconds: this.#clock.nowSeconds(),
      clockIsPlausible: this.#clock.isPlausible(),
      allowances: await this.#database.getAll('allowances'),
      findPayment: (hash) => findPaymentByRequest(this.#database, hash),
    });
    if (outcome.kind === 'offer') return outcome.offer;
    throw new Error(
      `the wallet makes no offer of it: ${outcome.kind === 'refused' ? outcome.code : outcome.kind}`,
    );
  }

  async #trust(): Promise<TrustBundle> {
    const trust = await storedTrust(this.#database, primitives);
    if (trust === null) throw new Error('the wallet believes nobody yet');
    return trust;
  }

  #needs(): PayNeeds {
    return {
      database: this.#database,
      mirrors: this.#mirrors,
      clock: this.#clock,
      crypto: primitives,
      withLock: async (work) => await work(),
      openKey: (id) => openDeviceKey(this.#database, id),
    };
  }

  async #loading(): Promise<LoadNeeds> {
    return {
      ...this.#needs(),
      api: { issueAllowance: () => Promise.reject(new Error('there is no internet here')) },
      ensureKey: (owner) => ensureDeviceKey(this.#database, owner),
      profile,
      trust: await this.#trust(),
    };
  }

  async #running(): Promise<RunNeeds> {
    const delivery: DeliveryNeeds = {
      crypto: primitives,
      fetch,
      nowMs: () => this.#clock.nowMs(),
      pause,
      permissionDenied,
    };
    return { ...this.#needs(), issuers: (await this.#trust()).issuers, delivery, link };
  }
}

/** A phone whose person has allowed the wallet to call into the shop's network. */
const link: LinkNeeds = {
  facts: (addresses) =>
    Promise.resolve({
      walletOrigin: WALLET_ORIGIN,
      addresses,
      permission: 'granted',
      kioskOrigins: null,
      hasNetwork: true,
      past: null,
    }),
  leave: (url) => {
    throw new Error(`nobody goes to ${new URL(url).pathname} from here`);
  },
  stay: () => undefined,
  language: () => 'en',
  randomState: () => crypto.getRandomValues(new Uint8Array(16)),
};

const permissionDenied = (): Promise<boolean> => Promise.resolve(false);

function memoryMirror(): MarkerMirror {
  let known: Marker | null = null;
  return {
    read: () => Promise.resolve(known),
    write: (marker) => {
      known = marker;
      return Promise.resolve();
    },
  };
}

function verdictOf(last: PaymentEvent | undefined): PaymentOutcome['verdict'] {
  switch (last?.event) {
    case 'receipted':
      return 'paid';
    case 'refused':
      return 'refused';
    case 'signing_failed':
    case undefined:
      return 'not_signed';
    case 'confirmed':
    case 'sending':
    case 'leaving':
    case 'no_answer':
      return 'unconfirmed';
  }
}

function hexOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : toHex(bytes);
}

const wallet = new Wallet(await openWalletDatabase());
const say = (reply: WalletReply): void => void process.send?.(reply);
process.on('message', ({ id, question }: WalletQuestion) => {
  wallet.answer(question).then(
    (answer) => say({ id, answer }),
    (error: unknown) =>
      say({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
say({ id: 0, answer: { kind: 'done' } });
