/** Stripe's paths for Connect, refunds, disputes and balances, and the onboarding page. */
import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { JsonFile } from '../../json-file.ts';
import { type Bank, SHORT } from './bank.ts';
import {
  accountDocument,
  balanceDocument,
  disputeDocument,
  movementDocument,
  payoutDocument,
  refundDocument,
  reversalDocument,
  transferDocument,
} from './bank-documents.ts';
import { parseFormBody } from './form-body.ts';
import { pageOfList, queryOf } from './lists.ts';
import { bankPage, linkOverPage } from './bank-pages.ts';
import { missing, refuse, refuseParameter } from './refusals.ts';
import { type AccountRecord, newId, type StripeState } from './state.ts';

const LINK_LIFE_SECONDS = 300;

const Whole = z
  .string()
  .regex(/^[0-9]{1,12}$/)
  .transform(Number);
const Metadata = z.record(z.string().max(40), z.string().max(500)).default({});
const Currency = z.string().regex(/^[a-z]{3}$/);
const CreateAccount = z.object({
  type: z.literal('express'),
  country: z.string().regex(/^[A-Z]{2}$/),
  business_type: z.string().optional(),
  metadata: Metadata,
});
const CreateLink = z.object({
  account: z.string(),
  type: z.literal('account_onboarding'),
  return_url: z.url(),
  refresh_url: z.url(),
});
const CreateTransfer = z.object({
  amount: Whole,
  currency: Currency,
  destination: z.string(),
  transfer_group: z.string().optional(),
  metadata: Metadata,
});
const CreatePayout = z.object({
  amount: Whole,
  currency: Currency,
  destination: z.string().optional(),
  metadata: Metadata,
});
const CreateReversal = z.object({ amount: Whole.optional() });
const CreateRefund = z.object({ payment_intent: z.string(), amount: Whole.optional() });

function refuseShort(c: Context): Response {
  return refuse(c, {
    status: 400,
    type: 'invalid_request_error',
    code: 'balance_insufficient',
    message: SHORT,
  });
}

