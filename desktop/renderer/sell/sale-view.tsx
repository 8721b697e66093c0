/**
 * Which face of a sale is on the screen: keypad, waiting, expired, stopped, paid. Owns opening and cancelling; the sale itself
 * is the agent's, so a page that starts anew in the middle of one shows it again.
 */
import { useMutation } from '@tanstack/react-query';
import { type ReactElement, useCallback, useEffect, useState } from 'react';
import type { AgentState, Sale } from '../../ipc/agent-contract.ts';
import { call } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { Counter } from './counter.tsx';
import classes from './counter.module.css';
import { ExpiredScreen } from './expired-screen.tsx';
import { PayerPhoneScreen } from './payer-phone-screen.tsx';
import { PaidScreen } from './paid-screen.tsx';
import { SellScreen } from './sell-screen.tsx';
import { StoppedScreen, stopOf } from './stopped-screen.tsx';
import { WaitingScreen } from './waiting-screen.tsx';

const DISMISSED_KEY = 'tiki.dismissedSale';
/** A paid sale found at the start of a page is news only for so long. */
const STALE_PAID_MS = 10 * 60_000;

/** Pure: what to show for the agent's sale. "Paid" is not said of one whose money went back. */
export function faceOf(
  sale: Sale | null,
  dismissedSaleId: string | null,
  nowMs: number,
  { refund, problems }: Pick<AgentState, 'refund' | 'problems'> = { refund: null, problems: [] },
): 'keypad' | 'waiting' | 'expired' | 'paid' | 'stopped' {
  if (sale === null || sale.saleId === dismissedSaleId || isGivenBack(sale, refund)) return 'keypad';
  if (stopOf(sale, problems) !== null) return 'stopped';
  switch (sale.state) {
    case 'open':
      return 'waiting';
    case 'expired':
      return 'expired';
    case 'cancelled':
      return 'keypad';
    case 'paid':
      return nowMs - Date.parse(sale.payment?.acceptedAt ?? sale.openedAt) > STALE_PAID_MS
        ? 'keypad'
        : 'paid';
  }
}

/** Pure: in part is enough, since whoever gives money back has seen that the sale was paid. */
function isGivenBack({ payment }: Sale, refund: AgentState['refund']): boolean {
  return payment !== null && refund?.state === 'given_back' && refund.paymentHash === payment.paymentHash;
}

/** A sale leaves the counter when its money goes back, wherever the cashier is meanwhile. */
export function useGivenBackPutAway(): void {
  const { state } = useAgent();
  const saleId = state.sales.find((sale) => isGivenBack(sale, state.refund))?.saleId;
  const { mutate: putAway } = useMutation({
    mutationFn: (id: string) => call('sale.putAway', { saleId: id }),
  });
  useEffect(() => {
    if (saleId === undefined) return;
    localStorage.setItem(DISMISSED_KEY, saleId);
    putAway(saleId);
  }, [saleId, putAway]);
}

export function SaleView(): ReactElement {
  const { state, receivedAtMs } = useAgent();
  const { sale, sales, till } = state;
  const front = useMutation({ mutationFn: (saleId: string | null) => call('sale.front', { saleId }) });
  // Also when the choice was taken back while several were open.
  if (till.mostOpen === 1 && sales.length <= 1) return <FrontSale />;
  return (
    <div className={classes.page}>
      <Counter
        sales={sales}
        frontId={sale?.saleId ?? null}
        receivedAtMs={receivedAtMs}
        onFront={(saleId) => front.mutate(saleId)}
      />
      <div className={classes.front} data-counter>
        <FrontSale />
      </div>
    </div>
  );
}

function FrontSale(): ReactElement {
  const { state, receivedAtMs } = useAgent();
  const { sale } = state;
  /** The amount for which the customer's number is being asked. */
  const [asking, setAsking] = useState<string>();
  const [dismissed, setDismissed] = useState(() => localStorage.getItem(DISMISSED_KEY));
  // One id for one wish: a charge that is tried again after a lost answer opens the same sale.
  const open = useMutation({
    mutationFn: (wish: { saleId: string; amountMinor: string; payerPhone?: string }) =>
      call('sale.open', wish),
    onSuccess: () => setAsking(undefined),
  });
  const cancel = useMutation({ mutationFn: (saleId: string) => call('sale.cancel', { saleId }) });
  const { mutate: putAway } = useMutation({
    mutationFn: (saleId: string) => call('sale.putAway', { saleId }),
  });

  const { reset: resetOpen } = open;
  const { reset: resetCancel } = cancel;

  const dismiss = useCallback((): void => {
    if (sale === null) return;
    localStorage.setItem(DISMISSED_KEY, sale.saleId);
    setDismissed(sale.saleId);
    putAway(sale.saleId);
    resetOpen();
    resetCancel();
  }, [sale, putAway, resetOpen, resetCancel]);
  const charge = (amountMinor: string, payerPhone?: string): void => {
    resetCancel();
    const again = open.variables;
    const repeated = open.isError && again?.amountMinor === amountMinor && again.payerPhone === payerPhone;
    const wish = payerPhone === undefined ? { amountMinor } : { amountMinor, payerPhone };
    open.mutate(repeated ? again : { saleId: crypto.randomUUID(), ...wish });
  };

  const face = faceOf(sale, dismissed, Date.now(), state);
  const askOrCharge = (amountMinor: string, withPhone: boolean): void => {
    if (withPhone) setAsking(amountMinor);
    else charge(amountMinor);
  };
  if (asking !== undefined && face !== 'waiting' && face !== 'paid')
    return (
      <PayerPhoneScreen
        amountMinor={asking}
        onPhone={(phone) => charge(asking, phone)}
        onBack={() => {
          setAsking(undefined);
          resetOpen();
        }}
        charging={open.isPending}
        error={open.error}
      />
    );
  if (sale === null || face === 'keypad')
    return (
      <SellScreen
        onCharge={askOrCharge}
        charging={open.isPending}
        error={open.error}
        full={state.till.mostOpen > 1 && openCount(state.sales) >= state.till.mostOpen}
      />
    );
  switch (face) {
    case 'waiting':
      return (
        <WaitingScreen
          key={sale.saleId}
          sale={sale}
          receivedAtMs={receivedAtMs}
          onCancel={() => cancel.mutate(sale.saleId)}
          cancelling={cancel.isPending}
          error={cancel.error}
        />
      );
    case 'expired':
      return (
        <ExpiredScreen
          sale={sale}
          onNewCode={() => {
            // The new sale takes its place on the counter.
            putAway(sale.saleId);
            askOrCharge(sale.amountMinor, sale.checksPhone);
          }}
          renewing={open.isPending}
          error={open.error}
          onNewSale={dismiss}
        />
      );
    case 'stopped':
      return <StoppedScreen sale={sale} code={stopOf(sale, state.problems) ?? ''} onClose={dismiss} />;
    case 'paid':
      return <PaidScreen key={sale.saleId} sale={sale} onNewSale={dismiss} />;
  }
}

function openCount(sales: readonly Sale[]): number {
  return sales.filter(({ state }) => state === 'open').length;
}
