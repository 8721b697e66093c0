/**
 * Stripe on this machine: the paths, form bodies, objects, errors, idempotency and signed webhooks that we use, and a
 * checkout page of its own. For development, the demo and tests.
 *
 * Owns: its state file. Never: part of a server that has Stripe's keys.
 */
import { createHash } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import { type Clock, systemClock } from '../../clock.ts';
import { type JsonFile, openJsonFile } from '../../json-file.ts';
import { ApiFaults } from './api-faults.ts';
import { Bank } from './bank.ts';
import { registerBankApi, registerBankPages } from './bank-api.ts';
import { listDocument } from './bank-documents.ts';
import { checkoutDocument, intentDocument } from './documents.ts';
import { Emitter } from './emitter.ts';
import { parseFormBody } from './form-body.ts';
import { pageOfList, queryOf } from './lists.ts';
import { cardPage, closedPage, missingPage, overviewPage } from './pages.ts';
import { missing, refuse, refuseParameter } from './refusals.ts';
import {
  type CheckoutRecord,
  EMPTY_STATE,
  forgetOldest,
  type IntentRecord,
  newId,
  StripeState,
} from './state.ts';
import { WebhookSender, type WebhookTarget } from './webhooks.ts';

const CHECKOUT_LIFE_SECONDS = 24 * 3600;
const KEY_LIFE_MS = 24 * 3_600_000;
const SWEEP_MS = 1_000;
/** How long the page waits for the server's word before it sends the customer back. */
const WAIT_FOR_WEBHOOK_MS = 2_000;

export interface StripeStandInOptions {
  /** Null keeps everything in memory. */
  readonly stateFile: string | null;
  /** Where browsers reach the checkout page. */
  readonly publicOrigin: string;
  readonly webhook: WebhookTarget;
  readonly clock?: Clock;
  readonly onLine?: (line: string) => void;
}

export interface StripeStandIn {
  readonly app: Hono;
  readonly webhooks: WebhookSender;
  readonly faults: ApiFaults;
  readonly bank: Bank;
  close(): void;
}

const Whole = z
  .string()
  .regex(/^[0-9]{1,12}$/)
  .transform(Number);
const Metadata = z.record(z.string().max(40), z.string().max(500)).default({});
const CreateCheckout = z.object({
  mode: z.literal('payment'),
  success_url: z.url(),
  cancel_url: z.url().optional(),
  client_reference_id: z.string().max(200).optional(),
  customer_email: z.string().optional(),
  expires_at: Whole.optional(),
  metadata: Metadata,
  payment_intent_data: z.object({ metadata: Metadata }).default({ metadata: {} }),
  line_items: z.record(
    z.string(),
    z.object({
      quantity: Whole,
      price_data: z.object({
        currency: z.string().regex(/^[a-z]{3}$/),
        unit_amount: Whole,
        product_data: z.object({ name: z.string().min(1) }),
      }),
    }),
  ),
});

export function createStripeStandIn(options: StripeStandInOptions): StripeStandIn {
  const clock = options.clock ?? systemClock;
  const file = openJsonFile(options.stateFile, StripeState, EMPTY_STATE);
  const webhooks = new WebhookSender(file, options.webhook, clock, options.onLine ?? (() => undefined));
  const emitter = new Emitter(clock, webhooks);
  const bank = new Bank(file, clock, emitter);
  const desk = new Desk(file, emitter, bank, options.publicOrigin);
  const sweeper = setInterval(() => void Promise.all([desk.expireDue(), bank.settleDue()]), SWEEP_MS);
  sweeper.unref();
  const faults = new ApiFaults();
  const app = new Hono();
  app.use('/v1/*', (c, next) => faults.apply(c, next));
  registerApi(app, desk, file, clock);
  registerBankApi(app, bank, file, options.publicOrigin);
  registerPages(app, desk, file);
  registerBankPages(app, bank, file);
  registerSwitches(app, { webhooks, faults, bank });
  app.notFound((c) =>
    refuse(c, {
      status: 404,
      type: 'invalid_request_error',
      message: `Unrecognized request URL (${c.req.method}: ${c.req.path}).`,
    }),
  );
  const close = () => {
    clearInterval(sweeper);
    webhooks.close();
  };
  return { app, webhooks, faults, bank, close };
}

/** What happens to checkouts, whoever asks: the API, the page or the clock. */
class Desk {
  readonly #file: JsonFile<StripeState>;
  readonly #emitter: Emitter;
  readonly #bank: Bank;
  readonly #origin: string;
  constructor(file: JsonFile<StripeState>, emitter: Emitter, bank: Bank, origin: string) {
    this.#file = file;
    this.#emitter = emitter;
    this.#bank = bank;
    this.#origin = origin;
  }

