/** A lost phone and a change of phone: where this person's offline money is, and how it comes back. */
import type { Allowance } from '@tikiwallet/server/contract';
import { useState } from 'preact/hooks';
import { dateTime, money } from '../i18n/format.ts';
import { t } from '../i18n/translate.ts';
import { offlineFunds } from '../pay/allowance-choice.ts';
import type { ErrorCode } from '../pay/codes.ts';
import { otherPhones, type OtherPhone } from '../pay/other-phones.ts';
import { currencyOf, useNow, useWallet } from './parts/context.ts';
import { NeedsOnline } from './parts/needs-online.tsx';
import { PinGate } from './parts/pin-gate.tsx';
import {
  Button,
  Empty,
  ErrorNotice,
  LinkButton,
  Money,
  Notice,
  Row,
  Screen,
  useAction,
} from './parts/ui.tsx';

export function PhonesScreen() {
  const { wallet, state } = useWallet();
  const [asksPin, setAsksPin] = useState(false);
  const moving = useAction();
  const phones = otherPhones(state.view, state.allowances);
  const moveAll = () => {
    setAsksPin(false);
    moving.run(() => wallet.unloadAll());
  };
  if (asksPin) {
    return (
      <PinGate
        need="unlock"
        reason={<p>{t('pin.for_unload')}</p>}
        onOpen={moveAll}
        onCancel={() => setAsksPin(false)}
      />
    );
  }
  const needsPin = state.allowances.some(
    (one) => one.state === 'active' && wallet.unlocking.needFor(one, 0n) !== null,
  );
  return (
    <Screen title={t('phones.title')} back="settings" testId="phones">
      <section class="stack">
        <h2 class="day">{t('phones.others')}</h2>
        <p class="lead">{t('phones.others_text')}</p>
        <NeedsOnline>
          {phones.length === 0 ? (
            <Empty icon="check" title={t('phones.others_empty_title')}>
              {t('phones.others_empty')}
            </Empty>
          ) : (
            phones.map((phone) => <OtherPhoneCard key={phone.id} phone={phone} />)
          )}
        </NeedsOnline>
      </section>
      <ThisPhone
        busy={moving.busy}
        code={moving.code}
        onMoveAll={() => (needsPin ? setAsksPin(true) : moveAll())}
      />
    </Screen>
  );
}

function OtherPhoneCard({ phone }: { phone: OtherPhone }) {
  const { wallet, state } = useWallet();
  const action = useAction();
  const [asks, setAsks] = useState(false);
  const currency = currencyOf(state);
  const canSpend = phone.spendable.length > 0;
  const newest = phone.loads[0];
  const ends = phone.spendable.map((load) => Date.parse(load.notAfter));
  return (
    <article
      class="card card-online"
      data-testid="other-phone"
      data-state={canSpend ? 'active' : 'returning'}
    >
      <header>
        <Money minor={phone.reservedMinor} currency={currency} class="balance" />
        <span class="chip">{t(canSpend ? 'phones.state_active' : 'offline.state_closing')}</span>
      </header>
      <p class="muted">{t('phones.reserved')}</p>
      <dl class="rows">
        {newest !== undefined && (
          <Row label={t('phones.loaded')}>{dateTime(Date.parse(newest.notBefore))}</Row>
        )}
        {ends.length > 0 && <Row label={t('offline.until')}>{dateTime(Math.max(...ends))}</Row>}
        {phone.loads.some(settledSome) && (
          <Row label={t('phones.settled')}>
            {money(
              phone.loads.reduce((sum, load) => sum + BigInt(load.settledMinor), 0n),
              currency,
            )}
          </Row>
        )}
      </dl>
      {!canSpend && (
        <Notice tone="info" icon="clock" testId="phone-returning">
          <p>
            {phone.returnsBy === null
              ? t('offline.returning')
              : t('offline.returning_by', { when: dateTime(Date.parse(phone.returnsBy)) })}
          </p>
        </Notice>
      )}
      {canSpend && !asks && (
        <Button kind="plain" icon="lock" testId="phone-lost" onClick={() => setAsks(true)}>
          {t('phones.lost')}
        </Button>
      )}
      {canSpend && asks && (
        <Notice tone="warn" icon="alert" title={t('phones.lost_title')}>
          <p>{t('phones.lost_text')}</p>
          <p>{t('phones.lost_final')}</p>
          <div class="button-row">
            <Button
              kind="danger"
              busy={action.busy}
              testId="phone-lost-confirm"
              onClick={() => action.run(() => wallet.denyLost(phone.spendable.map((load) => load.id)))}
            >
              {t('phones.lost_submit')}
            </Button>
            <Button kind="quiet" disabled={action.busy} onClick={() => setAsks(false)}>
              {t('common.cancel')}
            </Button>
          </div>
        </Notice>
      )}
      {action.code !== null && <ErrorNotice code={action.code} />}
    </article>
  );
}

const settledSome = (load: Allowance): boolean => BigInt(load.settledMinor) > 0n;

type ThisPhoneProps = {
  readonly busy: boolean;
  readonly code: ErrorCode | null;
  readonly onMoveAll: () => void;
};

/** The old phone's part of a change: close what can be spent, so that the new one can load it. */
function ThisPhone({ busy, code, onMoveAll }: ThisPhoneProps) {
  const { wallet, state } = useWallet();
  const now = useNow(wallet, 30_000);
  const [asks, setAsks] = useState(false);
  const currency = currencyOf(state);
  const funds = offlineFunds(state.allowances, state.payments, Math.floor(now / 1000));
  const isLoaded = funds.spendable.length > 0;
  const isReturning = !isLoaded && funds.returning.length > 0;
  const lastReturn = funds.returning.reduce<string | null>(
    (last, { returnsBy }) => (returnsBy !== null && (last === null || returnsBy > last) ? returnsBy : last),
    null,
  );
  return (
    <section class="stack" data-testid="this-phone" data-state={stateOf(isLoaded, isReturning)}>
      <h2 class="day">{t('phones.this')}</h2>
      {isLoaded ? (
        <>
          <p class="lead">{t('phones.this_text')}</p>
          {asks ? (
            <Notice tone="warn" icon="alert" title={t('unload.title')}>
              <p>{t('unload.text')}</p>
              {funds.heldMinor > 0n && <p>{t('unload.held')}</p>}
              <div class="button-row">
                <Button busy={busy} testId="unload-all-confirm" onClick={onMoveAll}>
                  {t('unload.submit')}
                </Button>
                <Button kind="quiet" disabled={busy} onClick={() => setAsks(false)}>
                  {t('common.cancel')}
                </Button>
              </div>
            </Notice>
          ) : (
            <Button kind="plain" icon="up" testId="unload-all" onClick={() => setAsks(true)}>
              {t('phones.move_all', { amount: money(funds.spendableMinor, currency) })}
            </Button>
          )}
        </>
      ) : isReturning ? (
        <Notice tone="info" icon="clock">
          <p>
            {lastReturn === null
              ? t('phones.moving')
              : t('phones.moving_by', { when: dateTime(Date.parse(lastReturn)) })}
          </p>
        </Notice>
      ) : (
        <>
          <p class="lead">{t('phones.this_empty')}</p>
          <LinkButton to="load" icon="down">
            {t('load.title')}
          </LinkButton>
        </>
      )}
      {code !== null && (
        <ErrorNotice code={code}>
          <p>{t('unload.reported_later')}</p>
        </ErrorNotice>
      )}
    </section>
  );
}

function stateOf(isLoaded: boolean, isReturning: boolean): string {
  if (isLoaded) return 'loaded';
  return isReturning ? 'returning' : 'empty';
}
