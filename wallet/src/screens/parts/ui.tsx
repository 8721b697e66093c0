/** The pieces that every screen is made of. Each control is at least 48 px high and has a name for screen readers. */
import type { ComponentChildren, InputHTMLAttributes } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { money, moneyParts } from '../../i18n/format.ts';
import { sentenceFor, t } from '../../i18n/translate.ts';
import { WalletError, type ErrorCode } from '../../pay/codes.ts';
import { HelpLine } from './help-line.tsx';
import { Icon, type IconName } from './icons.tsx';

type Children = { readonly children?: ComponentChildren };

export function Screen({
  title,
  back = '',
  children,
  testId,
}: Children & { title: string; back?: string | null; testId?: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · TikiWallet`;
    // A new step begins at its top, also where the address stays the same.
    window.scrollTo(0, 0);
    // A screen reader starts each screen at its name.
    heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <section class="screen" data-testid={testId}>
      <header class="screen-head">
        {back !== null && (
          <a class="icon-button" href={`#/${back}`} aria-label={t('common.back')}>
            <Icon name="back" />
          </a>
        )}
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
      </header>
      {children}
    </section>
  );
}

type ButtonProps = Children & {
  readonly kind?: 'primary' | 'plain' | 'quiet' | 'danger';
  readonly type?: 'button' | 'submit';
  readonly busy?: boolean;
  readonly disabled?: boolean;
  readonly icon?: IconName;
  readonly testId?: string;
  readonly onClick?: () => void;
};

export function Button({
  kind = 'primary',
  type = 'button',
  busy = false,
  disabled = false,
  icon,
  testId,
  onClick,
  children,
}: ButtonProps) {
  return (
    <button
      type={type}
      class={`button button-${kind}`}
      disabled={disabled || busy}
      aria-busy={busy}
      data-testid={testId}
      onClick={onClick}
    >
      {busy ? <Spinner /> : icon !== undefined && <Icon name={icon} size={22} />}
      <span>{children}</span>
    </button>
  );
}

export function LinkButton({
  to,
  kind = 'plain',
  icon,
  testId,
  children,
}: Children & { to: string; kind?: string; icon?: IconName; testId?: string }) {
  return (
    <a class={`button button-${kind}`} href={`#/${to}`} data-testid={testId}>
      {icon !== undefined && <Icon name={icon} size={22} />}
      <span>{children}</span>
    </a>
  );
}

export function Spinner() {
  return <span class="spinner" role="presentation" />;
}

type FieldProps = {
  readonly label: string;
  readonly value: string;
  readonly onInput: (value: string) => void;
  readonly hint?: ComponentChildren;
  readonly problem?: string | null;
  readonly testId?: string;
  readonly input?: InputHTMLAttributes<HTMLInputElement>;
  readonly suffix?: ComponentChildren;
};

export function Field({ label, value, onInput, hint, problem = null, testId, input, suffix }: FieldProps) {
  const id = useId();
  const noteId = `${id}-note`;
  const note = problem ?? hint;
  return (
    <div class={problem === null ? 'field' : 'field field-bad'}>
      <label for={id}>{label}</label>
      <div class="field-row">
        <input
          id={id}
          value={value}
          onInput={(event) => onInput(event.currentTarget.value)}
          aria-invalid={problem !== null}
          aria-describedby={note === undefined ? undefined : noteId}
          data-testid={testId}
          {...input}
        />
        {suffix}
      </div>
      {note !== undefined && (
        <p id={noteId} class="field-note">
          {note}
        </p>
      )}
    </div>
  );
}

export function PasswordField({
  label,
  value,
  onInput,
  testId,
  isNew,
  hint,
}: {
  label: string;
  value: string;
  onInput: (value: string) => void;
  testId: string;
  isNew: boolean;
  hint?: string;
}) {
  const [shown, setShown] = useState(false);
  return (
    <Field
      label={label}
      value={value}
      onInput={onInput}
      testId={testId}
      {...(hint === undefined ? {} : { hint })}
      input={{
        ...(shown ? { type: 'text' as const } : { type: 'password' as const }),
        autoComplete: isNew ? 'new-password' : 'current-password',
        required: true,
        minLength: isNew ? 8 : 1,
        maxLength: 200,
        autoCapitalize: 'none',
        spellcheck: false,
      }}
      suffix={
        <button type="button" class="field-action" aria-pressed={shown} onClick={() => setShown(!shown)}>
          {shown ? t('common.hide') : t('common.show')}
        </button>
      }
    />
  );
}

