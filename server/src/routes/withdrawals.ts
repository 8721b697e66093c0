/** Money to the bank, for customers from the online wallet, for merchants from their balance. */
import type { Executor } from '../db/client.ts';
import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import {
  BankAccountLink,
  BankAccountView,
  ConfirmWithdrawalBody,
  pageOf,
  PageQuery,
  type Permission,
  Uuid,
  Withdrawal,
  WithdrawalBody,
} from '../../contract/index.ts';
import { findOwner, requireStepUp } from '../accounts/index.ts';
import type { RegisterRoutes, ServerContext } from '../context.ts';
import { readTimeCursor } from '../http/cursor.ts';
import {
  type AppEnv,
  answers,
  bearer,
  bearerOf,
  idempotencyHeaders,
  json,
  refusals,
} from '../http/router.ts';
import {
  bankAccountState,
  findBankAccount,
  linkBankAccount,
  lookAtBankAccount,
} from '../money/bank-accounts.ts';
import { confirmWithdrawal, requestWithdrawal, resendCode } from '../money/withdrawals/request.ts';
import { type Pocket, readTerms } from '../money/withdrawals/terms.ts';
import { findWithdrawal, listWithdrawals, withdrawalView } from '../money/withdrawals/views.ts';
import type { Context } from 'hono';

const tags = ['money out'];
const params = z.object({ id: Uuid });
const bankRoute = createRoute({
  method: 'get',
  path: '/v1/bank-account',
  tags,
  summary: 'Where withdrawals go, and what may go now',
  security: bearer,
  responses: { 200: answers(BankAccountView, 'The bank account'), ...refusals },
});
const linkRoute = createRoute({
  method: 'post',
  path: '/v1/bank-account/link',
  tags,
  summary: "A link to the provider's pages, to name or change the bank account",
  security: bearer,
  responses: { 200: answers(BankAccountLink, 'Good once and for minutes'), ...refusals },
});
const createWithdrawal = createRoute({
  method: 'post',
  path: '/v1/withdrawals',
  tags,
  summary: 'Send money to the bank',
  security: bearer,
  request: { headers: idempotencyHeaders, body: { content: json(WithdrawalBody), required: true } },
  responses: { 200: answers(Withdrawal, 'On its way, or waiting for a code'), ...refusals },
});
const listRoute = createRoute({
  method: 'get',
  path: '/v1/withdrawals',
  tags,
  summary: 'Withdrawals and what became of them',
  security: bearer,
  request: { query: PageQuery },
  responses: { 200: answers(pageOf(Withdrawal), 'A page, newest first'), ...refusals },
});
const merchantListRoute = createRoute({
  method: 'get',
  path: '/v1/merchant/pay-outs',
  tags,
  summary: "The merchant's pay-outs, for its whole team that may read them",
  security: bearerOf('pay_outs.read'),
  request: { query: PageQuery },
  responses: { 200: answers(pageOf(Withdrawal), 'A page, newest first'), ...refusals },
});
const getRoute = createRoute({
  method: 'get',
  path: '/v1/withdrawals/{id}',
  tags,
  summary: 'What became of a withdrawal',
  security: bearer,
  request: { params },
  responses: { 200: answers(Withdrawal, 'The withdrawal'), ...refusals },
});
const confirmRoute = createRoute({
  method: 'post',
  path: '/v1/withdrawals/{id}/confirm',
  tags,
  summary: 'Confirm a withdrawal by the code of the SMS',
  security: bearer,
  request: { params, body: { content: json(ConfirmWithdrawalBody), required: true } },
  responses: { 200: answers(Withdrawal, 'On its way'), ...refusals },
});
const resendRoute = createRoute({
  method: 'post',
  path: '/v1/withdrawals/{id}/resend',
  tags,
  summary: 'Send the code again',
  security: bearer,
  request: { params },
  responses: { 200: answers(Withdrawal, 'Sent'), ...refusals },
});

/** A customer's wallet or a merchant's balance: whoever asks has one of the two, by what the account was made for. */
async function pocketOf(
  { auth }: ServerContext,
  c: Context<AppEnv>,
  permission: Permission,
): Promise<Pocket> {
  const { userId, role } = await auth.requireUser(c);
  if (role === 'customer') return { userId, kind: 'user_online', ownerId: userId };
  const { merchantId } = await auth.requireMerchant(c, permission);
  return { userId, kind: 'merchant_available', ownerId: merchantId };
}

