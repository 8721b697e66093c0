/** Money from the online wallet to the bank: name a bank account, choose the amount, see the fee, and send it. */
import type { BankAccountView, WithdrawalTerms } from '@tikiwallet/server/contract';
import { useEffect, useState } from 'preact/hooks';
import { money } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import { type ErrorCode, WalletError } from '../pay/codes.ts';
import { AmountField, useAmount } from './parts/amount-field.tsx';
import { useWallet } from './parts/context.ts';
import { NeedsOnline } from './parts/needs-online.tsx';
import { go } from './parts/router.ts';
import { StepUp } from './parts/step-up.tsx';
import { Bdi, Button, Empty, ErrorNotice, Notice, Row, Screen, Skeleton, useAction } from './parts/ui.tsx';

export function WithdrawScreen() {
  return (
    <Screen title={t('withdraw.title')} testId="withdraw">
      <NeedsOnline>
        <Ask />
      </NeedsOnline>
    </Screen>
  );
}

function Ask() {
  const { wallet } = useWallet();
  const [bank, setBank] = useState<BankAccountView | null>(null);
  const [code, setCode] = useState<ErrorCode | null>(null);
  const [round, setRound] = useState(0);
  const ask = () => setRound((last) => last + 1);
  useEffect(() => {
    let isOver = false;
    const look = async (): Promise<void> => {
      try {
        const answer = await wallet.online.bankAccount();
        if (isOver) return;
        setCode(null);
        setBank(answer);
      } catch (error) {
        if (!(error instanceof WalletError)) throw error;
        if (!isOver) setCode(error.code);
      }
    };
    void look();
    return () => {
      isOver = true;
    };
  }, [wallet, round]);
  if (bank === null && code !== null)
    return (
      <>
        <ErrorNotice code={code} />
        <div class="actions">
          <Button onClick={ask}>{t('common.try_again')}</Button>
        </div>
      </>
    );
  if (bank === null) return <Skeleton lines={4} />;
  return bank.state === 'ready' ? <Order bank={bank} /> : <Link bank={bank} onLook={ask} />;
}

/** Leads to the provider's page. */
function LinkAction({ label, isFirst }: { label: string; isFirst: boolean }) {
  const { wallet } = useWallet();
  const action = useAction();
  const toProvider = async () => location.assign(await wallet.online.linkBankAccount());
  // Another bank account than the one that is known: whoever holds the phone must also read its SMS.
  if (action.code === 'step_up_required') return <StepUp act="bank_account" onProved={toProvider} />;
  return (
    <>
      {action.code !== null && <ErrorNotice code={action.code} />}
      <Button
        kind={isFirst ? 'primary' : 'quiet'}
        busy={action.busy}
        testId="withdraw-link-bank"
        onClick={() => action.run(toProvider)}
      >
        {label}
      </Button>
    </>
  );
}

function StandIn() {
  const { state } = useWallet();
  if (state.config?.standIns.stripe !== true) return null;
  return (
    <Notice tone="info" icon="shop">
      <p>{t('withdraw.stand_in')}</p>
    </Notice>
  );
}

function Link({ bank, onLook }: { bank: BankAccountView; onLook: () => void }) {
  const isInReview = bank.state === 'in_review';
  return (
    <div class="form" data-testid="withdraw-bank" data-state={bank.state}>
      <p class="lead">{t('withdraw.lead')}</p>
      {bank.state === 'none' ? (
        <p>{t('withdraw.link_text')}</p>
      ) : (
        <Notice tone="warn" icon="clock" role="status">
          <p>{t(isInReview ? 'withdraw.in_review' : 'withdraw.incomplete')}</p>
        </Notice>
      )}
      <StandIn />
      <div class="actions">
        {isInReview && <Button onClick={onLook}>{t('withdraw.look_again')}</Button>}
        <LinkAction
          label={t(bank.state === 'none' ? 'withdraw.link' : 'withdraw.link_continue')}
          isFirst={!isInReview}
        />
      </div>
    </div>
  );
}

/** The cloud counts it again and refuses another one. */
function feeOf(amountMinor: bigint, terms: WithdrawalTerms): bigint {
  return BigInt(terms.feeFixedMinor) + (amountMinor * BigInt(terms.feeBasisPoints) + 9_999n) / 10_000n;
}

function Order({ bank }: { bank: BankAccountView }) {
  const { wallet } = useWallet();
  const { terms } = bank;
  const { currency } = terms;
  const limits = { minMinor: BigInt(terms.minMinor), maxMinor: BigInt(terms.maxMinor) };
  const isPossible = limits.maxMinor >= limits.minMinor;
  const amount = useAmount(currency, limits);
  const action = useAction();
  const feeMinor = amount.minor === null ? null : feeOf(amount.minor, terms);
  const submit = (event: Event) => {
    event.preventDefault();
    const { minor } = amount;
    if (minor === null || feeMinor === null) return;
    action.run(async () => {
      const { id } = await wallet.online.withdraw({ amountMinor: minor, feeMinor, currency });
      go(`withdraw/${encodeURIComponent(id)}`);
    });
  };
  return (
    <form class="form" onSubmit={submit} data-testid="withdraw-bank" data-state="ready">
      <p class="lead">{t('withdraw.lead')}</p>
      {isPossible ? (
        <AmountField
          amount={amount}
          currency={currency}
          label={t('amount.label')}
          testId="withdraw-amount"
          hint={t('amount.between', {
            min: money(limits.minMinor, currency),
            max: money(limits.maxMinor, currency),
          })}
        />
      ) : (
        <Empty icon="up" title={t('withdraw.nothing')}>
          {t('withdraw.nothing_text', { amount: money(limits.minMinor, currency) })}
        </Empty>
      )}
      {terms.heldMinor !== '0' && (
        <p class="muted" data-testid="withdraw-held">
          {t('withdraw.held', { amount: money(terms.heldMinor, currency), hours: terms.holdHours })}
        </p>
      )}
      <dl class="rows">
        <Row label={t('withdraw.bank')} testId="withdraw-to">
          <bdi>{bank.bankName}</bdi> <Bdi class="whole">•••• {bank.last4}</Bdi>
        </Row>
        {amount.minor !== null && feeMinor !== null && (
          <>
            <Row label={t('withdraw.fee')} testId="withdraw-fee">
              <Bdi>{money(feeMinor, currency)}</Bdi>
            </Row>
            <Row label={t('withdraw.arrives')} testId="withdraw-net">
              <Bdi class="strong">{money(amount.minor - feeMinor, currency)}</Bdi>
            </Row>
          </>
        )}
      </dl>
      <StandIn />
      {action.code !== null && <ErrorNotice code={action.code} />}
      <div class="actions">
        {isPossible && (
          <Button type="submit" busy={action.busy} disabled={amount.minor === null} testId="withdraw-submit">
            {amount.minor === null
              ? t('home.withdraw')
              : t('withdraw.submit', { amount: money(amount.minor, currency) })}
          </Button>
        )}
        <LinkAction label={t('withdraw.change_bank')} isFirst={false} />
      </div>
    </form>
  );
}
