/** The six digits from the SMS: typed, tapped or filled in; sent again after a wait; says where to read them in test mode. */
import { Button, PinInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactElement, useRef, useState } from 'react';
import type { RendererResult } from '../../ipc/renderer-contract.ts';
import { call, codeOf } from '../agent/calls.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon } from '../look/icons.tsx';
import { Problem } from '../look/panel.tsx';
import { useNow } from '../look/use-now.ts';
import { CodePad } from './code-pad.tsx';
import { StepFrame } from './step-frame.tsx';
import classes from './welcome.module.css';

export type Registration = RendererResult<'merchant.register'>;
const OTP_LENGTH = 6;

interface OtpStepProps {
  registration: Registration;
  onBack: () => void;
  onVerified: () => void;
}

export function OtpStep({ registration, onBack, onVerified }: OtpStepProps): ReactElement {
  const { t } = useLanguage();
  const [current, setCurrent] = useState(registration);
  const [code, setCode] = useState('');
  const verify = useMutation({
    mutationFn: (digits: string) =>
      call('merchant.verify', { registrationId: current.registrationId, code: digits }),
    onSuccess: onVerified,
  });
  const change = (digits: string): void => {
    setCode(digits.slice(0, OTP_LENGTH));
    verify.reset();
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (code.length === OTP_LENGTH && !verify.isPending) verify.mutate(code);
  };
  return (
    <StepFrame
      title={t('account.otpTitle')}
      body={t('account.otpBody', { phone: `\u2066${current.phone}\u2069` })}
      onBack={onBack}
    >
      <StandInHint />
      <form className={classes.form} onSubmit={submit} data-own-keys>
        <div dir="ltr" className={classes.otp}>
          <PinInput
            length={OTP_LENGTH}
            type="number"
            size="xl"
            oneTimeCode
            autoFocus
            placeholder=""
            aria-label={t('account.otpLabel')}
            value={code}
            onChange={change}
            error={verify.isError}
            getInputProps={(index) => ({
              'data-testid': `otp-${index}`,
              'aria-label': `${t('account.otpLabel')} ${index + 1}`,
            })}
          />
        </div>
        {verify.isError && <Problem code={codeOf(verify.error)} />}
        <CodePad
          kind="digits"
          onKey={(key) => change(code + key)}
          onDelete={() => change(code.slice(0, -1))}
        />
        <div className={classes.row}>
          <Resend
            key={current.expiresAt}
            registration={current}
            onResent={(next) => {
              setCurrent(next);
              change('');
            }}
          />
          <Button
            type="submit"
            data-testid="otp-submit"
            disabled={code.length < OTP_LENGTH}
            loading={verify.isPending}
          >
            {t('account.otpSubmit')}
          </Button>
        </div>
      </form>
    </StepFrame>
  );
}

function Resend({
  registration,
  onResent,
}: {
  registration: Registration;
  onResent: (registration: Registration) => void;
}): ReactElement {
  const { t } = useLanguage();
  const receivedAt = useRef(performance.now());
  const now = useNow(500);
  const waitSeconds = Math.ceil((registration.resendAfterMs - (now - receivedAt.current)) / 1000);
  const resend = useMutation({
    mutationFn: () => call('merchant.resend', { registrationId: registration.registrationId }),
    onSuccess: onResent,
  });
  return (
    <div>
      {resend.isError && <Problem code={codeOf(resend.error)} />}
      <Button
        fullWidth
        variant="default"
        type="button"
        data-testid="otp-resend"
        disabled={waitSeconds > 0}
        loading={resend.isPending}
        onClick={() => resend.mutate()}
      >
        {waitSeconds > 0 ? t('account.resendIn', { seconds: waitSeconds }) : t('account.resend')}
      </Button>
    </div>
  );
}

function StandInHint(): ReactElement | null {
  const { t } = useLanguage();
  const { data } = useQuery({ queryKey: ['cloud.standIns'], queryFn: () => call('cloud.standIns', {}) });
  if (data === undefined || data === null || !data.twilio) return null;
  return (
    <p className={classes.warning} data-testid="stand-in-hint" data-selectable>
      <Icon name="alert" size={22} />
      <span>
        {data.smsInboxUrl === null
          ? t('account.standInLog')
          : t('account.standIn', { url: `\u2066${data.smsInboxUrl}\u2069` })}
      </span>
    </p>
  );
}
