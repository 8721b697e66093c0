// Speaks to a running stack as its people would: registers with the code from the
// stand-in's inbox, pays the stand-in's checkout page. For demo data and tests only.

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Role, Session, TopUp, WalletView } from '@tikiwallet/server/contract';
import {
  Problem,
  RegisterResult,
  Session as SessionSchema,
  TopUp as TopUpSchema,
  WalletView as WalletSchema,
} from '@tikiwallet/server/contract';
import type { z } from 'zod';
import type { Stack } from './stack.ts';

export type Person = {
  readonly role: Role;
  readonly phone: string;
  readonly username: string;
  readonly password: string;
  readonly businessName?: string;
};

/** The cloud answered with a problem; `code` is its stable code. */
export class CloudRefused extends Error {
  readonly code: string;
  constructor(code: string, path: string) {
    super(`the cloud refused ${path}: ${code}`);
    this.name = 'CloudRefused';
    this.code = code;
  }
}

export class CloudClient {
  readonly #stack: Stack;

  constructor(stack: Stack) {
    this.#stack = stack;
  }

  /** Logs in, or registers first when nobody has this number and password yet. */
  async signInOrRegister(person: Person): Promise<Session> {
    try {
      return await this.post(
        '/v1/auth/login',
        { phone: person.phone, password: person.password },
        SessionSchema,
      );
    } catch (error) {
      if (!(error instanceof CloudRefused) || error.code !== 'credentials_incorrect') throw error;
      return await this.register(person);
    }
  }

  async register(person: Person): Promise<Session> {
    const registration = await this.post('/v1/auth/register', person, RegisterResult);
    const code = await this.codeSentTo(person.phone);
    return await this.post(
      '/v1/auth/register/verify',
      { registrationId: registration.registrationId, code },
      SessionSchema,
    );
  }

  /** The newest 6-digit code in the stand-in's inbox for a number. */
  async codeSentTo(phone: string): Promise<string> {
    const deadline = performance.now() + 30_000;
    while (performance.now() < deadline) {
      const response = await fetch(`${this.#stack.smsInboxUrl}messages?to=${encodeURIComponent(phone)}`);
      const code = newestCode(await response.json());
      if (code !== undefined) return code;
      await delay(100);
    }
    throw new Error(`no SMS reached ${phone}`);
  }

  /** Tops up and pays on the stand-in's checkout page; resolves when the webhook has credited it. */
  async topUp(session: Session, amountMinor: bigint): Promise<TopUp> {
    const body = { amountMinor: amountMinor.toString() };
    const started = await this.post('/v1/topups', body, TopUpSchema, {
      session,
      idempotencyKey: randomUUID(),
    });
    if (started.checkoutUrl !== null) await payCheckout(started.checkoutUrl);
    const deadline = performance.now() + 20_000;
    while (performance.now() < deadline) {
      const topUp = await this.get(`/v1/topups/${started.id}`, TopUpSchema, session);
      if (topUp.status !== 'awaiting_payment') return topUp;
      await delay(100);
    }
    throw new Error('the top-up was paid and not credited within 20 seconds');
  }

  async wallet(session: Session): Promise<WalletView> {
    return await this.get('/v1/wallet', WalletSchema, session);
  }

  async get<T extends z.ZodType>(path: string, schema: T, session: Session): Promise<z.output<T>> {
    return await this.#send(path, { headers: { authorization: `Bearer ${session.accessToken}` } }, schema);
  }

  async post<T extends z.ZodType>(
    path: string,
    body: unknown,
    schema: T,
    options: { readonly session?: Session; readonly idempotencyKey?: string } = {},
  ): Promise<z.output<T>> {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (options.session !== undefined) headers['authorization'] = `Bearer ${options.session.accessToken}`;
    if (options.idempotencyKey !== undefined) headers['idempotency-key'] = options.idempotencyKey;
    return await this.#send(path, { method: 'POST', headers, body: JSON.stringify(body) }, schema);
  }

  async #send<T extends z.ZodType>(path: string, init: RequestInit, schema: T): Promise<z.output<T>> {
    const response = await fetch(this.#stack.walletUrl + path, {
      ...init,
      signal: AbortSignal.timeout(15_000),
    });
    const body: unknown = await response.json();
    if (!response.ok) {
      const problem = Problem.safeParse(body);
      throw new CloudRefused(problem.success ? problem.data.code : `http_${String(response.status)}`, path);
    }
    return schema.parse(body);
  }
}

function newestCode(answer: unknown): string | undefined {
  const found = JSON.stringify(answer).match(/(?<![0-9])[0-9]{6}(?![0-9])/g);
  return found?.at(-1);
}

/** Fills in the checkout page's form with the card number that pays. */
async function payCheckout(url: string): Promise<void> {
  const page = await fetch(url);
  const html = await page.text();
  const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1] ?? url;
  const fields = new URLSearchParams({
    card: '4242424242424242',
    number: '4242424242424242',
    expiry: '12 / 34',
    cvc: '123',
  });
  const answer = await fetch(new URL(action, url), { method: 'POST', body: fields, redirect: 'manual' });
  if (answer.status >= 400)
    throw new Error(`the checkout page refused the card (HTTP ${String(answer.status)})`);
}
