/** A phone as the protocol describes it, for tests: one device key, allowances over the API, payments that add up. */
import { randomUUID } from 'node:crypto';
import {
  fromBase64Url,
  linkOf,
  readAllowanceCertificate,
  readPayment,
  signClosingStatement,
  signPayment,
  signProofOfPossession,
  toBase64Url,
  type AllowanceCertificate,
  type PayeeLock,
  type Payment,
} from '@tikiwallet/protocol';
import { generateKeyPair, loadPrivateKey } from '@tikiwallet/protocol/node';
import { Allowance, WalletView } from '../contract/index.ts';
import { must } from '../src/trust/index.ts';
import type { Person, TestServer } from './test-server.ts';

export const newKey = () => loadPrivateKey(generateKeyPair().privateKeyPem);
type Key = ReturnType<typeof newKey>;

/** The spending state of one allowance; a copy of it is what a cloned phone has. */
export interface OfflineWallet {
  readonly allowance: AllowanceCertificate;
  readonly key: Key;
  counter: number;
  cumulativeMinor: bigint;
  lastHash: Uint8Array;
}

export interface PaymentChanges extends Partial<Omit<Payment, 'hash' | 'bytes'>> {
  /** Signs with another key than the device's. */
  readonly forgedBy?: Key;
}

/** The next payment of a wallet; the wallet counts it, sent or not. */
export function pay(
  wallet: OfflineWallet,
  request: { readonly hash: Uint8Array; readonly amountMinor: bigint },
  changes: PaymentChanges = {},
): Payment {
  const { forgedBy, ...fields } = changes;
  const draft = {
    counter: wallet.counter + 1,
    amountMinor: request.amountMinor,
    cumulativeMinor: wallet.cumulativeMinor + request.amountMinor,
    previousLink: linkOf(wallet.lastHash),
    requestHash: request.hash,
    signedAt: Math.floor(Date.now() / 1000),
    ...fields,
  };
  const bytes = must(signPayment(draft, wallet.allowance.hash), (forgedBy ?? wallet.key).sign);
  const payment = must(readPayment(bytes, wallet.allowance));
  wallet.counter = payment.counter;
  wallet.cumulativeMinor = payment.cumulativeMinor;
  wallet.lastHash = payment.hash;
  return payment;
}

export function clone(wallet: OfflineWallet): OfflineWallet {
  return { ...wallet };
}

export class SimulatedPhone {
  readonly key = newKey();
  readonly person: Person;
  readonly #server: TestServer;

  constructor(server: TestServer, person: Person) {
    this.#server = server;
    this.person = person;
  }

  static async withMoney(server: TestServer, amountMinor: bigint): Promise<SimulatedPhone> {
    return new SimulatedPhone(server, await server.customerWith(amountMinor));
  }

  allowanceBody(amountMinor: bigint, key: string, payeeLock?: PayeeLock) {
    const possession = { publicKey: this.key.publicKey, context: 'allowance', occasion: key } as const;
    return {
      amountMinor: amountMinor.toString(),
      devicePublicKey: toBase64Url(this.key.publicKey),
      proof: toBase64Url(must(signProofOfPossession(possession), this.key.sign)),
      ...(payeeLock === undefined ? {} : { payeeLock }),
    };
  }

  /** Loads `amountMinor` into the offline wallet. */
  async load(amountMinor: bigint, payeeLock?: PayeeLock): Promise<OfflineWallet> {
    const key = randomUUID();
    const body = this.allowanceBody(amountMinor, key, payeeLock);
    const view = await this.#server.expect(Allowance, '/v1/allowances', {
      body,
      key,
      token: this.person.token,
    });
    return this.walletOf(view);
  }

  walletOf(view: Allowance): OfflineWallet {
    const { certificate: allowance } = must(readAllowanceCertificate(fromBase64Url(view.certificate)));
    return { allowance, key: this.key, counter: 0, cumulativeMinor: 0n, lastHash: allowance.hash };
  }

  closingStatement(
    wallet: OfflineWallet,
    changes: { lastCounter?: number; cumulativeMinor?: bigint } = {},
  ): string {
    const statement = {
      lastCounter: wallet.counter,
      cumulativeMinor: wallet.cumulativeMinor,
      signedAt: Math.floor(this.#server.clock.nowMs() / 1000),
      ...changes,
    };
    return toBase64Url(must(signClosingStatement(statement, wallet.allowance.hash), wallet.key.sign));
  }

  close(wallet: OfflineWallet, statement = this.closingStatement(wallet)): Promise<Allowance> {
    return this.#server.expect(Allowance, `/v1/allowances/${wallet.allowance.allowanceId}/close`, {
      body: { statement },
      token: this.person.token,
    });
  }

  wallet(): Promise<WalletView> {
    return this.#server.expect(WalletView, '/v1/wallet', { token: this.person.token });
  }

  /** One allowance as the cloud shows it now. */
  async allowance(wallet: OfflineWallet): Promise<Allowance> {
    const { allowances } = await this.wallet();
    const found = allowances.find((one) => one.id === wallet.allowance.allowanceId);
    if (found === undefined) throw new Error('the wallet does not show this allowance');
    return found;
  }
}
