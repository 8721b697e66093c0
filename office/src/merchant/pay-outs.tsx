/**
 * Money out to the shop's bank: what can go, the account that it goes to, and what became of each pay-out. The code of an SMS stands
 * before money leaves.
 */
import type {
  BankAccountView,
  Withdrawal,
  WithdrawalFailure,
  WithdrawalStatus,
} from '@tikiwallet/server/contract';
import {
  AmountField,
  Bdi,
  Button,
  ErrorNotice,
  Icon,
  money,
  Row,
  shortWhen,
  useAction,
  useAmount,
} from '@tikiwallet/wallet/look';
import { useEffect, useState } from 'preact/hooks';
import { type Key, t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { CodeBySms } from '../parts/code-by-sms.tsx';
import { isThere, type Loaded, Shown, useLoad, usePages } from '../parts/load.tsx';
import { Area, Chip, Figure, PagedList, Panel, Sum, type Tone } from '../parts/pieces.tsx';
import { useMay } from '../parts/permissions.ts';

/** While a pay-out is on its way, its end is looked for. */
const LOOK_MS = 5_000;

export function PayOuts() {
  const { office } = useOffice();
  const isOwner = useMay('pay_outs.order');
  const [open, setOpen] = useState<Withdrawal | null>(null);
  const bank = useLoad('bank', async () => (isOwner ? await office.api.bankAccount() : null));
  const pages = usePages('pay-outs', (cursor) => office.api.payOuts(cursor));
  const isMoving =
    pages.items?.some(({ status }) => status === 'on_its_way' || status === 'coming_back') === true;
  const { reload } = pages;
  useEffect(() => {
    if (!isMoving) return;
    const timer = setInterval(reload, LOOK_MS);
    return () => clearInterval(timer);
  }, [isMoving, reload]);
  const change = (withdrawal: Withdrawal | null) => {
    setOpen(withdrawal?.status === 'awaiting_code' ? withdrawal : null);
    reload();
    bank.reload();
  };
  return (
    <Area title={t('payouts.title')} testId="pay-outs">
      {isOwner ? (
        <OwnersPart bank={bank} open={open} onChange={change} />
      ) : (
        <p class="muted">{t('payouts.owner_only')}</p>
      )}
      {(!isOwner || isThere(bank)) && (
        <section class="stack">
          <h2>{t('payouts.all')}</h2>
          <PagedList
            pages={pages}
            keyOf={({ id }) => id}
            draw={(withdrawal) => <PayOutLine withdrawal={withdrawal} onOpen={setOpen} />}
            empty={{ icon: 'up', title: t('payouts.none'), text: t('payouts.none_text') }}
            testId="pay-out-list"
          />
        </section>
      )}
    </Area>
  );
}

/** The bank account and the order: of the person who owns the shop, and nobody else's. */
function OwnersPart({
  bank,
  open,
  onChange,
}: {
  bank: Loaded<BankAccountView | null>;
  open: Withdrawal | null;
  onChange: (withdrawal: Withdrawal | null) => void;
}) {
  return (
    <Shown of={bank} lines={4}>
      {(view) =>
        view !== null && (
          <>
            <Balance view={view} />
            <div class="two-panels">
              <BankAccount view={view} onLook={bank.reload} busy={bank.busy} />
              {open !== null && open.code !== null ? (
                <Confirmation withdrawal={open} onChange={onChange} onLeave={() => onChange(null)} />
              ) : (
                <Order view={view} onOrdered={onChange} />
              )}
            </div>
          </>
        )
      }
    </Shown>
  );
}

function Balance({ view: { terms } }: { view: BankAccountView }) {
  return (
    <dl class="figures">
      <Figure
        label={t('payouts.can_go')}
        testId="can-go"
        value={<Sum minor={terms.maxMinor} currency={terms.currency} />}
      >
        {BigInt(terms.heldMinor) > 0n
          ? t('withdraw.held', {
              amount: money(terms.heldMinor, terms.currency),
              hours: terms.holdHours,
            })
          : t('payouts.can_go_note')}
      </Figure>
    </dl>
  );
}

const BANK_NOTES: Readonly<Record<BankAccountView['state'], Key | null>> = {
  none: 'withdraw.link_text',
  incomplete: 'withdraw.incomplete',
  in_review: 'withdraw.in_review',
  ready: null,
};

function BankAccount({ view, busy, onLook }: { view: BankAccountView; busy: boolean; onLook: () => void }) {
  const { office, state } = useOffice();
  const action = useAction();
  const note = BANK_NOTES[view.state];
  const link = () =>
    action.run(async () => {
      const { url } = await office.api.linkBankAccount();
      location.assign(url);
    });
  return (
    <Panel title={t('withdraw.bank')} testId="bank-account">
      {view.last4 !== null && (
        <p class="bank-line">
          <Icon name="shop" />
          <span>
            <bdi>{view.bankName}</bdi> <Bdi class="whole">•••• {view.last4}</Bdi>
          </span>
        </p>
      )}
      {note !== null && <p class="muted">{t(note)}</p>}
      {state.config?.standIns.stripe === true && <p class="muted">{t('withdraw.stand_in')}</p>}
      {action.code !== null && <ErrorNotice code={action.code} />}
      <div class="button-row">
        <Button
          kind={view.state === 'ready' || view.state === 'in_review' ? 'plain' : 'primary'}
          busy={action.busy}
          onClick={link}
          testId="bank-link"
        >
          {t(linkName(view))}
        </Button>
        {view.state !== 'none' && view.state !== 'ready' && (
          <Button kind="plain" busy={busy} onClick={onLook}>
            {t('withdraw.look_again')}
          </Button>
        )}
      </div>
    </Panel>
  );
}

function linkName({ state, last4 }: BankAccountView): Key {
  if (state === 'ready' || last4 !== null) return 'withdraw.change_bank';
  return state === 'none' ? 'withdraw.link' : 'withdraw.link_continue';
}

/** As the cloud counts it: fixed and a share, rounded up. */
function feeOf(amountMinor: bigint, { feeFixedMinor, feeBasisPoints }: BankAccountView['terms']): bigint {
  return BigInt(feeFixedMinor) + (amountMinor * BigInt(feeBasisPoints) + 9_999n) / 10_000n;
}

function Order({ view, onOrdered }: { view: BankAccountView; onOrdered: (withdrawal: Withdrawal) => void }) {
  const { office } = useOffice();
  const { terms } = view;
  const { currency } = terms;
  const limits = { minMinor: BigInt(terms.minMinor), maxMinor: BigInt(terms.maxMinor) };
  const amount = useAmount(currency, limits);
  const action = useAction();
  // One decision, one key: a second press after a lost answer pays out once.
  const [order, setOrder] = useState<{ minor: bigint; key: string } | null>(null);
  const fee = amount.minor === null ? null : feeOf(amount.minor, terms);
  const submit = (event: Event) => {
    event.preventDefault();
    if (amount.minor === null || fee === null) return;
    const { minor } = amount;
    const key = order?.minor === minor ? order.key : crypto.randomUUID();
    setOrder({ minor, key });
    action.run(async () => {
      onOrdered(
        await office.api.requestPayOut({ amountMinor: minor.toString(), feeMinor: fee.toString() }, key),
      );
      setOrder(null);
      amount.setText('');
    });
  };
  const isPossible = view.state === 'ready' && limits.maxMinor >= limits.minMinor;
  return (
    <Panel title={t('payouts.new')} testId="order">
      {!isPossible && (
        <p class="muted">
          {view.state === 'ready'
            ? t('withdraw.nothing_text', { amount: money(terms.minMinor, currency) })
            : t(view.last4 === null ? 'payouts.link_first' : 'payouts.not_ready')}
        </p>
      )}
      {isPossible && (
        <form class="stack" onSubmit={submit}>
          <AmountField
            amount={amount}
            currency={currency}
            label={t('amount.label')}
            hint={t('amount.between', {
              min: money(terms.minMinor, currency),
              max: money(terms.maxMinor, currency),
            })}
            testId="pay-out-amount"
          />
          <dl class="rows">
            <Row label={t('withdraw.fee')}>
              {fee === null ? '–' : <Sum minor={fee} currency={currency} />}
            </Row>
            <Row label={t('withdraw.arrives')}>
              {fee === null || amount.minor === null ? (
                '–'
              ) : (
                <Sum minor={amount.minor - fee} currency={currency} />
              )}
            </Row>
          </dl>
          {action.code !== null && <ErrorNotice code={action.code} />}
          <Button type="submit" busy={action.busy} disabled={amount.minor === null} testId="pay-out-submit">
            {t('transfer.next')}
          </Button>
        </form>
      )}
    </Panel>
  );
}

function Confirmation({
  withdrawal,
  onChange,
  onLeave,
}: {
  withdrawal: Withdrawal;
  onChange: (withdrawal: Withdrawal) => void;
  onLeave: () => void;
}) {
  const { office, state } = useOffice();
  const { currency } = withdrawal;
  const arrives = BigInt(withdrawal.amountMinor) - BigInt(withdrawal.feeMinor);
  const { expiresAt = '', resendAfterMs = 0 } = withdrawal.code ?? {};
  return (
    <Panel title={t('payouts.confirm')} testId="confirmation">
      <dl class="rows">
        <Row label={t('withdraw.bank')}>
          <bdi>{withdrawal.bankName}</bdi> <Bdi class="whole">•••• {withdrawal.last4}</Bdi>
        </Row>
        <Row label={t('payouts.leaves')}>
          <Sum minor={withdrawal.amountMinor} currency={currency} />
        </Row>
        <Row label={t('withdraw.fee')} testId="confirmation-fee">
          <Sum minor={withdrawal.feeMinor} currency={currency} />
        </Row>
        <Row label={t('withdraw.arrives')}>
          <Sum minor={arrives} currency={currency} />
        </Row>
      </dl>
      <CodeBySms
        sent={{ phone: state.user?.phone ?? '', expiresAt, resendAfterMs }}
        onCode={async (code) => onChange(await office.api.confirmPayOut(withdrawal.id, code))}
        onResend={async () => onChange(await office.api.resendPayOutCode(withdrawal.id))}
        onLeave={onLeave}
      />
    </Panel>
  );
}

const STATUS: Readonly<Record<WithdrawalStatus, { readonly tone: Tone; readonly name: Key }>> = {
  awaiting_code: { tone: 'warn', name: 'withdraw.awaiting_code' },
  expired: { tone: 'plain', name: 'withdraw.expired' },
  on_its_way: { tone: 'plain', name: 'withdraw.on_its_way' },
  paid: { tone: 'ok', name: 'withdraw.paid' },
  coming_back: { tone: 'warn', name: 'payouts.coming_back' },
  returned: { tone: 'bad', name: 'payouts.returned' },
};
const FAILURES: Readonly<Record<WithdrawalFailure, Key>> = {
  bank_account_closed: 'withdraw.failed_closed',
  bank_account_not_found: 'withdraw.failed_not_found',
  bank_refused: 'withdraw.failed_bank',
  account_not_ready: 'withdraw.failed_account',
  provider_refused: 'withdraw.failed_provider',
};

function PayOutLine({
  withdrawal,
  onOpen,
}: {
  withdrawal: Withdrawal;
  onOpen: (withdrawal: Withdrawal) => void;
}) {
  const { tone, name } = STATUS[withdrawal.status];
  return (
    <div class="line" data-testid="pay-out" data-status={withdrawal.status}>
      <span class="line-main">
        <span class="line-title">
          <bdi>{withdrawal.bankName}</bdi> <Bdi class="whole">•••• {withdrawal.last4}</Bdi>
        </span>
        <span class="line-note">
          {shortWhen(Date.parse(withdrawal.createdAt), Date.now())} · {t('withdraw.fee')}{' '}
          <Sum minor={withdrawal.feeMinor} currency={withdrawal.currency} />
        </span>
        {withdrawal.failure !== null && <span class="bad-line">{t(FAILURES[withdrawal.failure])}</span>}
      </span>
      <span class="line-end">
        <span class="line-amount">
          <Sum minor={withdrawal.amountMinor} currency={withdrawal.currency} />
        </span>
        <Chip tone={tone}>{t(name)}</Chip>
      </span>
      {withdrawal.status === 'awaiting_code' && (
        <span class="line-actions">
          <Button kind="plain" onClick={() => onOpen(withdrawal)}>
            {t('payouts.enter_code')}
          </Button>
        </span>
      )}
    </div>
  );
}
