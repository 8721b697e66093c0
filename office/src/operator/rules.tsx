/** The rules in force and the deny list. They are read here; they are set where the server is started. */
import type { DeniedView, PolicyView } from '@tikiwallet/server/contract';
import { Bdi, dateTime } from '@tikiwallet/wallet/look';
import { type Key, t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { grouped } from '../parts/figures.ts';
import { isThere, Shown, useLoad, usePages } from '../parts/load.tsx';
import { Area, Chip, PagedList, Panel, Sum } from '../parts/pieces.tsx';

const NAMES: Readonly<Record<string, Key>> = {
  topUpMin: 'rules.top_up_min',
  topUpMax: 'rules.top_up_max',
  transferMax: 'rules.transfer_max',
  allowanceMax: 'rules.allowance_max',
  allowanceOutstandingMax: 'rules.outstanding_max',
  walletPerPayment: 'rules.wallet_payment',
  kioskPerPayment: 'rules.kiosk_payment',
  kioskStoredSum: 'rules.stored_sum',
  payerHour: 'rules.payer_hour',
  payerDay: 'rules.payer_day',
  guaranteeMerchantMonth: 'rules.guarantee_merchant',
  guaranteeAllMonth: 'rules.guarantee_all',
  withdrawalDayMax: 'rules.withdrawal_day',
  payOutDayMax: 'rules.pay_out_day',
  payOutCodeAbove: 'rules.code_above',
  allowanceHours: 'rules.allowance_hours',
  kioskOfflineHours: 'rules.offline_hours',
  kioskStoredCount: 'rules.stored_count',
  claimWindowHours: 'rules.claim_hours',
  holdHours: 'rules.hold_hours',
  smsPerDay: 'rules.sms_day',
};

/** A rule of a newer server has its own name, and is shown all the same. */
function nameOf(rule: string): string {
  const key = NAMES[rule];
  return key === undefined ? rule : t(key);
}

const REASONS: Readonly<Record<DeniedView['reason'], Key>> = {
  closing: 'rules.closing',
  double_spend: 'rules.double_spend',
  lost: 'rules.lost',
  operator: 'rules.by_operator',
};

/** Why, in a sentence: who said so, and what it means. */
const TEXTS: Readonly<Record<DeniedView['reason'], Key>> = {
  closing: 'rules.closing_text',
  double_spend: 'rules.double_spend_text',
  lost: 'rules.lost_text',
  operator: 'rules.by_operator_text',
};

export function Rules() {
  const { office } = useOffice();
  const policy = useLoad('policy', () => office.api.operator.policy());
  const denied = usePages('denied', (cursor) => office.api.operator.denied(cursor));
  return (
    <Area title={t('rules.title')} testId="rules">
      <Shown of={policy} lines={6}>
        {(view) => <Policy view={view} />}
      </Shown>
      {isThere(policy) && (
        <section class="stack">
          <h2>{t('rules.deny_list')}</h2>
          <p class="muted">{t('rules.deny_list_text')}</p>
          <PagedList
            pages={denied}
            keyOf={({ kind, id }) => `${kind} ${id}`}
            draw={(subject) => <DeniedLine subject={subject} />}
            empty={{ icon: 'check', title: t('rules.nobody'), text: t('rules.nobody_text') }}
            testId="denied-list"
          />
        </section>
      )}
    </Area>
  );
}

function Policy({ view }: { view: PolicyView }) {
  return (
    <Panel title={t('rules.in_force')} lead={t('rules.in_force_text')} testId="policy">
      <dl class="rows rules">
        {Object.entries(view.sums).map(([name, minor]) => (
          <div key={name} class="row">
            <dt>{nameOf(name)}</dt>
            <dd>
              <Sum minor={minor} currency={view.currency} />
            </dd>
          </div>
        ))}
        {Object.entries(view.numbers).map(([name, number]) => (
          <div key={name} class="row">
            <dt>{nameOf(name)}</dt>
            <dd>{grouped(number)}</dd>
          </div>
        ))}
        <div class="row">
          <dt>{t('rules.version')}</dt>
          <dd>{view.denyListVersion}</dd>
        </div>
      </dl>
    </Panel>
  );
}

function DeniedLine({ subject }: { subject: DeniedView }) {
  const { kind, reason, listedUntil } = subject;
  return (
    <div class="line" data-testid="denied" data-kind={kind}>
      <span class="line-main">
        <span class="line-title">
          <DeniedName subject={subject} />
        </span>
        <span class="muted">
          {t(kind === 'kiosk' && reason === 'lost' ? 'rules.by_shop_text' : TEXTS[reason])}
        </span>
        <span class="line-note">
          {dateTime(Date.parse(subject.deniedAt))} · {t('rules.since_version', { number: subject.version })} ·{' '}
          {listedUntil === null
            ? t('rules.for_ever')
            : t('rules.listed_until', { when: dateTime(Date.parse(listedUntil)) })}
        </span>
        <Bdi class="code line-hash">{subject.id}</Bdi>
      </span>
      <span class="line-end">
        <Chip tone={reason === 'double_spend' ? 'bad' : 'plain'}>{t(REASONS[reason])}</Chip>
      </span>
    </div>
  );
}

/** What people call it: the till of a shop, or the money of a phone. */
function DeniedName({ subject: { kind, kioskName, businessName, maskedPhone } }: { subject: DeniedView }) {
  if (kind === 'kiosk')
    return (
      <>
        {t('rules.kiosk')} <bdi>{kioskName ?? ''}</bdi> · <bdi>{businessName ?? ''}</bdi>
      </>
    );
  return (
    <>
      {t('rules.allowance')} <Bdi class="whole">{maskedPhone ?? ''}</Bdi>
    </>
  );
}
