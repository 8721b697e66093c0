/** A code by SMS before a risky act: asked for, typed, and the act is done. */
import type { StepUpAct } from '@tikiwallet/server/contract';
import { useState } from 'preact/hooks';
import { t } from '../../i18n/translate.ts';
import type { CodeSent } from '../../account.ts';
import { useWallet } from './context.ts';
import { ResendSms, SmsCode } from './sms-code.tsx';
import { Button, ErrorNotice, useAction } from './ui.tsx';

type StepUpProps = {
  readonly act: StepUpAct;
  /** Does the act, or goes on to it. */
  readonly onProved: () => Promise<void>;
};

export function StepUp({ act, onProved }: StepUpProps) {
  const { wallet } = useWallet();
  const [sent, setSent] = useState<CodeSent | null>(null);
  const asking = useAction();
  const ask = () => asking.run(async () => setSent(await wallet.account.askForCode(act)));
  if (sent === null)
    return (
      <div class="stack" data-testid="step-up">
        <p class="lead">{t(`step_up.${act}`)}</p>
        {asking.code !== null && <ErrorNotice code={asking.code} />}
        <Button busy={asking.busy} testId="step-up-send" onClick={ask}>
          {t('forgot.send')}
        </Button>
      </div>
    );
  const submit = async (code: string) => {
    await wallet.account.proveByCode(act, code);
    await onProved();
  };
  return <TypeCode sent={sent} resend={ask} isAsking={asking.busy} askCode={asking.code} onSubmit={submit} />;
}

type TypeCodeProps = {
  readonly sent: CodeSent;
  readonly resend: () => void;
  readonly isAsking: boolean;
  readonly askCode: string | null;
  readonly onSubmit: (code: string) => Promise<void>;
};

/** The code itself, and another one. */
export function TypeCode({ sent, resend, isAsking, askCode, onSubmit }: TypeCodeProps) {
  const [code, setCode] = useState('');
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    if (code.length === 6) action.run(() => onSubmit(code));
  };
  return (
    <form class="form" onSubmit={submit} data-testid="type-code">
      <SmsCode phone={sent.phone} value={code} onInput={setCode} />
      {action.code !== null && <ErrorNotice code={action.code} />}
      {askCode !== null && <ErrorNotice code={askCode} />}
      <div class="actions">
        <Button type="submit" busy={action.busy} disabled={code.length !== 6} testId="code-submit">
          {t('otp.submit')}
        </Button>
        <ResendSms busy={isAsking} resendAt={sent.resendAt} onResend={resend} />
      </div>
    </form>
  );
}
