/** An open sale: the code to scan, the amount, the digits to compare, the time left, and what was refused. */
import { Button } from '@mantine/core';
import { type CSSProperties, type ReactElement, useEffect, useRef, useState } from 'react';
import type { Sale } from '../../ipc/agent-contract.ts';
import { codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Problem } from '../look/panel.tsx';
import { OverrideDialog } from '../manager/override-dialog.tsx';
import { JoinCode } from '../wifi/join-code.tsx';
import { PaySteps } from '../wifi/pay-steps.tsx';
import { CustomerCamera } from '../scan/customer-camera.tsx';
import { Countdown } from './countdown.tsx';
import { QrCode } from './qr-code.tsx';
import { type ScanNote, useScannedPayment } from './use-scanned-payment.ts';
import classes from './waiting-screen.module.css';

const WORDS = { code: 'waiting.scan', join: 'wifi.joinScan', camera: 'camera.hold' } as const;

interface WaitingScreenProps {
  sale: Sale;
  receivedAtMs: number;
  onCancel: () => void;
  cancelling: boolean;
  error: unknown;
}

export function WaitingScreen({
  sale,
  receivedAtMs,
  onCancel,
  cancelling,
  error,
}: WaitingScreenProps): ReactElement {
  const { t, money } = useLanguage();
  const amount = money(sale.amountMinor, sale.currency);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const [chosen, setFace] = useState<'join' | 'code' | 'camera'>('code');
  const canJoin = useAgent().state.radio.joinCodeId !== null;
  // A group that is gone takes its code along.
  const face = chosen === 'join' && !canJoin ? 'code' : chosen;
  const [isDeciding, setDeciding] = useState(false);
  const offer = sale.lastRefusal?.override ?? null;
  const { note, onText } = useScannedPayment();
  return (
    <div className={classes.waiting} data-testid="screen-waiting" data-steps={canJoin || undefined}>
      <div className={classes.code} data-face={face}>
        {face === 'code' && <QrCode text={sale.qrText} label={t('waiting.qrLabel', { amount })} />}
        {face === 'join' && <JoinCode />}
        {face === 'camera' && <CustomerCamera onText={onText} />}
      </div>
      <section className={classes.side}>
        <div className={classes.head}>
          <div className={classes.amountBox}>
            <h1 className={classes.title} ref={heading} tabIndex={-1}>
              {t('waiting.title')}
            </h1>
            <p
              className={`${classes.amount} tiki-number`}
              data-testid="waiting-amount"
              style={{ '--letters': amount.length } as CSSProperties}
            >
              {amount}
            </p>
          </div>
          <Countdown remainingMs={sale.remainingMs} receivedAtMs={receivedAtMs} />
        </div>
        {canJoin && face !== 'camera' && (
          <PaySteps
            step={face === 'join' ? 'join' : 'pay'}
            onChange={(step) => setFace(step === 'join' ? 'join' : 'code')}
          />
        )}
        <p className={classes.scan}>{t(WORDS[face])}</p>
        {face !== 'join' && (
          <div className={classes.compare}>
            <div>
              <span className={classes.compareLabel}>{t('waiting.shortCode')}</span>
              <span className={classes.compareHint}>{t('waiting.shortCodeHint')}</span>
            </div>
            <strong className={`${classes.digits} tiki-number`} data-testid="short-code" dir="ltr">
              {sale.shortCode}
            </strong>
          </div>
        )}
        <div className={classes.middle}>
          {sale.lastRefusal === null ? (
            <p className={classes.rule}>
              <Icon name={face === 'join' ? 'forward' : 'shield'} size={22} />
              {t(face === 'join' ? 'wifi.joinThen' : 'waiting.doNotHandOver')}
            </p>
          ) : (
            <LastRefusal refusal={sale.lastRefusal} onDecide={() => setDeciding(true)} />
          )}
          {face === 'camera' && note !== null && <Note note={note} told={sale.lastRefusal?.code} />}
          {error !== null && error !== undefined && <Problem code={codeOf(error)} />}
        </div>
        {sale.checksPhone && (
          <p className={classes.rule} data-testid="checks-payer">
            <Icon name="user" size={22} />
            {t('payer.checking')}
          </p>
        )}
        {offer !== null && (
          <OverrideDialog sale={sale} offer={offer} opened={isDeciding} onClose={() => setDeciding(false)} />
        )}
        <div className={classes.actions}>
          <Button
            variant="default"
            data-testid={face === 'camera' ? 'show-request' : 'scan-customer'}
            leftSection={<Icon name={face === 'camera' ? 'code' : 'camera'} size={22} />}
            onClick={() => setFace(face === 'camera' ? 'code' : 'camera')}
            fullWidth
          >
            {t(face === 'camera' ? 'camera.close' : 'camera.open')}
          </Button>
          <Button
            variant="default"
            data-testid="cancel-sale"
            loading={cancelling}
            onClick={onCancel}
            fullWidth
          >
            {t('waiting.cancel')}
          </Button>
        </div>
      </section>
    </div>
  );
}

/** `told`: a refusal of this sale that the screen shows already. */
function Note({ note, told }: { note: ScanNote; told: string | undefined }): ReactElement | null {
  const { t } = useLanguage();
  switch (note.kind) {
    case 'not_a_payment':
    case 'old_payment':
      return (
        <p className={classes.note} role="alert" data-testid="scan-note" data-kind={note.kind}>
          <Icon name="alert" size={22} />
          {t(note.kind === 'old_payment' ? 'camera.oldPayment' : 'camera.notPayment')}
        </p>
      );
    case 'refused':
      return note.code === told ? null : <Problem code={note.code} kind="refusal" />;
    case 'failed':
      return <Problem code={note.code} />;
  }
}

function LastRefusal({
  refusal,
  onDecide,
}: {
  refusal: NonNullable<Sale['lastRefusal']>;
  onDecide: () => void;
}): ReactElement {
  const { t, refusal: sentence, time } = useLanguage();
  return (
    <div className={classes.refusal} role="alert" data-testid="last-refusal" data-code={refusal.code}>
      <p className={classes.refusalTitle}>
        <Icon name="alert" size={22} />
        {t('waiting.refused')}
      </p>
      <p className={classes.refusalSentence}>{sentence(refusal.code)}</p>
      <p className={classes.refusalFoot}>{t('waiting.stillOpen')}</p>
      <small className={classes.refusalCode} data-selectable>
        {t('common.support', { code: refusal.code })} · {time(refusal.at)} ·{' '}
        {t('waiting.attempts', { count: refusal.attempts })}
      </small>
      {refusal.override !== null && (
        <Button
          variant="default"
          data-testid="override-open"
          leftSection={<Icon name="key" size={22} />}
          onClick={onDecide}
        >
          {t('override.open')}
        </Button>
      )}
    </div>
  );
}
