/** One withdrawal: the code it waits for, and what became of it, in plain words. */
import type { Withdrawal, WithdrawalFailure } from '@tikiwallet/server/contract';
import { useEffect, useState } from 'preact/hooks';
import { dateTime, dayHeading, money } from '../i18n/format.ts';
import type { Key } from '../i18n/locales.ts';
import { t } from '../i18n/translate.ts';
import { WalletError, type ErrorCode } from '../pay/codes.ts';
import { endOfDay, workingDaysAfter } from '../working-days.ts';
import { useNow, useWallet } from './parts/context.ts';
import { Icon } from './parts/icons.tsx';
import { WITHDRAWAL_STATE } from './parts/order-entries.tsx';
import {
  Bdi,
  Button,
  ErrorNotice,
  Field,
  LinkButton,
  Notice,
  Row,
  Screen,
  Skeleton,
  useAction,
} from './parts/ui.tsx';

const POLL_MS = 2_500;
/** As `withdraw.lead` says before anything is asked for. */
const USUAL_WORKING_DAYS = 3;
const FAILURE: Readonly<Record<WithdrawalFailure, Key>> = {
  bank_account_closed: 'withdraw.failed_closed',
  bank_account_not_found: 'withdraw.failed_not_found',
  bank_refused: 'withdraw.failed_bank',
  account_not_ready: 'withdraw.failed_account',
  provider_refused: 'withdraw.failed_provider',
};

interface Asked {
  readonly withdrawal: Withdrawal | null;
  readonly code: ErrorCode | null;
  readonly take: (withdrawal: Withdrawal) => void;
}

/** Asks while it is on its way; a lost connection in between is only a pause. What the phone remembers is shown at once. */
function useWithdrawal(id: string): Asked {
  const { wallet, state } = useWallet();
  const remembered = state.orders.withdrawals.find((one) => one.id === id) ?? null;
  const [withdrawal, setWithdrawal] = useState<Withdrawal | null>(remembered);
  const [code, setCode] = useState<ErrorCode | null>(null);
  useEffect(() => {
    let isOver = false;
    const ask = async (): Promise<void> => {
      try {
        const answer = await wallet.online.withdrawal(id);
        if (isOver) return;
        setCode(null);
        setWithdrawal(answer);
        if (answer.status === 'paid' || answer.status === 'returned')
          return await wallet.sync().catch(() => undefined);
      } catch (error) {
        if (!(error instanceof WalletError)) throw error;
        if (isOver) return;
        setCode(error.code);
        if (error.code !== 'network_unreachable') return;
      }
      setTimeout(() => isOver || void ask(), POLL_MS);
    };
    void ask();
    return () => {
      isOver = true;
    };
  }, [wallet, id]);
  return { withdrawal, code, take: setWithdrawal };
}

export function WithdrawalScreen({ id }: { id: string }) {
  const { withdrawal, code, take } = useWithdrawal(id);
  return (
    <Screen title={t('withdraw.title')} back="activity" testId="withdrawal">
      {code !== null && <ErrorNotice code={code} />}
      {withdrawal === null && code === null && <Skeleton lines={4} />}
      {withdrawal?.status === 'awaiting_code' && <CodeForm withdrawal={withdrawal} onAnswer={take} />}
      {withdrawal !== null && withdrawal.status !== 'awaiting_code' && <Verdict withdrawal={withdrawal} />}
    </Screen>
  );
}

function Details({ withdrawal }: { withdrawal: Withdrawal }) {
  const { currency } = withdrawal;
  return (
    <dl class="rows">
      <Row label={t('amount.label')}>
        <Bdi>{money(withdrawal.amountMinor, currency)}</Bdi>
      </Row>
      <Row label={t('withdraw.fee')}>
        <Bdi>{money(withdrawal.feeMinor, currency)}</Bdi>
      </Row>
      <Row label={t('withdraw.arrives')}>
        <Bdi class="strong">{money(withdrawal.netMinor, currency)}</Bdi>
      </Row>
      <Row label={t('withdraw.bank')}>
        <bdi>{withdrawal.bankName}</bdi> <Bdi class="whole">•••• {withdrawal.last4}</Bdi>
      </Row>
      <Row label={t('activity.when')}>{dateTime(Date.parse(withdrawal.createdAt))}</Row>
    </dl>
  );
}

