// A customer in the shop: a phone with a radio, and a wallet on it, in the same network namespace.

import assert from 'node:assert/strict';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Phone } from '../../native/lab/guest/phone.ts';
import { LOG_FOLDER } from '../../native/lab/guest/run-case.ts';
import type { Bank } from './bank.ts';
import type {
  PaymentOutcome,
  WalletAnswer,
  WalletCall,
  WalletQuestion,
  WalletReply,
} from './wallet-calls.ts';
import type { JoinCode } from './join-code.ts';

const CALL_TIMEOUT_MS = 120_000;

export type Lease = { readonly address: string; readonly router: string; readonly dns: string };

export class Customer {
  readonly phone: Phone;
  readonly #wallet: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<WalletAnswer>>();
  #calls = 0;

  private constructor(phone: Phone, wallet: ChildProcess) {
    this.phone = phone;
    this.#wallet = wallet;
    wallet.on('message', (reply: WalletReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ('answer' in reply) waiting?.resolve(reply.answer);
      else waiting?.reject(new Error(`the wallet of ${phone.name}: ${reply.error}`));
    });
    wallet.once('exit', (code, signal) => {
      for (const { reject } of this.#waiting.values())
        reject(new Error(`the wallet of ${phone.name} ended with ${String(code ?? signal)}`));
    });
  }

  /** A phone that had internet a while ago: it knows whom to believe, and has money with it. */
  static async arrive(phone: Phone, bank: Bank, amountMinor: bigint): Promise<Customer> {
    const log = openSync(join(LOG_FOLDER, `${phone.name}-wallet.log`), 'a');
    const options: SpawnOptions = { stdio: ['ignore', log, log, 'ipc'], serialization: 'advanced' };
    // The first thing that it says is that it listens.
    const program = join(import.meta.dirname, 'wallet-program.ts');
    const wallet = await phone.network.startNode([program], options, (child) => once(child, 'message'));
    closeSync(log);
    const customer = new Customer(phone, wallet);
    await customer.#ask({ call: 'trust', view: bank.trustView() });
    const ordered = await customer.#ask({ call: 'order', amountMinor });
    assert.ok(ordered.kind === 'ordered');
    const allowance = bank.issue(ordered.devicePublicKey, amountMinor);
    await customer.#ask({ call: 'load', allowance });
    return customer;
  }

  /** What a phone does with the picture on the kiosk's screen: joins, and asks for an address. */
  async enter({ ssid, passphrase }: JoinCode): Promise<Lease> {
    await this.phone.join(ssid, passphrase);
    return await this.takeLease();
  }

  async takeLease(): Promise<Lease> {
    const { phone } = this;
    const path = join('/run', phone.name, 'lease');
    await rm(path, { force: true });
    await phone.exec('ip', 'addr', 'flush', 'dev', phone.interfaceName);
    const script = join(import.meta.dirname, 'take-lease.sh');
    // Asks up to ten times, three seconds apart, and ends with the lease.
    const patience = ['-n', '-q', '-f', '-t', '10', '-T', '3', '-A', '1'];
    await phone.exec(
      'env',
      `LEASE=${path}`,
      'busybox',
      'udhcpc',
      '-i',
      phone.interfaceName,
      ...patience,
      '-s',
      script,
    );
    const words = new Map(
      (await readFile(path, 'utf8')).split('\n').map((line) => {
        const [name = '', ...value] = line.split('=');
        return [name, value.join('=')];
      }),
    );
    const word = (name: string): string => words.get(name) ?? '';
    return { address: word('address'), router: word('router'), dns: word('dns') };
  }

  async leave(): Promise<void> {
    await this.phone.forget();
    await this.phone.exec('ip', 'addr', 'flush', 'dev', this.phone.interfaceName);
  }

  async pay(qrText: string): Promise<PaymentOutcome> {
    return outcomeOf(await this.#ask({ call: 'pay', qrText }));
  }

  async payNearby(origin: string): Promise<PaymentOutcome> {
    return outcomeOf(await this.#ask({ call: 'pay_nearby', origin }));
  }

  async payByCode(qrText: string): Promise<string> {
    const answer = await this.#ask({ call: 'pay_by_code', qrText });
    assert.ok(answer.kind === 'code');
    return answer.text;
  }

  async sendAgain(paymentId: string): Promise<PaymentOutcome> {
    return outcomeOf(await this.#ask({ call: 'send_again', paymentId }));
  }

  async payments() {
    const answer = await this.#ask({ call: 'payments' });
    assert.ok(answer.kind === 'payments');
    return answer.payments;
  }

  async #ask(question: WalletCall): Promise<WalletAnswer> {
    this.#calls += 1;
    const message: WalletQuestion = { id: this.#calls, question };
    this.#wallet.send(message);
    return await this.#answerTo(this.#calls, CALL_TIMEOUT_MS);
  }

  async #answerTo(id: number, timeoutMs: number): Promise<WalletAnswer> {
    const waiting = Promise.withResolvers<WalletAnswer>();
    this.#waiting.set(id, waiting);
    const late = new Error(`the wallet of ${this.phone.name} says nothing for ${String(timeoutMs)} ms`);
    const timer = setTimeout(() => waiting.reject(late), timeoutMs);
    return await waiting.promise.finally(() => clearTimeout(timer));
  }
}

function outcomeOf(answer: WalletAnswer): PaymentOutcome {
  assert.ok(answer.kind === 'outcome');
  return answer.outcome;
}
