/** The bar that never leaves: whose till this is, and the four states that decide what a sale is worth. */
import { Progress, UnstyledButton } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import type { AgentState } from '../../ipc/agent-contract.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon, type IconName, Mark } from '../look/icons.tsx';
import type { Tone } from '../look/panel.tsx';
import { radioTone } from '../wifi/radio-tone.ts';
import classes from './status-bar.module.css';

export function StatusBar({ onOpenStatus }: { onOpenStatus: () => void }): ReactElement {
  const { state } = useAgent();
  return (
    <header className={classes.bar}>
      <div className={classes.who}>
        <Mark size={38} />
        <div className={classes.names}>
          <strong className={classes.shop} dir="auto" data-testid="shop-name">
            {state.kiosk?.merchantName}
          </strong>
          <span className={classes.kiosk} dir="auto" data-testid="kiosk-title">
            {state.kiosk?.name}
          </span>
        </div>
      </div>
      <CloudChip state={state} onOpen={onOpenStatus} />
      <SettlementChip state={state} onOpen={onOpenStatus} />
      <TrustChip state={state} onOpen={onOpenStatus} />
      <RadioChip state={state} onOpen={onOpenStatus} />
    </header>
  );
}

interface ChipProps {
  tone: Tone;
  icon: ReactNode;
  label: string;
  testId: string;
  value: string;
  onOpen: () => void;
  children: ReactNode;
  minor?: boolean;
}

function Chip({
  tone,
  icon,
  label,
  testId,
  value,
  onOpen,
  children,
  minor = false,
}: ChipProps): ReactElement {
  return (
    <UnstyledButton
      className={classes.chip}
      data-tone={tone}
      data-minor={minor || undefined}
      data-testid={testId}
      data-state={value}
      aria-label={label}
      onClick={onOpen}
    >
      {icon}
      <span className={classes.chipText}>{children}</span>
    </UnstyledButton>
  );
}

interface StateChipProps {
  state: AgentState;
  onOpen: () => void;
}

function CloudChip({ state, onOpen }: StateChipProps): ReactElement {
  const { t } = useLanguage();
  const view = {
    online: { tone: 'good', icon: 'online', words: t('bar.cloudOnline') },
    offline: { tone: 'warn', icon: 'offline', words: t('bar.cloudOffline') },
    connecting: { tone: 'calm', icon: 'refresh', words: t('bar.cloudConnecting') },
  } as const;
  const { tone, icon, words } = view[state.cloud.state];
  return (
    <Chip
      tone={tone}
      icon={<Icon name={icon} size={22} />}
      label={t('bar.cloudLabel', { state: words })}
      testId="cloud-state"
      value={state.cloud.state}
      onOpen={onOpen}
    >
      <span className={classes.oneOf}>
        {words}
        {/* As wide as the widest of them: nothing beside it moves when the state changes. */}
        {Object.values(view).map((other) => (
          <span key={other.words} className={classes.reserve} aria-hidden="true" data-words={other.words} />
        ))}
      </span>
    </Chip>
  );
}

function SettlementChip({ state, onOpen }: StateChipProps): ReactElement {
  const { t, money, count } = useLanguage();
  const { settlement, kiosk } = state;
  const { progress, pendingCount } = settlement;
  const view = settlementView(settlement.state, pendingCount, settlement.lastSettledAt !== null);
  const waiting = t('bar.settleWaiting', { count: pendingCount });
  const words =
    view.words === 'waiting'
      ? waiting
      : view.words === 'settling'
        ? progress === null
          ? t('bar.settleSending')
          : t('bar.settleSettling', { done: count(progress.done), total: count(progress.total) })
        : t(`bar.${view.words}`);
  const sum = pendingCount > 0 && kiosk !== null ? money(settlement.pendingMinor, kiosk.currency) : undefined;
  // What is seen stands in it as it is seen: whoever speaks to the screen says what is written there.
  const seen = sum === undefined ? words : `${words} ${sum}`;
  const label = t('bar.settleLabel', { state: seen }) + (view.words === 'settling' ? `, ${waiting}` : '');
  return (
    <>
      <span className="tiki-hidden" aria-hidden="true" data-testid="pending-count">
        {pendingCount}
      </span>
      <Chip
        tone={view.tone}
        icon={<Icon name={view.icon} size={22} />}
        label={label}
        testId="settlement-state"
        value={settlement.state}
        onOpen={onOpen}
      >
        <span className={classes.settleWords}>
          {words}
          {sum !== undefined && (
            <>
              {' '}
              <span className={`${classes.sum} tiki-number`}>{sum}</span>
            </>
          )}
        </span>
        {settlement.state === 'settling' && (
          <Progress
            className={classes.progress}
            value={progress === null ? 100 : (100 * progress.done) / Math.max(1, progress.total)}
            animated={progress === null}
            striped={progress === null}
            size={4}
            aria-label={words}
            data-testid="settlement-progress"
          />
        )}
      </Chip>
    </>
  );
}

