/** What an online transfer is, in the ledger and on both people's screens. Pure. */
import { randomUUIDv7 } from 'node:crypto';
import type { TransferPreview } from '../../contract/index.ts';
import { maskName, maskPhone } from '../accounts/index.ts';
import type { NewTransfer } from '../ledger/index.ts';

export interface SendMoney {
  readonly senderId: string;
  readonly phone: string;
  readonly amountMinor: bigint;
  readonly note?: string | undefined;
  /** Names this write for ever. */
  readonly key: string;
}

interface Named {
  readonly username: string;
  readonly phone: string;
}

export function preview({ username, phone }: Named): TransferPreview {
  return { maskedName: maskName(username), maskedPhone: maskPhone(phone) };
}

/** How a person is shown to the other one. */
export type Shown = TransferPreview;

export interface Sides {
  readonly sender: Shown;
  readonly recipient: Shown;
  /** Accounts. */
  readonly from: string;
  readonly to: string;
}

export function transferOf(
  { amountMinor, note, key }: Pick<SendMoney, 'amountMinor' | 'note' | 'key'>,
  { sender, recipient, from, to }: Sides,
): NewTransfer {
  return {
    id: randomUUIDv7(),
    kind: 'user_transfer',
    idempotencyKey: `user_transfer:${key}`,
    reference: {
      payerText: `${sender.maskedName} ${sender.maskedPhone}`,
      payeeText: `${recipient.maskedName} ${recipient.maskedPhone}`,
      ...(note === undefined || note === '' ? {} : { note: withoutControls(note) }),
    },
    entries: [
      { accountId: from, amountMinor: -amountMinor },
      { accountId: to, amountMinor },
    ],
  };
}

/**
 * JSON of a `TransferResult` as far as where its time begins, which the database knows alone while the answer is kept. Then
 * {@link END_OF_ANSWER} follows.
 */
export function answerUntilTime({
  id,
  amountMinor,
  currency,
  shown,
}: {
  readonly id: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  /** JSON of how the recipient is shown. */
  readonly shown: string;
}): string {
  return `{"id":"${id}","amountMinor":"${amountMinor}","currency":"${currency}","recipient":${shown},"createdAt":"`;
}

export const END_OF_ANSWER = '"}';

/** Notes are one line of text for screens and statements; control and direction-changing characters are not text. */
function withoutControls(note: string): string {
  return note.replace(/(?:(?![\u200c\u200d])[\p{C}\p{Zl}\p{Zp}])+/gu, ' ').trim();
}