export function Notice({
  tone = 'info',
  icon,
  title,
  children,
  testId,
  role,
}: Children & {
  tone?: 'info' | 'ok' | 'warn' | 'bad';
  icon?: IconName;
  title?: string;
  testId?: string;
  role?: 'alert' | 'status';
}) {
  return (
    <div class={`notice notice-${tone}`} role={role} data-testid={testId}>
      {icon !== undefined && <Icon name={icon} />}
      <div>
        {title !== undefined && <strong>{title}</strong>}
        {children}
      </div>
    </div>
  );
}

/** A sentence that a person understands, and the code for whoever helps them. */
export function ErrorNotice({ code, children }: Children & { code: string }) {
  return (
    <Notice tone="bad" icon="alert" role="alert">
      <p>{sentenceFor(code)}</p>
      {children}
      <HelpLine code={code} />
    </Notice>
  );
}

/** Runs what a button does: one at a time, with its progress and its error. */
export function useAction() {
  const [busy, setBusy] = useState(false);
  const [code, setCode] = useState<ErrorCode | null>(null);
  const runningRef = useRef(false);
  const run = (work: () => Promise<void>) => {
    // State arrives with the next drawing; a double tap comes sooner.
    if (runningRef.current) return;
    runningRef.current = true;
    setBusy(true);
    setCode(null);
    work()
      .catch((error: unknown) => {
        setCode(error instanceof WalletError ? error.code : 'unknown');
        if (!(error instanceof WalletError)) console.error(error);
      })
      .finally(() => {
        runningRef.current = false;
        setBusy(false);
      });
  };
  return { busy, code, run, fail: setCode };
}

export function Money({
  minor,
  currency,
  testId,
  class: name = '',
}: {
  minor: bigint;
  currency: string;
  testId?: string;
  class?: string;
}) {
  const parts = moneyParts(minor, currency);
  const letters = Math.max(...parts.map(({ text }) => text.length));
  return (
    <span
      class={`money ${name}`}
      style={{ '--letters': letters }}
      data-testid={testId}
      data-minor={minor.toString()}
      dir="ltr"
    >
      {parts.map((part, index) => (
        <span key={index} class={part.isFigure ? 'money-figure' : 'money-code'}>
          {part.text}
        </span>
      ))}
    </span>
  );
}

/** Numbers, codes and names of unknown direction inside a sentence. */
export function Bdi({ children, class: name }: Children & { class?: string }) {
  return (
    <bdi class={name} dir="ltr">
      {children}
    </bdi>
  );
}

export function Row({ label, children, testId }: Children & { label: string; testId?: string }) {
  return (
    <div class="row">
      <dt>{label}</dt>
      <dd data-testid={testId}>{children}</dd>
    </div>
  );
}

export function Empty({ icon, title, children }: Children & { icon: IconName; title: string }) {
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name={icon} size={28} />
      </span>
      <strong>{title}</strong>
      <p>{children}</p>
    </div>
  );
}

export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div class="skeletons" aria-hidden="true">
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class="skeleton" />
      ))}
    </div>
  );
}

/** Quick choices beside a typed amount. */
export function AmountPicks({
  picks,
  currency,
  onPick,
}: {
  picks: readonly bigint[];
  currency: string;
  onPick: (minor: bigint) => void;
}) {
  return (
    <div class="picks" role="group" aria-label={t('amount.quick')}>
      {picks.map((pick) => (
        <button key={pick.toString()} type="button" class="pick" onClick={() => onPick(pick)}>
          <bdi dir="ltr">{money(pick, currency)}</bdi>
        </button>
      ))}
    </div>
  );
}
