/** Typing an amount of money: large, in the currency's decimals, with quick choices and limits in words. */
import { Amount } from '@tikiwallet/protocol';
import { useState } from 'preact/hooks';
import { money, parseTyped } from '../../i18n/format.ts';
import { t } from '../../i18n/translate.ts';
import { AmountPicks, Field } from './ui.tsx';

export interface AmountLimits {
  readonly minMinor: bigint;
  readonly maxMinor: bigint;
}

export interface TypedAmount {
  readonly text: string;
  readonly minor: bigint | null;
  /** A sentence, when what was typed cannot be used. */
  readonly problem: string | null;
  readonly setText: (text: string) => void;
}

/** @param limits null while they are not known: the cloud then has the last word. */
export function useAmount(currency: string, limits: AmountLimits | null): TypedAmount {
  const [text, setText] = useState('');
  const amount = text.trim() === '' ? null : parseTyped(text, currency);
  if (text.trim() === '') return { text, minor: null, problem: null, setText };
  if (amount === null) return { text, minor: null, problem: t('error.amount_not_understood'), setText };
  if (limits !== null && amount.minor > limits.maxMinor) {
    return {
      text,
      minor: null,
      problem: t('amount.at_most', { amount: money(limits.maxMinor, currency) }),
      setText,
    };
  }
  if (limits !== null && amount.minor < limits.minMinor) {
    return {
      text,
      minor: null,
      problem: t('amount.at_least', { amount: money(limits.minMinor, currency) }),
      setText,
    };
  }
  return { text, minor: amount.minor, problem: null, setText };
}

type Props = {
  readonly amount: TypedAmount;
  readonly currency: string;
  readonly label: string;
  readonly hint?: string;
  readonly picks?: readonly bigint[];
  readonly testId: string;
};

export function AmountField({ amount, currency, label, hint, picks = [], testId }: Props) {
  return (
    <div class="amount-field">
      <Field
        label={label}
        value={amount.text}
        onInput={amount.setText}
        problem={amount.problem}
        {...(hint === undefined ? {} : { hint })}
        testId={testId}
        input={{
          inputMode: 'decimal',
          autoComplete: 'off',
          dir: 'ltr',
          class: 'amount-input',
          placeholder: '0',
          maxLength: 20,
        }}
        suffix={<span class="amount-currency">{currency}</span>}
      />
      {picks.length > 0 && (
        <AmountPicks
          picks={picks}
          currency={currency}
          onPick={(minor) => amount.setText(Amount.of(minor, currency).toDecimal())}
        />
      )}
    </div>
  );
}

/**
 * Round sums within the limits, in steps that fit any currency: 1, 2, 5 and 10 times a round part of the maximum.
 * @param part the maximum is `part` times the first step's size: 10 offers up to all of it, 100 up to a tenth.
 */
export function quickPicks(limits: AmountLimits, part: bigint): readonly bigint[] {
  const smallest = limits.maxMinor / part;
  if (smallest < 1n) return [];
  const magnitude = 10n ** BigInt(smallest.toString().length - 1);
  const step = (smallest / magnitude) * magnitude;
  return [step, step * 2n, step * 5n, step * 10n].filter(
    (pick) => pick >= limits.minMinor && pick <= limits.maxMinor,
  );
}