export function registerBankApi(
  app: Hono,
  bank: Bank,
  file: JsonFile<StripeState>,
  publicOrigin: string,
): void {
  const read = async <T extends z.ZodType>(c: Context, schema: T) =>
    schema.safeParse(parseFormBody(await c.req.text()));
  const accountOf = (id: string | undefined) => file.value.accounts.find((one) => one.id === id);

  app.post('/v1/accounts', async (c) => {
    const parsed = await read(c, CreateAccount);
    if (!parsed.success) return refuseParameter(c, parsed.error);
    const { country, business_type: businessType = null, metadata } = parsed.data;
    return c.json(accountDocument(bank.openAccount({ country, businessType, metadata })));
  });
  app.get('/v1/accounts/:id', (c) => {
    const account = accountOf(c.req.param('id'));
    return account === undefined ? missing(c, 'account') : c.json(accountDocument(account));
  });
  app.post('/v1/account_links', async (c) => {
    const parsed = await read(c, CreateLink);
    if (!parsed.success) return refuseParameter(c, parsed.error);
    const { account, return_url: returnUrl, refresh_url: refreshUrl } = parsed.data;
    if (accountOf(account) === undefined) return missing(c, 'account');
    const created = Math.floor(Date.now() / 1000);
    const expiresAt = created + LINK_LIFE_SECONDS;
    const token = newId('link');
    file.value.links.push({ token, accountId: account, returnUrl, refreshUrl, expiresAt, isUsed: false });
    file.save();
    const url = `${publicOrigin}/setup/s/${token}`;
    return c.json({ object: 'account_link', created, expires_at: expiresAt, url });
  });

  app.post('/v1/transfers', async (c) => {
    const parsed = await read(c, CreateTransfer);
    if (!parsed.success) return refuseParameter(c, parsed.error);
    const { transfer_group: transferGroup = null, ...input } = parsed.data;
    if (accountOf(input.destination)?.payoutsEnabled !== true) {
      const message =
        'Your destination account needs to have at least one of the following capabilities enabled: transfers, crypto_transfers, legacy_payments';
      return refuse(c, {
        status: 400,
        type: 'invalid_request_error',
        code: 'insufficient_capabilities_for_transfer',
        message,
      });
    }
    const transfer = await bank.transfer({ ...input, transferGroup });
    return transfer === null ? refuseShort(c) : c.json(transferDocument(transfer));
  });
  app.get('/v1/transfers', (c) => {
    const group = queryOf(c).value('transfer_group');
    const found = file.value.transfers.filter((one) => group === null || one.transferGroup === group);
    return c.json(
      pageOfList(
        c,
        found.map((one) => ({ id: one.id, document: () => transferDocument(one) })),
      ),
    );
  });
  const transferOf = (c: Context) => file.value.transfers.find((one) => one.id === c.req.param('id'));
  app.get('/v1/transfers/:id', (c) => {
    const transfer = transferOf(c);
    return transfer === undefined ? missing(c, 'transfer') : c.json(transferDocument(transfer));
  });
  app.post('/v1/transfers/:id/reversals', async (c) => {
    const transfer = transferOf(c);
    if (transfer === undefined) return missing(c, 'transfer');
    const parsed = await read(c, CreateReversal);
    if (!parsed.success) return refuseParameter(c, parsed.error);
    if (transfer.reversalId !== null || (parsed.data.amount ?? transfer.amount) !== transfer.amount) {
      const message = `The transfer ${transfer.id} is already fully reversed, or would be in part.`;
      return refuse(c, { status: 400, type: 'invalid_request_error', message });
    }
    const reversed = await bank.reverse(transfer);
    return reversed === null ? refuseShort(c) : c.json(reversalDocument(reversed));
  });

  const callerOf = (c: Context) => accountOf(c.req.header('stripe-account'));
  app.post('/v1/payouts', async (c) => {
    const account = callerOf(c);
    if (account === undefined) return missing(c, 'account');
    const parsed = await read(c, CreatePayout);
    if (!parsed.success) return refuseParameter(c, parsed.error);
    const { destination, ...input } = parsed.data;
    if (destination !== undefined && destination !== account.bank?.id) {
      const message = `No such external account: '${destination}'`;
      const refusal = { status: 404, type: 'invalid_request_error', code: 'resource_missing' } as const;
      return refuse(c, { ...refusal, param: 'destination', message });
    }
    if (bank.knobs.refuseNext > 0 || account.bank === null) {
      bank.knobs.refuseNext = Math.max(0, bank.knobs.refuseNext - 1);
      const message = 'Sorry, you do not have any external accounts in that currency.';
      return refuse(c, { status: 400, type: 'invalid_request_error', code: 'payouts_not_allowed', message });
    }
    const payout = await bank.payOut(account, input);
    return payout === null ? refuseShort(c) : c.json(payoutDocument(payout));
  });
  app.get('/v1/payouts', (c) => {
    const account = callerOf(c);
    const query = queryOf(c);
    const status = query.value('status');
    const since = query.since('created');
    const found = file.value.payouts.filter(
      (one) =>
        one.accountId === account?.id && (status === null || one.status === status) && one.created >= since,
    );
    return c.json(
      pageOfList(
        c,
        found.map((one) => ({ id: one.id, document: () => payoutDocument(one) })),
      ),
    );
  });

  app.get('/v1/balance', (c) => {
    const account = callerOf(c) ?? null;
    const currencies = [...new Set(file.value.movements.map(({ currency }) => currency))];
    const currency = currencies[0] ?? 'sgd';
    return c.json(balanceDocument(bank.balance(account?.id ?? null, currency), currency));
  });
  app.get('/v1/balance_transactions', (c) => {
    const accountId = callerOf(c)?.id ?? null;
    const currency = queryOf(c).value('currency');
    const found = file.value.movements.filter(
      (line) => line.accountId === accountId && (currency === null || line.currency === currency),
    );
    return c.json(
      pageOfList(
        c,
        found.map((line) => ({ id: line.id, document: () => movementDocument(line) })),
      ),
    );
  });
  registerReversals(app, bank, file);
}

