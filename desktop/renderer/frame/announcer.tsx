/** Says aloud, to those who listen to a screen reader, what the others see happen: paid, refused, offline, back. */
import { type ReactElement, useEffect, useRef, useState } from 'react';
import type { AgentState, Sale } from '../../ipc/agent-contract.ts';
import { useAgent } from '../agent/connection.ts';
import { type Language, useLanguage } from '../language/use-language.ts';
import { usePreferences } from '../settings/preferences.ts';
import { playChime } from './chime.ts';

export type Happening =
  /** Of whichever sale, in front or not. */
  | { kind: 'paid'; sale: Sale }
  | { kind: 'refused'; code: string }
  | { kind: 'givenBack' }
  | { kind: 'online' }
  | { kind: 'offline' };

/** Pure: what changed between two states that is worth a word and, for money, a sound. Money first. */
export function happeningsBetween(before: AgentState, after: AgentState): readonly Happening[] {
  const pairs = after.sales.flatMap((sale) => {
    const same = before.sales.find(({ saleId }) => saleId === sale.saleId);
    return same === undefined ? [] : [{ sale, same }];
  });
  const paid = pairs.filter(({ sale, same }) => sale.state === 'paid' && same.state !== 'paid');
  const refusals = pairs.flatMap(({ sale, same }) => {
    const isNew = (sale.lastRefusal?.attempts ?? 0) > (same.lastRefusal?.attempts ?? 0);
    return isNew && sale.state !== 'paid' && sale.lastRefusal !== null ? [sale.lastRefusal.code] : [];
  });
  const { refund } = after;
  const wasOpen = before.refund?.refundId === refund?.refundId && before.refund?.state === 'open';
  const wasOffline = before.cloud.state === 'offline';
  return [
    ...paid.map(({ sale }) => ({ kind: 'paid', sale }) as const),
    ...refusals.map((code) => ({ kind: 'refused', code }) as const),
    ...(refund?.state === 'given_back' && wasOpen ? [{ kind: 'givenBack' } as const] : []),
    ...(!wasOffline && after.cloud.state === 'offline' ? [{ kind: 'offline' } as const] : []),
    ...(wasOffline && after.cloud.state === 'online' ? [{ kind: 'online' } as const] : []),
  ];
}

export function Announcer(): ReactElement {
  const { state } = useAgent();
  const language = useLanguage();
  const { sound } = usePreferences();
  const previous = useRef(state);
  const [words, setWords] = useState('');

  useEffect(() => {
    const happenings = happeningsBetween(previous.current, state);
    previous.current = state;
    if (happenings.length === 0) return;
    setWords(happenings.map((happening) => sentenceOf(happening, state, language)).join(' '));
    const heard = happenings.find(({ kind }) => kind === 'paid' || kind === 'refused')?.kind;
    if (sound && (heard === 'paid' || heard === 'refused')) playChime(heard);
    // The sentence belongs to the moment; a later change of language does not repeat it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [state]);

  return (
    <div className="tiki-hidden" role="status" aria-live="assertive" data-testid="announcer">
      {words}
    </div>
  );
}

function sentenceOf(happening: Happening, state: AgentState, { t, money, refusal }: Language): string {
  switch (happening.kind) {
    case 'paid': {
      const { amountMinor, currency, shortCode, payment } = happening.sale;
      const facts = { amount: money(amountMinor, currency), number: payment?.sequence ?? 0 };
      // With one customer there is nothing to tell apart.
      return state.sales.length > 1
        ? t('paid.announceSeveral', { ...facts, digits: [...shortCode].join(' ') })
        : t('paid.announce', facts);
    }
    case 'givenBack': {
      const { amountMinor = '0', currency = 'USD' } = state.refund ?? {};
      return t('giveBack.announce', { amount: money(amountMinor, currency) });
    }
    case 'refused':
      return t('announce.refused', { reason: refusal(happening.code) });
    case 'online':
    case 'offline':
      return t(`announce.${happening.kind}`);
  }
}
