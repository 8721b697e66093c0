/** The merchant's account on this till: signing in and out, the balance, the kiosks and making another. */
import { Button, Skeleton } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type ReactElement, useState } from 'react';
import type { RendererResult } from '../../ipc/renderer-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import type { IconName } from '../look/icons.tsx';
import { Fact, Facts, Panel, Problem, StateWord, type Tone } from '../look/panel.tsx';
import { CreateKioskForm, KioskCode } from '../welcome/create-kiosk-step.tsx';
import { SignInForm } from '../welcome/sign-in-step.tsx';
import classes from './settings.module.css';

type Kiosk = RendererResult<'kiosks.create'>;

export function MerchantPanel(): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const [signingIn, setSigningIn] = useState(false);
  if (state.merchant !== null) return <SignedIn merchant={state.merchant} />;
  return (
    <Panel title={t('settings.merchant')} icon="user" testId="panel-merchant">
      <p className={classes.hint}>{t('settings.merchantBody')}</p>
      {signingIn ? (
        <SignInForm onSignedIn={() => setSigningIn(false)} />
      ) : (
        <Button data-testid="settings-sign-in" onClick={() => setSigningIn(true)}>
          {t('settings.signIn')}
        </Button>
      )}
    </Panel>
  );
}

function SignedIn({
  merchant,
}: {
  merchant: NonNullable<ReturnType<typeof useAgent>['state']['merchant']>;
}): ReactElement {
  const { t, money, time } = useLanguage();
  const summary = useQuery({
    queryKey: ['merchant.summary', merchant.user.id],
    queryFn: () => call('merchant.summary', {}),
    refetchInterval: 15_000,
  });
  const signOut = useMutation({ mutationFn: () => call('merchant.signOut', {}) });
  return (
    <>
      <Panel title={t('settings.merchant')} icon="user" testId="panel-merchant">
        <Facts>
          <Fact
            label={merchant.user.merchant?.businessName ?? merchant.user.username}
            hint={<span dir="ltr">{merchant.user.phone}</span>}
          >
            {t('settings.sessionUntil', { time: time(merchant.sessionExpiresAt) })}
          </Fact>
          {summary.data !== undefined && (
            <>
              <Fact label={t('settings.available')}>
                <span
                  className="tiki-number"
                  data-testid="available-balance"
                  data-minor={summary.data.availableMinor}
                >
                  {money(summary.data.availableMinor, summary.data.currency)}
                </span>
              </Fact>
              <Fact
                label={t('settings.settledToday')}
                hint={t('sell.todaySales', { count: summary.data.settledTodayCount })}
              >
                <span className="tiki-number">
                  {money(summary.data.settledTodayMinor, summary.data.currency)}
                </span>
              </Fact>
            </>
          )}
        </Facts>
        {summary.isPending && <Skeleton height={80} radius={12} aria-label={t('common.loading')} />}
        {summary.isError && <Problem code={codeOf(summary.error)} onRetry={() => void summary.refetch()} />}
        {signOut.isError && <Problem code={codeOf(signOut.error)} />}
        <Button
          variant="default"
          data-testid="sign-out"
          loading={signOut.isPending}
          onClick={() => signOut.mutate()}
        >
          {t('settings.signOut')}
        </Button>
      </Panel>
      <KiosksPanel />
    </>
  );
}

function KiosksPanel(): ReactElement {
  const { t, count } = useLanguage();
  const { state } = useAgent();
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Kiosk>();
  const list = useQuery({ queryKey: ['kiosks.list'], queryFn: () => call('kiosks.list', {}) });
  const done = (): void => {
    setMade(undefined);
    setAdding(false);
  };
  return (
    <Panel title={t('settings.kiosks')} icon="shop" testId="panel-kiosks">
      {list.isPending && <Skeleton height={120} radius={12} aria-label={t('common.loading')} />}
      {list.isError && <Problem code={codeOf(list.error)} onRetry={() => void list.refetch()} />}
      {list.data?.items.length === 0 && <p className={classes.hint}>{t('settings.kiosksEmpty')}</p>}
      <ul className={classes.kiosks} data-count={count(list.data?.items.length ?? 0)}>
        {list.data?.items.map((kiosk) => (
          <KioskRow key={kiosk.id} kiosk={kiosk} here={kiosk.id === state.kiosk?.id} />
        ))}
      </ul>
      {made !== undefined && <KioskCode kiosk={made} onChange={setMade} canUseHere={false} onDone={done} />}
      {adding && made === undefined && <CreateKioskForm onCreated={setMade} />}
      {!adding && (
        <Button variant="default" data-testid="new-kiosk" onClick={() => setAdding(true)}>
          {t('settings.newKiosk')}
        </Button>
      )}
    </Panel>
  );
}

const STANDINGS = {
  active: { tone: 'good', icon: 'check' },
  awaiting_enrolment: { tone: 'calm', icon: 'clock' },
  suspended: { tone: 'warn', icon: 'stop' },
  denied: { tone: 'bad', icon: 'stop' },
} as const satisfies Record<Kiosk['status'] | 'suspended', { tone: Tone; icon: IconName }>;

function KioskRow({ kiosk, here }: { kiosk: Kiosk; here: boolean }): ReactElement {
  const { t, when } = useLanguage();
  const standing = kiosk.status !== 'denied' && kiosk.suspendedAt !== null ? 'suspended' : kiosk.status;
  const { tone, icon } = STANDINGS[standing];
  return (
    <li className={classes.kiosk} data-testid="kiosk-row">
      <span>
        <strong>{kiosk.name}</strong>
        <span className={classes.hint}>
          {here && `${t('settings.thisDevice')} · `}
          {kiosk.lastContactAt === null
            ? t('settings.notSeen')
            : t('settings.lastSeen', { time: when(kiosk.lastContactAt) })}
        </span>
      </span>
      <StateWord tone={tone} icon={icon}>
        {t(`settings.kioskStatus.${standing}`)}
      </StateWord>
    </li>
  );
}
