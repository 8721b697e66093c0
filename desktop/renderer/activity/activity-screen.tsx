/** Every payment that this device has accepted, newest first, a page at a time; each with its state in words. */
import { Button, Skeleton, UnstyledButton } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type ReactElement, useRef, useState } from 'react';
import type { Payment } from '../../ipc/agent-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Page, Problem } from '../look/panel.tsx';
import { isFocusLost } from '../look/use-start.ts';
import { GiveBackScreen } from '../give-back/give-back-screen.tsx';
import { netOf } from '../sell/today-net.ts';
import { PaymentDrawer } from './payment-drawer.tsx';
import { SettlementWord } from './settlement-word.tsx';
import classes from './activity.module.css';

const PAGE_SIZE = 30;

export function ActivityScreen(): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const [openHash, setOpenHash] = useState<string>();
  const [givingBack, setGivingBack] = useState<Payment>();
  const { settlement, today } = state;
  // The list is asked for again whenever the agent's own sums say that something in it has changed.
  const change = [
    today.count,
    settlement.pendingCount,
    settlement.lastSettledAt,
    settlement.progress?.done ?? 0,
    state.refund?.state ?? '',
    state.refund?.refundId ?? '',
  ].join('/');
  const list = useInfiniteQuery({
    queryKey: ['activity.list', change],
    queryFn: ({ pageParam }) => call('activity.list', { cursor: pageParam, limit: PAGE_SIZE }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: (before) => before,
  });
  const items = list.data?.pages.flatMap((page) => page.items) ?? [];
  const opened = items.find((item) => item.paymentHash === openHash);
  const rows = useRef<HTMLUListElement>(null);
  const lastHash = useRef<string>(undefined);
  if (openHash !== undefined) lastHash.current = openHash;
  /** The row that was opened may be another element by now: whoever gave money back came from another screen. */
  const backToRow = (): void => {
    const row = rows.current?.querySelector<HTMLElement>(`[data-hash="${lastHash.current ?? ''}"]`);
    if (isFocusLost() || document.activeElement?.closest('[role=dialog]') !== null) row?.focus();
  };
  if (givingBack !== undefined)
    return <GiveBackScreen payment={givingBack} onClose={() => setGivingBack(undefined)} />;
  return (
    <Page title={t('activity.title')} aside={<Totals />}>
      {list.isError && <Problem code={codeOf(list.error)} onRetry={() => void list.refetch()} />}
      {list.isPending && <LoadingRows />}
      {list.isSuccess && items.length === 0 && <Empty />}
      {items.length > 0 && (
        <ul ref={rows} className={classes.list} aria-label={t('activity.list')} data-testid="activity-list">
          {items.map((item) => (
            <Row key={item.paymentHash} item={item} onOpen={() => setOpenHash(item.paymentHash)} />
          ))}
        </ul>
      )}
      {list.hasNextPage && (
        <Button
          variant="default"
          data-testid="activity-more"
          loading={list.isFetchingNextPage}
          onClick={() => void list.fetchNextPage()}
        >
          {t('common.loadMore')}
        </Button>
      )}
      {items.length > PAGE_SIZE && !list.hasNextPage && <p className={classes.end}>{t('activity.end')}</p>}
      <PaymentDrawer
        payment={opened}
        onClose={() => setOpenHash(undefined)}
        onClosed={backToRow}
        onGiveBack={setGivingBack}
      />
    </Page>
  );
}

function Totals(): ReactElement {
  const { t, money } = useLanguage();
  const { state } = useAgent();
  const currency = state.kiosk?.currency ?? 'USD';
  return (
    <dl className={classes.totals}>
      <div>
        <dt>{t('activity.today')}</dt>
        <dd>
          <strong className="tiki-number">{money(netOf(state.today), currency)}</strong>
          <span>
            {state.today.refundedMinor === '0'
              ? t('sell.todaySales', { count: state.today.count })
              : t('sell.todayNet', {
                  sold: money(state.today.sumMinor, currency),
                  back: money(state.today.refundedMinor, currency),
                })}
          </span>
        </dd>
      </div>
      <div>
        <dt>{t('activity.pending')}</dt>
        <dd data-testid="activity-pending">
          <strong className="tiki-number">{money(state.settlement.pendingMinor, currency)}</strong>
          <span>{t('status.pendingCount', { count: state.settlement.pendingCount })}</span>
        </dd>
      </div>
    </dl>
  );
}

function Row({ item, onOpen }: { item: Payment; onOpen: () => void }): ReactElement {
  const { t, money, count, when } = useLanguage();
  return (
    <li className={classes.item}>
      <UnstyledButton
        className={classes.row}
        data-testid="activity-item"
        data-hash={item.paymentHash}
        data-settlement={item.settlement}
        onClick={onOpen}
      >
        <span className={classes.when}>
          <strong className="tiki-number">{when(item.acceptedAt)}</strong>
          <span>{t('activity.receiptShort', { number: count(item.sequence) })}</span>
        </span>
        <span className={`${classes.phone} tiki-number`} dir="ltr">
          {item.maskedPhone}
        </span>
        <SettlementWord state={item.settlement} />
        <span className={classes.money}>
          <strong className={`${classes.amount} tiki-number`}>
            {money(item.amountMinor, item.currency)}
          </strong>
          {item.refundedMinor !== '0' && (
            <span className="tiki-number" data-testid="activity-given-back">
              {t('giveBack.given', { amount: money(item.refundedMinor, item.currency) })}
            </span>
          )}
        </span>
        <Icon name="forward" size={20} />
      </UnstyledButton>
    </li>
  );
}

function LoadingRows(): ReactElement {
  const { t } = useLanguage();
  return (
    <div className={classes.list} aria-busy="true" aria-label={t('common.loading')}>
      {Array.from({ length: 6 }, (_unused, index) => (
        <Skeleton key={index} height={72} radius={12} />
      ))}
    </div>
  );
}

function Empty(): ReactElement {
  const { t } = useLanguage();
  return (
    <div className={classes.empty} data-testid="activity-empty">
      <Icon name="activity" size={56} strokeWidth={1.5} />
      <h2>{t('activity.empty')}</h2>
      <p>{t('activity.emptyBody')}</p>
    </div>
  );
}
