/**
 * A whole server for one test file: its own database, real HTTP on free ports, the providers' stand-ins beside it and
 * a clock that the test moves.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import {
  BankAccountLink,
  Problem,
  RegisterResult,
  type RegisterRole,
  SecondProofStarted,
  StepUpStarted,
  Session,
  TopUp,
} from '../contract/index.ts';
import type { z } from 'zod';
import { appointOperator } from '../src/operator/appoint.ts';
import { createApp } from '../src/app.ts';
import type { Clock } from '../src/clock.ts';
import { readConfig } from '../src/config.ts';
import type { ServerContext } from '../src/context.ts';
import { createContext } from '../src/context-from-config.ts';
import { type Listening, listen } from '../src/http/listen.ts';
import { type ShortWay, shortWayOf } from '../src/http/short-way.ts';
import { createLogger } from '../src/log.ts';
import { createStripeStandIn, type StripeStandIn } from '../src/money/stand-in/stripe-stand-in.ts';
import { createTwilioStandIn, type SmsMessage } from '../src/notify/stand-in/twilio-stand-in.ts';
import { type FreshDatabase, freshDatabase, type FreshOptions } from './fresh-database.ts';
import { LogScan } from './log-scan.ts';

/** Begins at the real time, because signatures of other libraries are checked against it, and moves when told. */
export class TestClock implements Clock {
  #offsetMs = 0;
  nowMs(): number {
    return Date.now() + this.#offsetMs;
  }
  advance(ms: number): void {
    this.#offsetMs += ms;
  }
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly token?: string;
  /** Idempotency-Key. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  /** The problem's code, or null for success. */
  readonly code: string | null;
}

export interface Person {
  readonly session: Session;
  readonly token: string;
  readonly phone: string;
  readonly password: string;
}

export interface TestServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Multiplies every rate limit; large by default, so that only tests about limits meet them. */
  readonly rateLimitFactor?: number;
  readonly log?: Logger;
  readonly maxConnections?: number;
  readonly database?: FreshOptions;
  /** What the routes are given in place of the context, for a test that watches how they use it. */
  readonly watch?: (context: ServerContext) => ServerContext;
}

export class TestServer {
  readonly origin: string;
  readonly context: ServerContext;
  readonly clock: TestClock;
  readonly database: FreshDatabase;
  readonly stripe: StripeStandIn;
  readonly stripeOrigin: string;
  readonly sms: SmsMessage[];
  readonly webhookSecret: string;
  readonly log: LogScan;
  /** The settings that it was started with, all but the database's. */
  readonly env: Readonly<Record<string, string>>;
  readonly #parts: Omit<TestServerParts, 'closers'>;
  readonly #closers: (() => Promise<void> | void)[];

  constructor(parts: Omit<TestServerParts, 'closers'>, closers: (() => Promise<void> | void)[]) {
    this.origin = parts.origin;
    this.context = parts.context;
    this.clock = parts.clock;
    this.database = parts.database;
    this.stripe = parts.stripe;
    this.stripeOrigin = parts.stripeOrigin;
    this.sms = parts.sms;
    this.webhookSecret = parts.webhookSecret;
    this.log = parts.log ?? new LogScan();
    this.env = parts.env ?? {};
    this.#parts = parts;
    this.#closers = closers;
  }

