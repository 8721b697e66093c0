/** Money to another person's online wallet: number and amount, who that is, done. */
import type { TransferPreview, TransferResult } from '@tikiwallet/server/contract';
import { useState } from 'preact/hooks';
import { money } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import { PhoneField } from './enter.tsx';
import { AmountField, useAmount } from './parts/amount-field.tsx';
import { currencyOf, useWallet } from './parts/context.ts';
import { Icon } from './parts/icons.tsx';
import { NeedsOnline } from './parts/needs-online.tsx';
import { Bdi, Button, ErrorNotice, Field, LinkButton, Money, Row, Screen, useAction } from './parts/ui.tsx';

interface Order {
  readonly phone: string;
  readonly amountMinor: bigint;
  readonly note: string | null;
  readonly recipient: TransferPreview;
}

export function TransferScreen() {
  const [order, setOrder] = useState<Order | null>(null);
  const [result, setResult] = useState<TransferResult | null>(null);
  return (
    <Screen title={t('transfer.title')} testId="transfer">
      {result !== null ? (
        <Done result={result} />
      ) : (
        <NeedsOnline>
          {/* Kept while the confirmation is shown, so that going back finds what was typed. */}
          <div hidden={order !== null}>
            <Compose onReady={setOrder} />
          </div>
          {order !== null && <Confirm order={order} onBack={() => setOrder(null)} onDone={setResult} />}
        </NeedsOnline>
      )}
    </Screen>
  );
}

function Compose({ onReady }: { onReady: (order: Order) => void }) {
  const { wallet, state } = useWallet();
  const currency = currencyOf(state);
  const onlineMinor = state.view === null ? null : BigInt(state.view.onlineMinor);
  const amount = useAmount(
    currency,
    onlineMinor === null || onlineMinor === 0n ? null : { minMinor: 1n, maxMinor: onlineMinor },
  );
  const [phone, setPhone] = useState('');
  const [note, setNote] = useState('');
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    const { minor } = amount;
    if (minor === null) return;
    action.run(async () => {
      const recipient = await wallet.online.previewTransfer(phone.trim());
      onReady({
        phone: phone.trim(),
        amountMinor: minor,
        note: note.trim() === '' ? null : note.trim(),
        recipient,
      });
    });
  };
  return (
    <form class="form" onSubmit={submit}>
      <PhoneField
        value={phone}
        onInput={setPhone}
        testId="transfer-phone"
        region={state.config?.region ?? null}
        label={t('transfer.to')}
      />
      <AmountField
        amount={amount}
        currency={currency}
        label={t('amount.label')}
        testId="transfer-amount"
        {...(onlineMinor === null
          ? {}
          : { hint: t('transfer.available', { amount: money(onlineMinor, currency) }) })}
      />
      <Field
        label={t('transfer.note')}
        value={note}
        onInput={setNote}
        testId="transfer-note"
        input={{ maxLength: 80, autoComplete: 'off' }}
      />
      {action.code !== null && <ErrorNotice code={action.code} />}
      <div class="actions">
        <Button
          type="submit"
          busy={action.busy}
          disabled={amount.minor === null || phone.trim().length < 4}
          testId="transfer-preview"
        >
          {t('transfer.next')}
        </Button>
      </div>
    </form>
  );
}

function Confirm({
  order,
  onBack,
  onDone,
}: {
  order: Order;
  onBack: () => void;
  onDone: (result: TransferResult) => void;
}) {
  const { wallet, state } = useWallet();
  const currency = currencyOf(state);
  const action = useAction();
  const isUndecided =
    action.code === 'network_unreachable' ||
    action.code === 'service_unavailable' ||
    action.code === 'internal_error';
  return (
    <div class="form">
      <p class="lead">{t('transfer.check')}</p>
      <div class="card card-online">
        <Money
          minor={order.amountMinor}
          currency={currency}
          class="balance"
          testId="transfer-confirm-amount"
        />
        <dl class="rows">
          <Row label={t('transfer.to')} testId="transfer-recipient">
            <bdi>{order.recipient.maskedName}</bdi> · <Bdi class="whole">{order.recipient.maskedPhone}</Bdi>
          </Row>
          {order.note !== null && (
            <Row label={t('transfer.note')}>
              <bdi>{order.note}</bdi>
            </Row>
          )}
        </dl>
      </div>
      {action.code !== null && (
        <ErrorNotice code={action.code}>{isUndecided && <p>{t('transfer.undecided')}</p>}</ErrorNotice>
      )}
      <div class="actions">
        <Button
          busy={action.busy}
          testId="transfer-confirm"
          onClick={() => action.run(async () => onDone(await wallet.online.transfer({ ...order, currency })))}
        >
          {action.code === null
            ? t('transfer.send', { amount: money(order.amountMinor, currency) })
            : t('common.try_again')}
        </Button>
        <Button kind="quiet" disabled={action.busy} onClick={onBack}>
          {t('common.change')}
        </Button>
      </div>
    </div>
  );
}

function Done({ result }: { result: TransferResult }) {
  return (
    <>
      <div class="verdict-page" role="status" data-testid="transfer-done">
        <span class="verdict-mark verdict-ok">
          <Icon name="check" size={44} />
        </span>
        <h2>{t('transfer.done')}</h2>
        <Money minor={BigInt(result.amountMinor)} currency={result.currency} class="balance" />
        <p class="lead">
          <bdi>{result.recipient.maskedName}</bdi> · <Bdi class="whole">{result.recipient.maskedPhone}</Bdi>
        </p>
      </div>
      <div class="actions">
        <LinkButton to="" kind="primary">
          {t('common.to_home')}
        </LinkButton>
      </div>
    </>
  );
}
