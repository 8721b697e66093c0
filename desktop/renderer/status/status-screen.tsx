/** Everything the till knows about itself: the internet, settlement, its certificate, its limits, its radio. */
import { Button, Progress } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { settlementView, trustLevel } from '../frame/status-bar.tsx';
import { formatSpan } from '../language/moments.ts';
import { useLanguage } from '../language/use-language.ts';
import { Fact, Facts, Page, Panel, Problem, StateWord } from '../look/panel.tsx';
import { useNow } from '../look/use-now.ts';
import { RadioPanel } from '../wifi/radio-panel.tsx';
import classes from './status.module.css';

const CERTIFICATE_SOON_MS = 14 * 86_400_000;

export function StatusScreen(): ReactElement {
  const { t } = useLanguage();
  return (
    <Page title={t('status.title')}>
      <div className={classes.grid} data-testid="screen-status">
        <SettlementPanel />
        <CloudPanel />
        <LimitsPanel />
        <KioskPanel />
        <TrustPanel />
        <RiskPanel />
        <RadioPanel />
      </div>
    </Page>
  );
}

function SettlementPanel(): ReactElement {
  const { state } = useAgent();
  const { t, money, when, count } = useLanguage();
  const settle = useMutation({ mutationFn: () => call('settlement.now', {}) });
  const { settlement } = state;
  const currency = state.kiosk?.currency ?? 'USD';
  const look = settlementView(settlement.state, settlement.pendingCount, settlement.lastSettledAt !== null);
  const busy = settlement.state === 'settling';
  return (
    <Panel title={t('status.settlement')} icon="upload" testId="panel-settlement">
      <StateWord tone={look.tone} icon={look.icon}>
        {t(`status.state.${settlement.state}`)}
      </StateWord>
      {settlement.progress !== null && (
        <div className={classes.progress}>
          <Progress
            value={(100 * settlement.progress.done) / Math.max(1, settlement.progress.total)}
            size="lg"
            radius="xl"
            aria-label={t('status.settlement')}
          />
          <span className="tiki-number">
            {t('status.progress', {
              done: count(settlement.progress.done),
              total: count(settlement.progress.total),
            })}
          </span>
        </div>
      )}
      {settlement.lastErrorCode !== null && (
        <Problem code={settlement.lastErrorCode} tone={settlement.state === 'refused' ? 'bad' : 'warn'} />
      )}
      <Facts>
        <Fact label={t('status.pending')} hint={t('status.pendingCount', { count: settlement.pendingCount })}>
          <span className="tiki-number">{money(settlement.pendingMinor, currency)}</span>
        </Fact>
        <Fact label={t('status.lastSettled')}>
          {settlement.lastSettledAt === null ? t('common.never') : when(settlement.lastSettledAt)}
        </Fact>
        {settlement.nextAttemptAt !== null && (
          <Fact label={t('status.nextAttempt')}>
            <NextAttempt at={settlement.nextAttemptAt} />
          </Fact>
        )}
      </Facts>
      {settle.isError && <Problem code={codeOf(settle.error)} />}
      {settle.isSuccess && !busy && settlement.pendingCount > 0 && (
        <p role="status">{t('status.settleStarted')}</p>
      )}
      <Button
        data-testid="settle-now"
        loading={settle.isPending || busy}
        disabled={settlement.pendingCount === 0 && !busy}
        onClick={() => settle.mutate()}
      >
        {t('status.settleNow')}
      </Button>
    </Panel>
  );
}

function NextAttempt({ at }: { at: string }): ReactElement {
  const { t, when } = useLanguage();
  useNow(1_000);
  const left = Date.parse(at) - Date.now();
  // Beyond an hour, or on a clock that jumped, the time of day says more than a countdown.
  if (left <= 0 || left > 3_600_000) return <>{when(at)}</>;
  return <span className="tiki-number">{t('status.nextIn', { time: formatSpan(left) })}</span>;
}

function CloudPanel(): ReactElement {
  const { state } = useAgent();
  const { t, when } = useLanguage();
  const { cloud } = state;
  const words = {
    online: 'bar.cloudOnline',
    offline: 'bar.cloudOffline',
    connecting: 'bar.cloudConnecting',
  } as const;
  const icons = { online: 'online', offline: 'offline', connecting: 'refresh' } as const;
  const tone = cloud.state === 'online' ? 'good' : cloud.state === 'offline' ? 'warn' : 'calm';
  return (
    <Panel title={t('status.cloud')} icon="online" testId="panel-cloud">
      <StateWord tone={tone} icon={icons[cloud.state]}>
        {t(words[cloud.state])}
      </StateWord>
      <Facts>
        <Fact label={t('status.cloudSince', { time: '' }).trim()}>{when(cloud.since)}</Fact>
        <Fact label={t('status.lastContact')}>
          {cloud.lastContactAt === null ? t('common.never') : when(cloud.lastContactAt)}
        </Fact>
        <Fact label={t('settings.server')}>
          <span dir="ltr" data-selectable>
            {state.apiUrl}
          </span>
        </Fact>
      </Facts>
    </Panel>
  );
}

