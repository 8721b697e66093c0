/** Says aloud, to those who listen to a screen reader, what the others see happen: paid, refused, offline, back. */
import { type ReactElement, useEffect, useRef, useState } from 'react';
import type { AgentState } from '../../ipc/agent-contract.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { usePreferences } from '../settings/preferences.ts';
import { playChime } from './chime.ts';

export type Happening =
  | { kind: 'paid' }
  | { kind: 'refused'; code: string }
  | { kind: 'givenBack' }
  | { kind: 'online' }
  | { kind: 'offline' };

/** Pure: what changed between two states that is worth a word and, for money, a sound. */
export function happeningBetween(before: AgentState, after: AgentState): Happening | undefined {
  const sale = after.sale;
  const same = before.sale?.saleId === sale?.saleId ? before.sale : null;
  if (sale?.state === 'paid' && same !== null && same.state !== 'paid') return { kind: 'paid' };
  if (sale?.lastRefusal && sale.lastRefusal.attempts > (same?.lastRefusal?.attempts ?? 0) && same !== null)
    return { kind: 'refused', code: sale.lastRefusal.code };
  const { refund } = after;
  const wasOpen = before.refund?.refundId === refund?.refundId && before.refund?.state === 'open';
  if (refund?.state === 'given_back' && wasOpen) return { kind: 'givenBack' };
  if (before.cloud.state !== 'offline' && after.cloud.state === 'offline') return { kind: 'offline' };
  if (before.cloud.state === 'offline' && after.cloud.state === 'online') return { kind: 'online' };
  return undefined;
}

export function Announcer(): ReactElement {
  const { state } = useAgent();
  const language = useLanguage();
  const { sound } = usePreferences();
  const previous = useRef(state);
  const [words, setWords] = useState('');

  useEffect(() => {
    const happening = happeningBetween(previous.current, state);
    previous.current = state;
    if (happening === undefined) return;
    const { sale } = state;
    if (happening.kind === 'paid' && sale?.payment) {
      setWords(
        language.t('paid.announce', {
          amount: language.money(sale.amountMinor, sale.currency),
          number: sale.payment.sequence,
        }),
      );
    } else if (happening.kind === 'givenBack') {
      const { amountMinor = '0', currency = 'USD' } = state.refund ?? {};
      setWords(language.t('giveBack.announce', { amount: language.money(amountMinor, currency) }));
    } else if (happening.kind === 'refused')
      setWords(language.t('announce.refused', { reason: language.refusal(happening.code) }));
    else setWords(language.t(happening.kind === 'online' ? 'announce.online' : 'announce.offline'));
    if (sound && (happening.kind === 'paid' || happening.kind === 'refused')) playChime(happening.kind);
    // The sentence belongs to the moment; a later change of language does not repeat it.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [state]);

  return (
    <div className="tiki-hidden" role="status" aria-live="assertive" data-testid="announcer">
      {words}
    </div>
  );
}