  /** Another process over the same database and the same stand-ins, which ends by itself. */
  at(origin: string): TestServer {
    return new TestServer({ ...this.#parts, origin }, []);
  }

  /** What background work is given. */
  get background(): ServerContext {
    return { ...this.context, db: this.context.worker };
  }

  /** @throws when the server's log holds what no log may hold (R59) */
  async close(): Promise<void> {
    for (const close of this.#closers) await close();
    this.log.assertClean();
  }

  /** By password; what the session says is kept out of the log. */
  async signIn(body: object, path = '/v1/auth/login'): Promise<Session> {
    const session = await this.expect(Session, path, { body });
    this.#guard(session);
    return session;
  }

  #guard({ accessToken, refreshToken }: Session): void {
    this.log.guard(accessToken, 'an access token');
    if (refreshToken !== undefined) this.log.guard(refreshToken, 'a refresh token');
  }

  /** One request, whatever it answers. */
  async call(path: string, options: CallOptions = {}): Promise<Answer> {
    const headers: Record<string, string> = { ...options.headers };
    if (options.body !== undefined) headers['content-type'] = 'application/json';
    if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
    if (options.key !== undefined) headers['idempotency-key'] = options.key;
    const method = options.method ?? (options.body === undefined ? 'GET' : 'POST');
    const body = options.body === undefined ? {} : { body: JSON.stringify(options.body) };
    const response = await fetch(this.origin + path, { method, headers, redirect: 'manual', ...body });
    const text = await response.text();
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    const parsed: unknown = isJson ? JSON.parse(text) : text;
    const problem = Problem.safeParse(parsed);
    return {
      status: response.status,
      headers: response.headers,
      body: parsed,
      code: problem.success ? problem.data.code : null,
    };
  }

  /** One request that must succeed, parsed by the contract's schema. */
  async expect<T extends z.ZodType>(
    schema: T,
    path: string,
    options: CallOptions = {},
  ): Promise<z.output<T>> {
    const answer = await this.call(path, options);
    if (answer.status >= 300)
      throw new Error(`${path} answered ${answer.status} ${JSON.stringify(answer.body)}`);
    return schema.parse(answer.body);
  }

  /** The newest code sent to a number. */
  codeFor(phone: string): string {
    const code = this.sms.findLast((message) => message.to === phone)?.code;
    if (code === undefined) throw new Error(`no SMS reached ${phone}`);
    return code;
  }

  /** Registers somebody new by SMS code; agents get their refresh token in the session. */
  async register(
    role: RegisterRole,
    options: { phone?: string; agent?: boolean; businessName?: string } = {},
  ): Promise<Person> {
    const phone = options.phone ?? freshPhone();
    const password = `correct horse ${randomUUID()}`;
    this.log.guard(password, 'a password');
    this.log.guard(phone, 'a phone number');
    const businessName = role === 'merchant' ? { businessName: options.businessName ?? 'Warung Sari' } : {};
    const body = { role, phone, username: `user ${randomUUID().slice(0, 8)}`, password, ...businessName };
    const { registrationId } = await this.expect(RegisterResult, '/v1/auth/register', { body });
    const session = await this.expect(Session, '/v1/auth/register/verify', {
      body: { registrationId, code: this.codeFor(phone) },
      headers: options.agent === true ? { 'tiki-client': 'agent' } : {},
    });
    this.#guard(session);
    return { session, token: session.accessToken, phone, password };
  }

  /** Somebody who has registered, appointed beside the API. */
  async operator(): Promise<Person> {
    const person = await this.register('customer');
    await appointOperator(this.context.db, person.phone);
    return this.signInWithCode(person);
  }

  /** By password and the code that comes by SMS. */
  async signInWithCode(person: Person): Promise<Person> {
    const { phone, password } = person;
    const { resetToken } = await this.expect(SecondProofStarted, '/v1/auth/login/code', {
      body: { phone, password },
    });
    const session = await this.signIn(
      { resetToken, code: this.codeFor(phone) },
      '/v1/auth/login/code/verify',
    );
    return { ...person, session, token: session.accessToken };
  }

  /** After the clock was moved beyond the session's life. */
  async signInAgain(person: Person): Promise<Person> {
    const { phone, password } = person;
    const session = await this.signIn({ phone, password });
    return { ...person, session, token: session.accessToken };
  }

  /** A customer with money in the online wallet, topped up through checkout page and webhook. */
  async customerWith(amountMinor: bigint): Promise<Person> {
    const person = await this.register('customer');
    await this.topUp(person, amountMinor);
    return person;
  }

  async topUp(person: Person, amountMinor: bigint): Promise<TopUp> {
    const body = { amountMinor: amountMinor.toString() };
    const topUp = await this.expect(TopUp, '/v1/topups', { body, token: person.token, key: randomUUID() });
    await this.payCheckout(topUp.checkoutUrl ?? '', '4242424242424242');
    return this.expect(TopUp, `/v1/topups/${topUp.id}`, { token: person.token });
  }

  /** Names a bank account on the provider's page. `number` may be one of those that fail. */
  async linkBank({ token }: Pick<Person, 'token'>, number = '000123456789'): Promise<void> {
    await this.#proveBankChange(token);
    const { url } = await this.expect(BankAccountLink, '/v1/bank-account/link', { method: 'POST', token });
    const body = new URLSearchParams({ holder: 'A Person', name: 'Test Bank', number });
    const answer = await fetch(url, { method: 'POST', body, redirect: 'manual' });
    if (answer.status !== 303) throw new Error(`the onboarding page answered ${answer.status}`);
  }

  /** Another bank account than the one that is linked asks for a code. */
  async #proveBankChange(token: string): Promise<void> {
    const asked = await this.call('/v1/bank-account/link', { method: 'POST', token });
    if (asked.code !== 'step_up_required') return;
    const act = 'bank_account';
    const { phone } = await this.expect(StepUpStarted, '/v1/step-ups', { token, body: { act } });
    const body = { act, code: this.codeFor(phone) };
    await this.call('/v1/step-ups/verify', { method: 'POST', token, body });
  }

  payCheckout(url: string, number: string): Promise<Response> {
    const body = new URLSearchParams({ number, expiry: '12 / 34', cvc: '123' });
    return fetch(url, { method: 'POST', body, redirect: 'manual' });
  }
}

interface TestServerParts {
  readonly origin: string;
  readonly context: ServerContext;
  readonly clock: TestClock;
  readonly database: FreshDatabase;
  readonly stripe: StripeStandIn;
  readonly stripeOrigin: string;
  readonly sms: SmsMessage[];
  readonly webhookSecret: string;
  /** What reads the log, when this server has one of its own. */
  readonly log?: LogScan;
  readonly env?: Readonly<Record<string, string>>;
}

/** A valid mobile number of Singapore that no other test has. */
export function freshPhone(): string {
  return `+658${randomInt(1_000_000, 9_999_999)}`;
}

/** Starts everything; call `close()` in `afterAll`. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'tiki-test-server-'));
  const database = await freshDatabase({
    ...options.database,
    maxConnections: options.maxConnections ?? 10,
  });
  const clock = new TestClock();
  const sms: SmsMessage[] = [];
  const scan = new LogScan();
  const twilio = createTwilioStandIn({
    stateFile: null,
    clock,
    onSms: (message) => {
      sms.push(message);
      scan.guard(message.code, 'a code');
    },
  });
  const twilioServer = await listenOnFreePort(twilio.fetch);

  // The API needs the providers' addresses and they need the API's: it answers once it is made.
  let handle: Parameters<typeof listenOnFreePort>[0] = () => new Response(null, { status: 503 });
  let shortWay: ShortWay = () => false;
  const server = await listenOnFreePort(
    (request, env) => handle(request, env),
    (incoming, outgoing) => shortWay(incoming, outgoing),
  );
  const origin = `http://127.0.0.1:${server.port}`;
  const webhookSecret = `whsec_${randomUUID()}`;
  let stripeFetch: Parameters<typeof listenOnFreePort>[0] = () => new Response(null, { status: 503 });
  const stripeServer = await listenOnFreePort((request, env) => stripeFetch(request, env));
  const stripe = createStripeStandIn({
    stateFile: null,
    publicOrigin: `http://127.0.0.1:${stripeServer.port}`,
    webhook: { url: `${origin}/v1/stripe/webhook`, secret: webhookSecret },
    clock,
  });
  stripeFetch = stripe.app.fetch;

  const settings = {
    PUBLIC_ORIGIN: origin,
    STRIPE_API_BASE: `http://127.0.0.1:${stripeServer.port}`,
    STRIPE_WEBHOOK_SECRET: webhookSecret,
    TWILIO_API_BASE: `http://127.0.0.1:${twilioServer.port}`,
    TIKI_WALLET_DIR: folder,
    TIKI_DATA_DIR: folder,
    TIKI_RATE_LIMIT_FACTOR: String(options.rateLimitFactor ?? 10_000),
    ...options.env,
  };
  const config = readConfig(settings);
  scan.guard(webhookSecret, "the webhook's secret");
  const log = options.log ?? createLogger({ level: 'trace', destination: scan });
  const context = await createContext({ config, clock, db: database.db, log });
  const given = options.watch?.(context) ?? context;
  const app = createApp(given);
  handle = app.fetch;
  shortWay = shortWayOf(app, given);
  const stripeOrigin = `http://127.0.0.1:${stripeServer.port}`;
  return new TestServer(
    { origin, context, clock, database, stripe, stripeOrigin, sms, webhookSecret, log: scan, env: settings },
    [
      () => stripe.close(),
      () => server.close(100),
      () => stripeServer.close(100),
      () => twilioServer.close(100),
      () => database.close(),
      () => rmSync(folder, { recursive: true, force: true }),
    ],
  );
}

function listenOnFreePort(
  fetch: Parameters<typeof listen>[0]['fetch'],
  shortWay: ShortWay = () => false,
): Promise<Listening> {
  return listen({ fetch, shortWay, host: '127.0.0.1', port: 0, setting: 'none' });
}
