/** An open offer: the code that the customer scans and confirms, the time left, and what was refused. */
import { Button } from '@mantine/core';
import { type CSSProperties, type ReactElement, useEffect, useRef, useState } from 'react';
import { MAX_REFUND_OFFER_TTL_SECONDS } from '@tikiwallet/protocol';
import type { Refund } from '../../ipc/agent-contract.ts';
import { codeOf } from '../agent/calls.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Problem } from '../look/panel.tsx';
import { CustomerCamera } from '../scan/customer-camera.tsx';
import { Countdown } from '../sell/countdown.tsx';
import { QrCode } from '../sell/qr-code.tsx';
import waiting from '../sell/waiting-screen.module.css';
import { type AcceptanceNote, useScannedAcceptance } from './use-scanned-acceptance.ts';

interface OfferStepProps {
  refund: Refund;
  receivedAtMs: number;
  onCancel: () => void;
  cancelling: boolean;
  error: unknown;
}

export function OfferStep({
  refund,
  receivedAtMs,
  onCancel,
  cancelling,
  error,
}: OfferStepProps): ReactElement {
  const { t, money } = useLanguage();
  const amount = money(refund.amountMinor, refund.currency);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const [face, setFace] = useState<'code' | 'camera'>('code');
  const { note, onText } = useScannedAcceptance();
  return (
    <div className={waiting.waiting} data-testid="screen-give-back-offer">
      <div className={waiting.code} data-face={face}>
        {face === 'code' ? (
          <QrCode text={refund.qrText} label={t('giveBack.qrLabel', { amount })} testId="give-back-qr" />
        ) : (
          <CustomerCamera onText={onText} />
        )}
      </div>
      <section className={waiting.side}>
        <div className={waiting.head}>
          <div className={waiting.amountBox}>
            <h1 className={waiting.title} ref={heading} tabIndex={-1}>
              {t('giveBack.waiting')}
            </h1>
            <p
              className={`${waiting.amount} tiki-number`}
              data-testid="give-back-offered"
              style={{ '--letters': amount.length } as CSSProperties}
            >
              {amount}
            </p>
          </div>
          <Countdown
            remainingMs={refund.remainingMs}
            receivedAtMs={receivedAtMs}
            fullMs={MAX_REFUND_OFFER_TTL_SECONDS * 1000}
          />
        </div>
        <p className={waiting.scan}>{t(face === 'code' ? 'giveBack.scan' : 'camera.hold')}</p>
        <div className={waiting.middle}>
          {refund.lastRefusal === null ? (
            <p className={waiting.rule}>
              <Icon name="shield" size={22} />
              {t('giveBack.rule')}
            </p>
          ) : (
            <LastRefusal refusal={refund.lastRefusal} />
          )}
          {face === 'camera' && note !== null && <Note note={note} told={refund.lastRefusal?.code} />}
          {error !== null && error !== undefined && <Problem code={codeOf(error)} />}
        </div>
        <div className={waiting.actions}>
          <Button
            variant="default"
            data-testid={face === 'code' ? 'give-back-scan' : 'give-back-show'}
            leftSection={<Icon name={face === 'code' ? 'camera' : 'code'} size={22} />}
            onClick={() => setFace(face === 'code' ? 'camera' : 'code')}
            fullWidth
          >
            {t(face === 'code' ? 'camera.open' : 'camera.close')}
          </Button>
          <Button
            variant="default"
            data-testid="give-back-cancel"
            loading={cancelling}
            onClick={onCancel}
            fullWidth
          >
            {t('common.cancel')}
          </Button>
        </div>
      </section>
    </div>
  );
}

/** `told`: a refusal that the screen shows already. */
function Note({ note, told }: { note: AcceptanceNote; told: string | undefined }): ReactElement | null {
  const { t } = useLanguage();
  switch (note.kind) {
    case 'not_an_acceptance':
    case 'old_acceptance':
      return (
        <p className={waiting.note} role="alert" data-testid="scan-note" data-kind={note.kind}>
          <Icon name="alert" size={22} />
          {t(note.kind === 'old_acceptance' ? 'giveBack.oldAcceptance' : 'giveBack.notAcceptance')}
        </p>
      );
    case 'refused':
      return note.code === told ? null : <Problem code={note.code} kind="refusal" />;
    case 'failed':
      return <Problem code={note.code} />;
  }
}

function LastRefusal({ refusal }: { refusal: NonNullable<Refund['lastRefusal']> }): ReactElement {
  const { t, refusal: sentence, time } = useLanguage();
  return (
    <div className={waiting.refusal} role="alert" data-testid="give-back-refusal" data-code={refusal.code}>
      <p className={waiting.refusalTitle}>
        <Icon name="alert" size={22} />
        {t('giveBack.refused')}
      </p>
      <p className={waiting.refusalSentence}>{sentence(refusal.code)}</p>
      <p className={waiting.refusalFoot}>{t('giveBack.stillOpen')}</p>
      <small className={waiting.refusalCode} data-selectable>
        {t('common.support', { code: refusal.code })} · {time(refusal.at)} ·{' '}
        {t('waiting.attempts', { count: refusal.attempts })}
      </small>
    </div>
  );
}