function registerReversals(app: Hono, bank: Bank, file: JsonFile<StripeState>): void {
  app.post('/v1/refunds', async (c) => {
    const parsed = CreateRefund.safeParse(parseFormBody(await c.req.text()));
    if (!parsed.success) return refuseParameter(c, parsed.error);
    const intent = bank.findPaid(parsed.data.payment_intent);
    if (intent === undefined) return missing(c, 'payment_intent');
    const left = intent.amount - bank.charge(intent).refunded;
    const amount = parsed.data.amount ?? left;
    if (amount > left || amount === 0) {
      const code = left === 0 ? 'charge_already_refunded' : 'amount_too_large';
      const message = `Refund amount is greater than unrefunded amount on charge (${left}).`;
      return refuse(c, { status: 400, type: 'invalid_request_error', code, message });
    }
    return c.json(await bank.refund(intent, amount));
  });
  app.get('/v1/refunds', (c) => {
    const intent = queryOf(c).value('payment_intent');
    const found = file.value.refunds.filter((one) => intent === null || one.intentId === intent);
    return c.json(
      pageOfList(
        c,
        found.map((one) => ({ id: one.id, document: () => refundDocument(one) })),
      ),
    );
  });
  app.get('/v1/refunds/:id', (c) => {
    const refund = file.value.refunds.find((one) => one.id === c.req.param('id'));
    return refund === undefined ? missing(c, 'refund') : c.json(refundDocument(refund));
  });
  app.get('/v1/charges/:id', (c) => {
    const intent = file.value.intents.find((one) => one.chargeId === c.req.param('id'));
    return intent === undefined ? missing(c, 'charge') : c.json(bank.charge(intent).document);
  });
  app.get('/v1/disputes/:id', (c) => {
    const dispute = file.value.disputes.find((one) => one.id === c.req.param('id'));
    return dispute === undefined ? missing(c, 'dispute') : c.json(disputeDocument(dispute));
  });
}

const TypedBank = z.object({
  holder: z.string().trim().min(1).max(80),
  name: z.string().trim().min(1).max(60),
  number: z
    .string()
    .transform((typed) => typed.replace(/[ -]/g, ''))
    .pipe(z.string().regex(/^[0-9]{6,17}$/)),
});

/** Where somebody names a bank account. A link is good once and for minutes, like Stripe's. */
export function registerBankPages(app: Hono, bank: Bank, file: JsonFile<StripeState>): void {
  const find = (token: string): { link: StripeState['links'][number]; account: AccountRecord } | null => {
    const link = file.value.links.find((one) => one.token === token);
    const account = file.value.accounts.find((one) => one.id === link?.accountId);
    const isOver = link === undefined || link.isUsed || link.expiresAt * 1000 < Date.now();
    return isOver || account === undefined ? null : { link, account };
  };
  app.get('/setup/s/:token', (c) => {
    const found = find(c.req.param('token'));
    return found === null
      ? c.html(linkOverPage(), 404)
      : c.html(bankPage(found.link.token, { isAgain: found.account.bank !== null, refusal: null }));
  });
  app.post('/setup/s/:token', async (c) => {
    const found = find(c.req.param('token'));
    if (found === null) return c.html(linkOverPage(), 404);
    const typed = TypedBank.safeParse(await c.req.parseBody());
    if (!typed.success) {
      const refusal = 'Please fill in all fields; the account number has 6 to 17 digits.';
      return c.html(bankPage(found.link.token, { isAgain: false, refusal }), 400);
    }
    found.link.isUsed = true;
    await bank.linkBank(found.account, typed.data);
    return c.redirect(found.link.returnUrl, 303);
  });
}
