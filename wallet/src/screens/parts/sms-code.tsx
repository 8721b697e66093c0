/** Typing the code from an SMS, and asking for another one, in the wallet. */
import { CodeField, ResendCode } from './code-field.tsx';
import { useNow, useWallet } from './context.ts';

type SmsCodeProps = {
  readonly phone: string;
  readonly value: string;
  readonly onInput: (digits: string) => void;
};

export function SmsCode(props: SmsCodeProps) {
  const { state } = useWallet();
  return <CodeField {...props} standIns={state.config?.standIns ?? null} />;
}

type ResendProps = {
  readonly busy: boolean;
  /** Milliseconds since 1970. */
  readonly resendAt: number;
  readonly onResend: () => void;
};

export function ResendSms({ busy, resendAt, onResend }: ResendProps) {
  const { wallet } = useWallet();
  const now = useNow(wallet, 500);
  const waitSeconds = Math.max(0, Math.ceil((resendAt - now) / 1000));
  return <ResendCode busy={busy} waitSeconds={waitSeconds} onResend={onResend} />;
}