function LimitsPanel(): ReactElement {
  const { state } = useAgent();
  const { t, money, count } = useLanguage();
  const currency = state.kiosk?.currency ?? 'USD';
  const { limits, settlement } = state;
  return (
    <Panel title={t('status.limits')} icon="shield" testId="panel-limits">
      <Meter
        label={t('status.storedSum')}
        text={t('status.ofLimit', {
          used: money(settlement.pendingMinor, currency),
          limit: money(limits.storedSumMinor, currency),
        })}
        share={shareOf(settlement.pendingMinor, limits.storedSumMinor)}
      />
      <Meter
        label={t('status.storedCount')}
        text={t('status.ofLimit', { used: count(settlement.pendingCount), limit: count(limits.storedCount) })}
        share={shareOf(String(settlement.pendingCount), String(limits.storedCount))}
      />
      <Facts>
        <Fact label={t('status.perPayment')}>
          <span className="tiki-number">{money(limits.perPaymentMinor, currency)}</span>
        </Fact>
      </Facts>
    </Panel>
  );
}

/** In hundredths, by whole numbers: a limit may have more digits than a float holds. */
export function shareOf(used: string, limit: string): number {
  const most = BigInt(limit);
  if (most === 0n) return 100;
  const share = (BigInt(used) * 100n) / most;
  return share > 100n ? 100 : Number(share);
}

function Meter({ label, text, share }: { label: string; text: string; share: number }): ReactElement {
  return (
    <div className={classes.meter}>
      <span className={classes.meterLabel}>{label}</span>
      <span className={`${classes.meterText} tiki-number`}>{text}</span>
      <Progress
        value={Math.max(share, 0.5)}
        size="md"
        radius="xl"
        color={share >= 90 ? 'red.8' : share >= 70 ? 'yellow.7' : 'pine'}
        aria-label={`${label}: ${text}`}
      />
    </div>
  );
}

function KioskPanel(): ReactElement {
  const { state } = useAgent();
  const { t, day } = useLanguage();
  const { kiosk } = state;
  if (kiosk === null) return <></>;
  const soon = Date.parse(kiosk.certificateNotAfter) - Date.now() < CERTIFICATE_SOON_MS;
  return (
    <Panel title={t('status.kiosk')} icon="sell" testId="panel-kiosk">
      <Facts>
        <Fact label={t('status.name')}>{kiosk.name}</Fact>
        <Fact label={t('status.shop')} hint={<span dir="ltr">{kiosk.merchantPhone}</span>}>
          {kiosk.merchantName}
        </Fact>
        <Fact label={t('status.certificateEnd')} hint={soon ? t('status.certificateSoon') : undefined}>
          {day(kiosk.certificateNotAfter)}
        </Fact>
        <Fact label={t('status.deviceId')}>
          <span dir="ltr" data-selectable className={classes.id}>
            {kiosk.id}
          </span>
        </Fact>
      </Facts>
    </Panel>
  );
}

function TrustPanel(): ReactElement {
  const { state } = useAgent();
  const { t, when } = useLanguage();
  const level = trustLevel(state);
  const isStopped = level === 'denied' || level === 'suspended';
  return (
    <Panel title={t('status.trust')} icon="key" testId="panel-trust">
      <StateWord
        tone={level === 'full' ? 'good' : level === 'half' || level === 'known_only' ? 'warn' : 'bad'}
        icon={level === 'full' ? 'check' : isStopped ? 'stop' : 'clock'}
      >
        {t(`bar.trust.${level}`)}
      </StateWord>
      <p className={classes.hint}>{t(`status.trustHint.${level}`)}</p>
      {!isStopped && <TrustNext />}
      {state.trust !== null && (
        <Facts>
          <Fact label={t('status.trustIssued')}>{when(state.trust.issuedAt)}</Fact>
        </Facts>
      )}
    </Panel>
  );
}

/** Said before the next step of the ladder bites. */
function TrustNext(): ReactElement | null {
  const { state } = useAgent();
  const { t, when } = useLanguage();
  const { trust } = state;
  if (trust === null || trust.nextLevelAt === null || trust.level === 'locked_only') return null;
  return (
    <p className={classes.hint} data-testid="trust-next">
      {t(`status.trustNext.${trust.level}`, { time: when(trust.nextLevelAt) })}
    </p>
  );
}

/** R36: the shop's own risk in plain words, with the caps that hold at this moment. */
function RiskPanel(): ReactElement {
  const { state } = useAgent();
  const { t, money } = useLanguage();
  const currency = state.kiosk?.currency ?? 'USD';
  const { perPaymentMinor, storedSumMinor } = state.limits;
  return (
    <Panel title={t('status.risk')} icon="alert" testId="panel-risk">
      <p className={classes.hint}>{t('status.riskBody')}</p>
      <p className={classes.hint} data-testid="risk-caps">
        {t('status.riskCaps', {
          payment: money(perPaymentMinor, currency),
          stored: money(storedSumMinor, currency),
        })}
      </p>
      <ul className={classes.tiers}>
        {(['locked', 'reserved', 'at_risk'] as const).map((tier) => (
          <li key={tier}>
            <strong>{t(`tier.${tier}`)}</strong>
            {t(`tier.${tier}Hint`)}
          </li>
        ))}
      </ul>
    </Panel>
  );
}
