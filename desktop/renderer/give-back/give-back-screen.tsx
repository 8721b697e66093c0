/**
 * Giving money of one sale back, from the amount to the receipt. Owns which step is on the screen; the offer itself is the
 * agent's, so a page that starts anew in the middle of one shows it again.
 */
import { useMutation } from '@tanstack/react-query';
import { type ReactElement, useState } from 'react';
import type { Payment, Refund } from '../../ipc/agent-contract.ts';
import { call, CallFailed } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { tillStop } from '../sell/stopped-screen.tsx';
import { ChooseStep, type Wish } from './choose-step.tsx';
import { EndedStep } from './ended-step.tsx';
import { OfferStep } from './offer-step.tsx';

interface GiveBackScreenProps {
  payment: Payment;
  onClose: () => void;
}

export function GiveBackScreen({ payment, onClose }: GiveBackScreenProps): ReactElement {
  const { state, receivedAtMs } = useAgent();
  // What is open already is shown again, whoever began it.
  const [refundId, setRefundId] = useState(() => openOfferOf(payment, state.refund)?.refundId ?? null);
  const open = useMutation({
    mutationFn: async ({ refundId: id, ...wish }: Wish & { refundId: string }) => {
      const { pin, ...asked } = wish;
      const answer = await call('refund.open', {
        ...asked,
        refundId: id,
        sequence: payment.sequence,
        ...(pin === null ? {} : { pin }),
      });
      if (answer.outcome === 'refused') throw new CallFailed(answer.code);
      return answer.refund;
    },
    onSuccess: (refund) => setRefundId(refund.refundId),
  });
  const cancel = useMutation({ mutationFn: (id: string) => call('refund.cancel', { refundId: id }) });
  const refund = state.refund?.refundId === refundId ? state.refund : null;
  const ask = (wish: Wish): void => {
    const before = open.variables;
    // One id for one wish: asked again after a lost answer, it is the same offer.
    const isAgain =
      open.isError &&
      before !== undefined &&
      before.amountMinor === wish.amountMinor &&
      before.kind === wish.kind;
    open.mutate({ ...wish, refundId: isAgain ? before.refundId : crypto.randomUUID() });
  };
  const startAnew = (): void => {
    setRefundId(null);
    open.reset();
    cancel.reset();
  };

  if (refund === null)
    return (
      <ChooseStep
        payment={payment}
        onAsk={ask}
        onForgetError={open.reset}
        asking={open.isPending}
        error={open.error}
        onClose={onClose}
      />
    );
  // As with sales: no code is shown that nobody can accept, not even until the agent has closed it.
  if (refund.state === 'open' && tillStop(state.problems) === null)
    return (
      <OfferStep
        key={refund.refundId}
        refund={refund}
        receivedAtMs={receivedAtMs}
        onCancel={() => cancel.mutate(refund.refundId)}
        cancelling={cancel.isPending}
        error={cancel.error}
      />
    );
  return <EndedStep refund={refund} onNewCode={startAnew} onClose={onClose} />;
}

function openOfferOf(payment: Payment, refund: Refund | null): Refund | null {
  return refund?.state === 'open' && refund.paymentHash === payment.paymentHash ? refund : null;
}
