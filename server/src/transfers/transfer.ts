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

const textOf = ({ maskedName, maskedPhone }: Shown) => `${maskedName} ${maskedPhone}`;

/** A masked number ends the text, and no word of a masked name ends with a digit. */
const SHOWN = /^(.*?) ((?:\+\d{0,3} )?••••(?: \d{1,4})?)$/su;

/** The two parts of a transfer's text again; null for what is no such text. */
export function shownOf(text: string): Shown | null {
  const [, maskedName, maskedPhone] = SHOWN.exec(text) ?? [];
  return maskedName === undefined || maskedPhone === undefined ? null : { maskedName, maskedPhone };
}

/** The ledger's own key, for ever. @param key of the write */
export const ledgerKeyOf = (key: string) => `user_transfer:${key}`;

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
    idempotencyKey: ledgerKeyOf(key),
    reference: {
      payerText: textOf(sender),
      payeeText: textOf(recipient),
      ...(note === undefined || note === '' ? {} : { note: noteText(note) }),
    },
    entries: [
      { accountId: from, amountMinor: -amountMinor },
      { accountId: to, amountMinor },
    ],
  };
}

interface Told {
  readonly id: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  /** JSON of how the recipient is shown. */
  readonly shown: string;
}

/** JSON of a `TransferResult`. */
export const answerOf = (told: Told, createdAt: Date): string =>
  answerUntilTime(told) + createdAt.toISOString() + END_OF_ANSWER;

/**
 * The same as far as where its time begins, which the database knows alone while the answer is kept. Then {@link END_OF_ANSWER}
 * follows.
 */
export function answerUntilTime({ id, amountMinor, currency, shown }: Told): string {
  return `{"id":"${id}","amountMinor":"${amountMinor}","currency":"${currency}","recipient":${shown},"createdAt":"`;
}

export const END_OF_ANSWER = '"}';

/** Notes are one line of text for screens and statements; control and direction-changing characters are not text. */
export function noteText(note = ''): string {
  return note.replace(/(?:(?![\u200c\u200d])[\p{C}\p{Zl}\p{Zp}])+/gu, ' ').trim();
}
