/** A code that came by SMS: its field, another one, and the way out, for a pay-out and for the operator's door. */
import { Button, CodeField, ErrorNotice, ResendCode, useAction } from '@tikiwallet/wallet/look';
import { useState } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';
import { useNowEvery } from './use-now.ts';

export interface CodeOnItsWay {
  readonly phone: string;
  readonly expiresAt: string;
  readonly resendAfterMs: number;
}

export function CodeBySms({
  sent,
  onCode,
  onResend,
  onLeave,
}: {
  sent: CodeOnItsWay;
  onCode: (code: string) => Promise<void>;
  onResend: () => Promise<void>;
  onLeave: () => void;
}) {
  const { state } = useOffice();
  const [code, setCode] = useState('');
  const action = useAction();
  const resend = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    if (code.length === 6) action.run(() => onCode(code));
  };
  return (
    <form class="stack code-form" onSubmit={submit}>
      <CodeField
        phone={sent.phone}
        value={code}
        onInput={setCode}
        standIns={state.config?.standIns ?? null}
      />
      {action.code !== null && <ErrorNotice code={action.code} />}
      {resend.code !== null && <ErrorNotice code={resend.code} />}
      <div class="button-row">
        <Button type="submit" busy={action.busy} disabled={code.length !== 6} testId="code-submit">
          {t('otp.submit')}
        </Button>
        <Resend
          key={sent.expiresAt}
          afterMs={sent.resendAfterMs}
          busy={resend.busy}
          onResend={() => resend.run(onResend)}
        />
        <Button kind="quiet" onClick={onLeave}>
          {t('common.cancel')}
        </Button>
      </div>
    </form>
  );
}

function Resend({ afterMs, busy, onResend }: { afterMs: number; busy: boolean; onResend: () => void }) {
  const [until] = useState(() => Date.now() + afterMs);
  const now = useNowEvery(1_000);
  const waitSeconds = Math.max(0, Math.ceil((until - now) / 1_000));
  return <ResendCode busy={busy} waitSeconds={waitSeconds} onResend={onResend} />;
}