/** Pure: which words a settlement state takes. Payments that wait are said even while the agent calls itself idle. */
export function settlementView(
  state: AgentState['settlement']['state'],
  pending: number,
  everSettled: boolean,
): {
  tone: Tone;
  icon: IconName;
  words: 'settling' | 'waiting' | 'settleRefused' | 'settleIdle' | 'settleNothing';
} {
  switch (state) {
    case 'settling':
      return { tone: 'calm', icon: 'upload', words: 'settling' };
    case 'refused':
      return { tone: 'bad', icon: 'alert', words: 'settleRefused' };
    case 'waiting':
    case 'idle':
      if (pending > 0) return { tone: 'warn', icon: 'clock', words: 'waiting' };
      return { tone: 'good', icon: 'checkDouble', words: everSettled ? 'settleIdle' : 'settleNothing' };
  }
}

const TRUST_BARS = {
  full: 4,
  half: 3,
  known_only: 2,
  locked_only: 1,
  none: 0,
  denied: 0,
  suspended: 0,
} as const;

/** Pure: however fresh the news is that this till is blocked or suspended, nothing is sold on it. */
export function trustLevel({
  problems,
  trust,
}: Pick<AgentState, 'problems' | 'trust'>): keyof typeof TRUST_BARS {
  if (problems.includes('kiosk_denied')) return 'denied';
  if (problems.includes('kiosk_suspended')) return 'suspended';
  return trust?.level ?? 'none';
}

function TrustChip({ state, onOpen }: StateChipProps): ReactElement {
  const { t } = useLanguage();
  const level = trustLevel(state);
  const bars = TRUST_BARS[level];
  const words = t(`bar.trust.${level}`);
  return (
    <Chip
      minor
      tone={bars >= 4 ? 'good' : bars >= 2 ? 'warn' : 'bad'}
      icon={<Meter filled={bars} />}
      label={t('bar.trustLabel', { state: words })}
      testId="trust-state"
      value={level}
      onOpen={onOpen}
    >
      {words}
    </Chip>
  );
}

function Meter({ filled }: { filled: number }): ReactElement {
  return (
    <svg width="24" height="20" viewBox="0 0 24 20" aria-hidden="true" className={classes.meter}>
      {[0, 1, 2, 3].map((index) => (
        <rect
          key={index}
          x={index * 6 + 0.5}
          y={14 - index * 4}
          width="4.4"
          height={6 + index * 4}
          rx="1.4"
          fill="currentColor"
          opacity={index < filled ? 1 : 0.25}
        />
      ))}
    </svg>
  );
}

function RadioChip({ state, onOpen }: StateChipProps): ReactElement {
  const { t } = useLanguage();
  const { radio } = state;
  const words =
    radio.state === 'up' ? t('wifi.up', { count: radio.phones.count }) : t(`bar.radio.${radio.state}`);
  const tone = radioTone(state.radio.state);
  return (
    <Chip
      minor
      tone={tone}
      icon={<Icon name="radio" size={22} />}
      label={t('bar.radioLabel', { state: words })}
      testId="radio-state"
      value={state.radio.state}
      onOpen={onOpen}
    >
      {words}
    </Chip>
  );
}