export const registerWithdrawals: RegisterRoutes = (router, context) => {
  const { addressOf, asTenant, auth, clock, db, dbOf, idempotency, limits } = context;
  /** Writes of whose pocket it is. */
  const needsOf = ({ userId, kind, ownerId }: Pocket) => ({
    ...context,
    db: dbOf({ userId, merchantId: kind === 'merchant_available' ? ownerId : null }),
  });
  router.openapi(bankRoute, async (c) => {
    const pocket = await pocketOf(context, c, 'pay_outs.read');
    const needs = needsOf(pocket);
    const row = await lookAtBankAccount(needs, pocket.userId, { mustBeFresh: false });
    const terms = await readTerms(needs.db, context, pocket);
    const state = bankAccountState(row);
    return c.json({ state, bankName: row?.bankName ?? null, last4: row?.bankLast4 ?? null, terms }, 200);
  });
  router.openapi(linkRoute, async (c) => {
    const pocket = await pocketOf(context, c, 'bank_account.manage');
    const { userId, kind } = pocket;
    await limits.take('bank_link_by_user', userId);
    // The first bank account takes the place of none, and the first withdrawal to it asks for a code anyway.
    const needs = needsOf(pocket);
    const linked = await findBankAccount(needs.db, userId);
    if (linked?.bankId !== null && linked !== null)
      await requireStepUp(context, await auth.requireUser(c), 'bank_account');
    const owner = { userId, isBusiness: kind === 'merchant_available' };
    return c.json(await linkBankAccount(needs, owner), 200);
  });
  router.openapi(createWithdrawal, async (c) => {
    const pocket = await pocketOf(context, c, 'pay_outs.order');
    await limits.take('withdrawal_by_user', pocket.userId);
    const { amountMinor, feeMinor } = c.req.valid('json');
    const result = await idempotency.run(c, {
      userId: pocket.userId,
      route: 'POST /v1/withdrawals',
      input: { amountMinor, feeMinor },
      schema: Withdrawal,
      work: (key) =>
        requestWithdrawal(needsOf(pocket), {
          pocket,
          amountMinor: BigInt(amountMinor),
          feeMinor: BigInt(feeMinor),
          key,
        }),
    });
    return c.json(result, 200);
  });
  router.openapi(listRoute, async (c) => {
    const { userId } = await pocketOf(context, c, 'pay_outs.read');
    const { cursor, limit } = c.req.valid('query');
    const query = { userId, limit, before: readTimeCursor(cursor), nowMs: clock.nowMs() };
    return c.json(await asTenant({ userId, merchantId: null }, (tx) => listWithdrawals(tx, query)), 200);
  });
  router.openapi(merchantListRoute, async (c) => {
    const { userId: caller, merchantId } = await auth.requireMerchant(c, 'pay_outs.read');
    const { cursor, limit } = c.req.valid('query');
    // Ordered by the owner, whoever looks at them.
    const userId = await findOwner(db, merchantId);
    const query = { userId, limit, before: readTimeCursor(cursor), nowMs: clock.nowMs() };
    const read = (tx: Executor) => listWithdrawals(tx, query);
    return c.json(await asTenant({ userId: caller, merchantId }, read), 200);
  });
  router.openapi(getRoute, async (c) => {
    const { userId } = await pocketOf(context, c, 'pay_outs.read');
    const { id } = c.req.valid('param');
    const row = await asTenant({ userId, merchantId: null }, (tx) => findWithdrawal(tx, userId, id));
    return c.json(withdrawalView(row, clock.nowMs()), 200);
  });
  router.openapi(confirmRoute, async (c) => {
    const pocket = await pocketOf(context, c, 'pay_outs.order');
    const { id } = c.req.valid('param');
    const { code } = c.req.valid('json');
    return c.json(await confirmWithdrawal(needsOf(pocket), { pocket, id, code, address: addressOf(c) }), 200);
  });
  router.openapi(resendRoute, async (c) => {
    const pocket = await pocketOf(context, c, 'pay_outs.order');
    const { id } = c.req.valid('param');
    return c.json(await resendCode(needsOf(pocket), { pocket, id }), 200);
  });
};