  find(id: string): CheckoutRecord | undefined {
    return this.#file.value.checkouts.find((checkout) => checkout.id === id);
  }

  document(checkout: CheckoutRecord) {
    return checkoutDocument(checkout, this.#origin);
  }

  create(input: z.output<typeof CreateCheckout>): CheckoutRecord {
    const items = Object.values(input.line_items);
    const created = this.#emitter.nowSeconds();
    const checkout: CheckoutRecord = {
      id: newId('cs_test'),
      amount: items.reduce((sum, item) => sum + item.quantity * item.price_data.unit_amount, 0),
      currency: items[0]?.price_data.currency ?? '',
      title: items[0]?.price_data.product_data.name ?? '',
      status: 'open',
      paid: false,
      successUrl: input.success_url,
      cancelUrl: input.cancel_url ?? null,
      clientReferenceId: input.client_reference_id ?? null,
      customerEmail: input.customer_email ?? null,
      metadata: input.metadata,
      intentMetadata: input.payment_intent_data.metadata,
      paymentIntentId: null,
      created,
      expiresAt: input.expires_at ?? created + CHECKOUT_LIFE_SECONDS,
    };
    this.#file.value.checkouts.push(checkout);
    forgetOldest(this.#file.value);
    this.#file.save();
    return checkout;
  }

  /** Takes the card. @returns null when paid, or the sentence for the customer. */
  async pay(checkout: CheckoutRecord, cardNumber: string): Promise<string | null> {
    const refusal = judgeCard(cardNumber);
    const intent = this.#intentOf(checkout);
    if (refusal !== null) {
      intent.lastError = refusal;
      this.#file.save();
      await this.#emitter.emit('payment_intent.payment_failed', intentDocument(intent));
      return refusal.message;
    }
    intent.status = 'succeeded';
    intent.chargeId = newId('ch');
    intent.lastError = null;
    checkout.status = 'complete';
    checkout.paid = true;
    checkout.paymentIntentId = intent.id;
    this.#bank.take(intent);
    this.#file.save();
    const telling = this.#emitter
      .emit('payment_intent.succeeded', intentDocument(intent))
      .then(() => this.#emitter.emit('checkout.session.completed', this.document(checkout)));
    if (isDisputedCard(cardNumber)) void telling.then(() => this.#bank.dispute(intent, intent.amount));
    await Promise.race([telling, new Promise((resolve) => setTimeout(resolve, WAIT_FOR_WEBHOOK_MS))]);
    return null;
  }

  async expire(checkout: CheckoutRecord): Promise<void> {
    checkout.status = 'expired';
    this.#file.save();
    await this.#emitter.emit('checkout.session.expired', this.document(checkout));
  }

  async expireDue(): Promise<void> {
    const now = this.#emitter.nowSeconds();
    for (const checkout of this.#file.value.checkouts) {
      if (checkout.status === 'open' && checkout.expiresAt <= now) await this.expire(checkout);
    }
  }

  #intentOf(checkout: CheckoutRecord): IntentRecord {
    const found = this.#file.value.intents.find((intent) => intent.checkoutId === checkout.id);
    if (found !== undefined) return found;
    const intent: IntentRecord = {
      id: newId('pi'),
      checkoutId: checkout.id,
      amount: checkout.amount,
      currency: checkout.currency,
      status: 'requires_payment_method',
      chargeId: null,
      lastError: null,
      metadata: checkout.intentMetadata,
      created: this.#emitter.nowSeconds(),
    };
    this.#file.value.intents.push(intent);
    return intent;
  }
}

/** Stripe's test card whose holder contests every payment. */
function isDisputedCard(typed: string): boolean {
  return typed.replace(/\D/g, '') === '4000000000000259';
}

/** Stripe's test cards. */
function judgeCard(typed: string): IntentRecord['lastError'] {
  const number = typed.replace(/\D/g, '');
  if (number === '4242424242424242' || isDisputedCard(number)) return null;
  if (number === '4000000000009995') {
    return {
      code: 'card_declined',
      declineCode: 'insufficient_funds',
      message: 'Your card has insufficient funds.',
    };
  }
  if (number === '4000000000000002') {
    return { code: 'card_declined', declineCode: 'generic_decline', message: 'Your card was declined.' };
  }
  return {
    code: 'incorrect_number',
    declineCode: 'incorrect_number',
    message: 'Your card number is incorrect.',
  };
}

function registerApi(app: Hono, desk: Desk, file: JsonFile<StripeState>, clock: Clock): void {
  app.use('/v1/*', async (c, next) => {
    if (!/^(Bearer|Basic) \S+$/.test(c.req.header('authorization') ?? '')) {
      return refuse(c, {
        status: 401,
        type: 'invalid_request_error',
        message: 'You did not provide an API key.',
      });
    }
    return honourIdempotencyKey(c, file, clock, next);
  });
  app.post('/v1/checkout/sessions', async (c) => {
    const parsed = CreateCheckout.safeParse(parseFormBody(await c.req.text()));
    if (!parsed.success) return refuseParameter(c, parsed.error);
    return c.json(desk.document(desk.create(parsed.data)));
  });
  app.get('/v1/checkout/sessions/:id', (c) => {
    const checkout = desk.find(c.req.param('id'));
    return checkout === undefined ? missing(c, 'checkout.session') : c.json(desk.document(checkout));
  });
  app.post('/v1/checkout/sessions/:id/expire', async (c) => {
    const checkout = desk.find(c.req.param('id'));
    if (checkout === undefined) return missing(c, 'checkout.session');
    if (checkout.status !== 'open') {
      const message = `Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ${checkout.status}.`;
      return refuse(c, { status: 400, type: 'invalid_request_error', message });
    }
    await desk.expire(checkout);
    return c.json(desk.document(checkout));
  });
  app.get('/v1/payment_intents/:id', (c) => {
    const intent = file.value.intents.find((item) => item.id === c.req.param('id'));
    return intent === undefined ? missing(c, 'payment_intent') : c.json(intentDocument(intent));
  });
  app.get('/v1/events', (c) => {
    const query = queryOf(c);
    const types = new Set(query.values('types'));
    const since = query.since('created');
    const found = file.value.events
      .filter((event) => event.account === null && event.created >= since)
      .filter((event) => types.size === 0 || types.has(event.type))
      .map((event) => ({ id: event.id, document: (): unknown => JSON.parse(event.document) }));
    return c.json(pageOfList(c, found));
  });
  app.get('/v1/checkout/sessions', (c) => {
    const intent = queryOf(c).value('payment_intent');
    const found = file.value.checkouts.filter((one) => intent === null || one.paymentIntentId === intent);
    return c.json(
      listDocument(
        found.toReversed().map((one) => desk.document(one)),
        '/v1/checkout/sessions',
      ),
    );
  });
  app.get('/v1/events/:id', (c) => {
    const event = file.value.events.find((item) => item.id === c.req.param('id'));
    return event === undefined
      ? missing(c, 'event')
      : c.body(event.document, 200, { 'content-type': 'application/json' });
  });
}

/** Like Stripe: the first answer is kept for a day; the same key with other parameters is an error of its own. */
async function honourIdempotencyKey(
  c: Context,
  file: JsonFile<StripeState>,
  clock: Clock,
  next: () => Promise<void>,
): Promise<Response | void> {
  const key = c.req.header('idempotency-key');
  if (key === undefined || c.req.method !== 'POST') return next();
  const fingerprint = createHash('sha256')
    .update(`${c.req.path}\n${c.req.header('stripe-account') ?? ''}\n${await c.req.text()}`)
    .digest('hex');
  const nowMs = clock.nowMs();
  const kept = file.value.keys.find((item) => item.key === key && nowMs - item.createdMs < KEY_LIFE_MS);
  if (kept !== undefined && kept.fingerprint !== fingerprint) {
    const message = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`;
    return refuse(c, { status: 400, type: 'idempotency_error', message });
  }
  if (kept !== undefined) {
    const headers = { 'content-type': 'application/json', 'idempotent-replayed': 'true' };
    return new Response(kept.body, { status: kept.status, headers });
  }
  await next();
  if (c.res.status < 500) {
    file.value.keys.push({
      key,
      fingerprint,
      status: c.res.status,
      body: await c.res.clone().text(),
      createdMs: nowMs,
    });
    file.save();
  }
}

function registerPages(app: Hono, desk: Desk, file: JsonFile<StripeState>): void {
  app.get('/', (c) => c.html(overviewPage(file.value.checkouts)));
  app.get('/c/pay/:id', (c) => {
    const checkout = desk.find(c.req.param('id'));
    if (checkout === undefined) return c.html(missingPage(), 404);
    return c.html(checkout.status === 'open' ? cardPage(checkout, null) : closedPage(checkout));
  });
  app.post('/c/pay/:id', async (c) => {
    const checkout = desk.find(c.req.param('id'));
    if (checkout === undefined) return c.html(missingPage(), 404);
    if (checkout.status === 'expired') return c.html(closedPage(checkout), 410);
    const { number } = await c.req.parseBody();
    // A second press of the button finds the checkout paid and goes where the first one goes.
    const refusal =
      checkout.status === 'open' ? await desk.pay(checkout, typeof number === 'string' ? number : '') : null;
    if (refusal !== null) return c.html(cardPage(checkout, refusal), 402);
    return c.redirect(checkout.successUrl.replaceAll('{CHECKOUT_SESSION_ID}', checkout.id), 303);
  });
}

const WebhookSwitches = z.object({
  copies: z.number().int().min(1).max(10).optional(),
  loseNext: z.number().int().min(0).max(1000).optional(),
  delayMs: z.number().int().min(0).max(60_000).optional(),
  dropNext: z.number().int().min(0).max(1000).optional(),
  reorderNext: z.number().int().min(0).max(20).optional(),
});
const ApiSwitches = z.object({
  failNext: z.number().int().min(0).max(1000).optional(),
  loseAnswersNext: z.number().int().min(0).max(1000).optional(),
  delayMs: z.number().int().min(0).max(60_000).optional(),
});
const PayoutSwitches = z.object({
  settleAfterMs: z.number().int().min(0).max(86_400_000).optional(),
  failNext: z.number().int().min(0).max(1000).optional(),
  refuseNext: z.number().int().min(0).max(1000).optional(),
});
const NewDispute = z.object({ payment_intent: z.string(), amount: z.number().int().positive().optional() });
const Verdict = z.object({ status: z.enum(['won', 'lost']) });
const LateRefund = z.object({
  status: z.enum(['failed', 'canceled']).default('failed'),
  failure_reason: z.string().min(1).default('expired_or_canceled_card'),
});
const Late = z.object({ failure_code: z.string().min(1) });

interface Switched {
  readonly webhooks: WebhookSender;
  readonly faults: ApiFaults;
  readonly bank: Bank;
}

/** How network, provider and banks shall misbehave, and what card holders do. server/README.md lists them. */
function registerSwitches(app: Hono, { webhooks, faults, bank }: Switched): void {
  const knobs = (path: string, schema: z.ZodType<Partial<Record<string, number>>>, at: object) =>
    app.post(path, async (c) => {
      const parsed = schema.safeParse(await c.req.json());
      if (!parsed.success) return refuseParameter(c, parsed.error);
      return c.json(Object.assign(at, parsed.data));
    });
  knobs('/stand-in/webhooks', WebhookSwitches, webhooks.faults);
  knobs('/stand-in/api', ApiSwitches, faults.knobs);
  knobs('/stand-in/payouts', PayoutSwitches, bank.knobs);
  app.post('/stand-in/resend/:id', async (c) =>
    (await webhooks.resend(c.req.param('id'))) ? c.json({ sent: true }) : missing(c, 'event'),
  );
  app.post('/stand-in/disputes', async (c) => {
    const parsed = NewDispute.safeParse(await c.req.json());
    if (!parsed.success) return refuseParameter(c, parsed.error);
    const intent = bank.findPaid(parsed.data.payment_intent);
    if (intent === undefined) return missing(c, 'payment_intent');
    return c.json(await bank.dispute(intent, parsed.data.amount ?? intent.amount));
  });
  app.post('/stand-in/disputes/:id/close', async (c) => {
    const parsed = Verdict.safeParse(await c.req.json());
    if (!parsed.success) return refuseParameter(c, parsed.error);
    const closed = await bank.closeDispute(c.req.param('id'), parsed.data.status);
    return closed === null ? missing(c, 'dispute') : c.json(closed);
  });
  app.post('/stand-in/refunds/:id/fail', async (c) => {
    const parsed = LateRefund.safeParse(await c.req.json());
    if (!parsed.success) return refuseParameter(c, parsed.error);
    const { status, failure_reason: reason } = parsed.data;
    const failed = await bank.failRefund(c.req.param('id'), status === 'canceled' ? null : reason);
    return failed === null ? missing(c, 'refund') : c.json(failed);
  });
  app.post('/stand-in/payouts/:id/fail', async (c) => {
    const parsed = Late.safeParse(await c.req.json());
    if (!parsed.success) return refuseParameter(c, parsed.error);
    const failed = await bank.failPayout(c.req.param('id'), parsed.data.failure_code);
    return failed === null ? missing(c, 'payout') : c.json(failed);
  });
}
