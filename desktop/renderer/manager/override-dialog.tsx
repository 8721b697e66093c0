/**
 * A refused payment before the manager: what stands in the way, what is at stake, why it is taken all the same, and the
 * PIN. Shows and asks; the agent decides, on the bytes that it holds.
 */
import { Button, Modal } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, type ReactElement, useState } from 'react';
import { OverrideReason, type OverrideOffer, type Sale } from '../../ipc/agent-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Problem } from '../look/panel.tsx';
import classes from './manager.module.css';
import { LEAST_PIN, PinEntry } from './pin-entry.tsx';
import { PinWait, usePinWaitMs } from './pin-wait.tsx';

interface OverrideDialogProps {
  sale: Sale;
  offer: OverrideOffer;
  opened: boolean;
  onClose: () => void;
}

export function OverrideDialog({ sale, offer, opened, onClose }: OverrideDialogProps): ReactElement {
  const { t } = useLanguage();
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="min(1040px, 96vw)"
      centered
      title={t('override.title')}
      classNames={{ title: classes.title }}
      closeButtonProps={{ 'aria-label': t('common.close'), size: 48, iconSize: 26 }}
    >
      <Decision sale={sale} offer={offer} onDone={onClose} />
    </Modal>
  );
}

function Decision({
  sale,
  offer,
  onDone,
}: {
  sale: Sale;
  offer: OverrideOffer;
  onDone: () => void;
}): ReactElement {
  const { t, money } = useLanguage();
  const { state } = useAgent();
  const [reason, setReason] = useState<OverrideReason>();
  const [pin, setPin] = useState('');
  const waitMs = usePinWaitMs();
  const decide = useMutation({
    mutationFn: (chosen: OverrideReason) =>
      call('sale.override', {
        saleId: sale.saleId,
        paymentHash: offer.paymentHash,
        codes: offer.codes,
        reason: chosen,
        pin,
      }),
    onSuccess: (answer) => {
      if (answer.outcome !== 'refused') onDone();
    },
    onSettled: () => setPin(''),
  });
  const isReady =
    reason !== undefined && pin.length >= LEAST_PIN && waitMs <= 0 && state.managerPin.state === 'set';
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isReady && !decide.isPending) decide.mutate(reason);
  };
  const refusedAgain = decide.data?.outcome === 'refused' ? decide.data.code : undefined;
  return (
    <form className={classes.decide} onSubmit={submit} data-testid="override-dialog" data-own-keys>
      <div className={classes.facts}>
        <p className={classes.head}>
          <span className={`${classes.amount} tiki-number`}>{money(sale.amountMinor, sale.currency)}</span>
          <span className={`${classes.phone} tiki-number`} dir="ltr">
            {offer.maskedPhone}
          </span>
        </p>
        <p className={classes.risk} data-testid="override-risk">
          <Icon name="alert" size={24} />
          {t('override.risk')}
        </p>
        <RefusalList codes={offer.codes} />
        <Reasons chosen={reason} onChoose={setReason} />
        <p className={classes.kept}>{t('override.kept')}</p>
      </div>
      <div className={classes.facts}>
        <PinEntry label={t('manager.pin')} value={pin} onChange={setPin} testId="override-pin" autoFocus />
        <PinWait />
        {decide.isError && state.managerPin.state !== 'locked' && <Problem code={codeOf(decide.error)} />}
        {refusedAgain !== undefined && <Problem kind="refusal" code={refusedAgain} />}
        <Button
          type="submit"
          fullWidth
          data-testid="override-accept"
          disabled={!isReady}
          loading={decide.isPending}
        >
          {t('override.accept')}
        </Button>
        <Button variant="default" fullWidth onClick={onDone} data-testid="override-cancel">
          {t('common.cancel')}
        </Button>
      </div>
    </form>
  );
}

function RefusalList({ codes }: { codes: readonly string[] }): ReactElement {
  const { t, refusal } = useLanguage();
  return (
    <div>
      <p className={classes.label}>{t('override.why')}</p>
      <ul className={classes.codes}>
        {codes.map((code) => (
          <li key={code} data-testid="override-code" data-code={code}>
            {refusal(code)}
            <small data-selectable dir="ltr">
              {code}
            </small>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Reasons({
  chosen,
  onChoose,
}: {
  chosen: OverrideReason | undefined;
  onChoose: (reason: OverrideReason) => void;
}): ReactElement {
  const { t } = useLanguage();
  return (
    <div role="radiogroup" aria-label={t('override.reason')}>
      <p className={classes.label} aria-hidden="true">
        {t('override.reason')}
      </p>
      <div className={classes.reasons}>
        {OverrideReason.options.map((reason) => (
          <Button
            key={reason}
            size="md"
            role="radio"
            aria-checked={reason === chosen}
            variant={reason === chosen ? 'filled' : 'default'}
            data-testid={`override-reason-${reason}`}
            onClick={() => onChoose(reason)}
          >
            {t(`override.reasons.${reason}`)}
          </Button>
        ))}
      </div>
    </div>
  );
}
