/**
 * Money from one customer to another over the internet.
 *
 * Owns: who may receive, and the ledger transfer of it. Never: shows a stranger's full name or number.
 */
import { randomUUIDv7 } from 'node:crypto';
import { and, eq, isNull } from 'drizzle-orm';
import type { TransferPreview, TransferResult } from '../../contract/index.ts';
import { findUserByPhone, maskName, maskPhone, normalisePhone } from '../accounts/index.ts';
import type { ServerContext } from '../context.ts';
import { inTransaction } from '../db/retry.ts';
import { users } from '../db/schema/accounts.ts';
import { recoverDebts } from '../debts/recover.ts';
import { problem } from '../http/problem.ts';
import { findAccount, findTransferTime, postTransfers } from '../ledger/index.ts';

type Needs = Pick<ServerContext, 'db' | 'config'>;

interface Recipient {
  readonly id: string;
  readonly preview: TransferPreview;
}

/** @throws ApiProblem `phone_number_invalid`, `recipient_is_sender`, `recipient_not_found` */
export async function findRecipient(needs: Needs, senderId: string, typedPhone: string): Promise<Recipient> {
  const phone = normalisePhone(typedPhone, needs.config.region);
  const user = await findUserByPhone(needs.db, phone);
  if (user?.id === senderId) throw problem('recipient_is_sender');
  if (user === undefined || user.role !== 'customer') throw problem('recipient_not_found');
  return { id: user.id, preview: { maskedName: maskName(user.username), maskedPhone: maskPhone(phone) } };
}

export interface SendMoney {
  readonly senderId: string;
  readonly phone: string;
  readonly amountMinor: bigint;
  readonly note?: string | undefined;
  /** Names this write for ever. */
  readonly key: string;
}

/** @throws ApiProblem like {@link findRecipient}, and `insufficient_funds`, `amount_above_maximum` */
export async function sendMoney(needs: Needs, request: SendMoney): Promise<TransferResult> {
  const { config, db } = needs;
  if (request.amountMinor > config.limits.transferMaxMinor) throw problem('amount_above_maximum');
  const recipient = await findRecipient(needs, request.senderId, request.phone);
  const [sender] = await db
    .select({ username: users.username, phone: users.phone })
    .from(users)
    .where(eq(users.id, request.senderId));
  if (sender === undefined) throw problem('not_authenticated');
  const currency = config.currency;
  const [from, to] = await Promise.all(
    [request.senderId, recipient.id].map((ownerId) =>
      findAccount(db, { kind: 'user_online', ownerId, currency }),
    ),
  );
  if (from === undefined || to === undefined) throw problem('internal_error');
  const reference = {
    payerText: `${maskName(sender.username)} ${maskPhone(sender.phone)}`,
    payeeText: `${recipient.preview.maskedName} ${recipient.preview.maskedPhone}`,
    ...(request.note === undefined || request.note === '' ? {} : { note: withoutControls(request.note) }),
  };
  const entries = [
    { accountId: from, amountMinor: -request.amountMinor },
    { accountId: to, amountMinor: request.amountMinor },
  ];
  const transfer = {
    id: randomUUIDv7(),
    kind: 'user_transfer',
    idempotencyKey: `user_transfer:${request.key}`,
    reference,
    entries,
  } as const;
  const posted = await inTransaction(db, async (tx) => {
    // Held until the money is there: nobody's account is closed while it comes.
    const isOpen = and(eq(users.id, recipient.id), isNull(users.closedAt));
    const [open] = await tx.select({ id: users.id }).from(users).where(isOpen).for('share');
    if (open === undefined) throw problem('recipient_not_found');
    const [result] = await postTransfers(tx, [transfer]);
    if (result?.status === 'insufficient_funds') throw problem('insufficient_funds');
    if (result === undefined || result.transferId === null) throw problem('idempotency_key_reused');
    if (result.status === 'posted') {
      const { amountMinor } = request;
      await recoverDebts(tx, { userId: recipient.id, currency, amountMinor, transferId: result.transferId });
    }
    return { id: result.transferId, createdAt: await findTransferTime(tx, result.transferId) };
  });
  return {
    id: posted.id,
    amountMinor: request.amountMinor.toString(),
    currency,
    recipient: recipient.preview,
    createdAt: posted.createdAt.toISOString(),
  };
}

/** Notes are one line of text for screens and statements; control and direction-changing characters are not text. */
function withoutControls(note: string): string {
  return note.replace(/(?:(?![\u200c\u200d])[\p{C}\p{Zl}\p{Zp}])+/gu, ' ').trim();
}