function CodeForm({
  withdrawal,
  onAnswer,
}: {
  withdrawal: Withdrawal;
  onAnswer: (withdrawal: Withdrawal) => void;
}) {
  const { wallet, state } = useWallet();
  const [typed, setTyped] = useState('');
  const [resendAtMs, setResendAtMs] = useState(() => wallet.clock.nowMs() + resendAfter(withdrawal));
  const action = useAction();
  const resend = useAction();
  const now = useNow(wallet, 500);
  const waitSeconds = Math.max(0, Math.ceil((resendAtMs - now) / 1000));
  const inbox = state.config?.standIns.smsInboxUrl ?? null;
  const submit = (event: Event) => {
    event.preventDefault();
    if (typed.length === 6)
      action.run(async () => onAnswer(await wallet.online.confirmWithdrawal(withdrawal.id, typed)));
  };
  return (
    <form class="form" onSubmit={submit} data-testid="withdrawal-state" data-state="awaiting_code">
      <p class="lead">
        {t('withdraw.code_lead')} {t('otp.sent_to')} <Bdi class="strong">{state.profile?.phone}</Bdi>
      </p>
      <Field
        label={t('otp.label')}
        value={typed}
        onInput={(text) => setTyped(digitsOf(text))}
        testId="withdraw-code"
        input={{
          inputMode: 'numeric',
          autoComplete: 'one-time-code',
          maxLength: 6,
          dir: 'ltr',
          class: 'code-input',
        }}
      />
      <Details withdrawal={withdrawal} />
      {state.config?.standIns.twilio === true && inbox !== null && (
        <Notice tone="info" icon="phone">
          <p>{t('otp.stand_in')}</p>
          <a href={inbox} target="_blank" rel="noopener noreferrer">
            {t('otp.stand_in_link')}
          </a>
        </Notice>
      )}
      {action.code !== null && <ErrorNotice code={action.code} />}
      {resend.code !== null && <ErrorNotice code={resend.code} />}
      <div class="actions">
        <Button type="submit" busy={action.busy} disabled={typed.length !== 6} testId="withdraw-confirm">
          {t('otp.submit')}
        </Button>
        <Button
          kind="quiet"
          busy={resend.busy}
          disabled={waitSeconds > 0}
          onClick={() =>
            resend.run(async () => {
              const again = await wallet.online.resendWithdrawalCode(withdrawal.id);
              setResendAtMs(wallet.clock.nowMs() + resendAfter(again));
            })
          }
        >
          {waitSeconds > 0 ? t('otp.resend_in', { seconds: waitSeconds }) : t('otp.resend')}
        </Button>
      </div>
    </form>
  );
}

const resendAfter = (withdrawal: Withdrawal) => withdrawal.code?.resendAfterMs ?? 0;

/** Also in Arabic digits. */
function digitsOf(text: string): string {
  return text
    .replace(/[\u0660-\u0669\u06F0-\u06F9]/g, (digit) => String((digit.codePointAt(0) ?? 0) & 0xf))
    .replace(/\D/g, '')
    .slice(0, 6);
}

/** "By Thursday", and once that day is over that it takes longer: never a promise that has already failed. */
function Expected({ createdAtMs }: { createdAtMs: number }) {
  const { wallet } = useWallet();
  const dueMs = workingDaysAfter(createdAtMs, USUAL_WORKING_DAYS);
  const isLate = useNow(wallet, 60_000) >= endOfDay(dueMs);
  return (
    <p class="lead" data-testid="withdrawal-expected">
      {isLate ? t('withdraw.late') : t('withdraw.expected', { day: dayHeading(dueMs) })}
    </p>
  );
}

function Verdict({ withdrawal }: { withdrawal: Withdrawal }) {
  const { status, failure } = withdrawal;
  const isWaiting = status === 'on_its_way' || status === 'coming_back';
  const mark = isWaiting ? 'wait' : status === 'paid' ? 'ok' : 'bad';
  return (
    <>
      <div class="verdict-page" role="status" data-testid="withdrawal-state" data-state={status}>
        <span class={`verdict-mark verdict-${mark}`}>
          {/* Still: it takes days, and nobody has to stay and watch. */}
          <Icon name={isWaiting ? 'clock' : status === 'paid' ? 'check' : 'close'} size={44} />
        </span>
        <h2>{t(WITHDRAWAL_STATE[status])}</h2>
        {status === 'on_its_way' && <Expected createdAtMs={Date.parse(withdrawal.createdAt)} />}
        {status === 'on_its_way' && <p class="lead">{t('withdraw.on_its_way_text')}</p>}
        {status === 'expired' && <p class="lead">{t('withdraw.expired_text')}</p>}
        {failure !== null && <p class="lead">{t(FAILURE[failure])}</p>}
        {status === 'returned' && <p class="lead">{t('withdraw.returned_text')}</p>}
        {status === 'coming_back' && <p class="lead">{t('withdraw.coming_back_text')}</p>}
      </div>
      <Details withdrawal={withdrawal} />
      <div class="actions">
        <LinkButton to="" kind="primary">
          {t('common.to_home')}
        </LinkButton>
      </div>
    </>
  );
}
