/** What was given back of one sale, in its detail, and the way to give back more. */
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import type { GivenBack as GivenBackPart, Payment, RefundSettlement } from '../../ipc/agent-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import type { IconName } from '../look/icons.tsx';
import { Problem, StateWord, type Tone } from '../look/panel.tsx';
import { tillStop } from '../sell/stopped-screen.tsx';
import classes from './give-back.module.css';

const looks: Record<RefundSettlement, { tone: Tone; icon: IconName }> = {
  on_this_device: { tone: 'warn', icon: 'clock' },
  sent: { tone: 'calm', icon: 'upload' },
  waiting: { tone: 'warn', icon: 'clock' },
  settled: { tone: 'good', icon: 'checkDouble' },
  refused: { tone: 'bad', icon: 'stop' },
};

interface GivenBackProps {
  payment: Payment;
  onGiveBack: () => void;
}

export function GivenBack({ payment, onGiveBack }: GivenBackProps): ReactElement {
  const { t, money } = useLanguage();
  const isTouched = payment.refundedMinor !== '0';
  const isAllGiven = BigInt(payment.refundedMinor) >= BigInt(payment.amountMinor);
  const isStopped = tillStop(useAgent().state.problems) !== null;
  const isUnpaid = payment.settlement === 'refused' || payment.settlement === 'disputed';
  return (
    <section className={classes.given} aria-label={t('giveBack.list')} data-testid="given-back">
      {isTouched && (
        <p className={classes.progress} data-testid="given-back-sum" data-minor={payment.refundedMinor}>
          {t('giveBack.ofSale', {
            given: money(payment.refundedMinor, payment.currency),
            total: money(payment.amountMinor, payment.currency),
          })}
        </p>
      )}
      {isUnpaid && !isTouched ? (
        <p className={classes.none}>{t('giveBack.notPaid')}</p>
      ) : (
        !isAllGiven &&
        !isUnpaid &&
        (isStopped ? (
          <p className={classes.none} data-testid="give-back-stopped">
            {t('giveBack.stopped')}
          </p>
        ) : (
          <Button variant="default" fullWidth data-testid="give-back" onClick={onGiveBack}>
            {t('giveBack.action')}
          </Button>
        ))
      )}
      {/* Below what is tapped: the list comes later than the rest. */}
      {isTouched && <Parts payment={payment} />}
    </section>
  );
}

function Parts({ payment }: { payment: Payment }): ReactElement {
  const { paymentHash, refundedMinor } = payment;
  const { state } = useAgent();
  const parts = useQuery({
    // Asked for again when more was given back, and when the cloud has said something new.
    queryKey: ['refund.list', paymentHash, refundedMinor, state.settlement.lastSettledAt],
    queryFn: () => call('refund.list', { paymentHash }),
    placeholderData: (before) => before,
  });
  if (parts.isError) return <Problem code={codeOf(parts.error)} onRetry={() => void parts.refetch()} />;
  return (
    <ul className={classes.parts}>
      {(parts.data?.items ?? []).map((part) => (
        <Part key={part.refundId} part={part} currency={payment.currency} />
      ))}
    </ul>
  );
}

function Part({ part, currency }: { part: GivenBackPart; currency: string }): ReactElement {
  const { t, money, count, moment, refusal } = useLanguage();
  return (
    <li className={classes.part} data-testid="given-back-part" data-settlement={part.settlement}>
      <span className={classes.partHead}>
        <strong className="tiki-number">{money(part.amountMinor, currency)}</strong>
        <StateWord {...looks[part.settlement]}>{t(`giveBack.settlement.${part.settlement}`)}</StateWord>
      </span>
      <span className={classes.partFoot}>
        {t(`giveBack.reasons.${part.reason}`)} · {moment(part.givenBackAt)} ·{' '}
        {t('activity.receiptShort', { number: count(part.sequence) })}
      </span>
      {part.refusalCode !== null && <span className={classes.partFoot}>{refusal(part.refusalCode)}</span>}
    </li>
  );
}
