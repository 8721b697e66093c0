/** Small pieces that only these pages have. */
import {
  Bdi,
  Button,
  Empty,
  ErrorNotice,
  type IconName,
  signedMoney,
  Skeleton,
} from '@tikiwallet/wallet/look';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import type { Pages } from './load.tsx';

type Children = { readonly children?: ComponentChildren };

/** A page of the office: its name, and what can be done with all of it beside the name. */
export function Area({
  title,
  actions,
  testId,
  children,
}: Children & { title: string; actions?: ComponentChildren; testId: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · TikiWallet`;
    // A screen reader starts each page at its name.
    heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <section class="area" data-testid={testId}>
      <header class="area-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions !== undefined && <div class="area-actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}

export function Panel({
  title,
  lead,
  testId,
  children,
}: Children & { title?: string; lead?: string; testId?: string }) {
  return (
    <section class="panel" data-testid={testId}>
      {title !== undefined && <h2>{title}</h2>}
      {lead !== undefined && <p class="muted">{lead}</p>}
      {children}
    </section>
  );
}

export function AgainButton({ busy, onClick }: { busy: boolean; onClick: () => void }) {
  return (
    <Button kind="plain" busy={busy} onClick={onClick}>
      {t('common.try_again')}
    </Button>
  );
}

export interface Option {
  readonly value: string;
  readonly text: string;
}

/** One of several, where they are too many for buttons. */
export function SelectField({
  label,
  value,
  options,
  onChange,
  testId,
}: {
  label: string;
  value: string;
  options: readonly Option[];
  onChange: (value: string) => void;
  testId: string;
}) {
  return (
    <label class="select">
      <span class="select-name">{label}</span>
      <select value={value} data-testid={testId} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.text}
          </option>
        ))}
      </select>
    </label>
  );
}

export type Tone = 'ok' | 'warn' | 'bad' | 'plain';

export function Chip({ tone, children, testId }: Children & { tone: Tone; testId?: string }) {
  return (
    <span class={`chip chip-${tone}`} data-testid={testId}>
      {children}
    </span>
  );
}

/** One figure with its name; `children` says more in small print. */
export function Figure({
  label,
  testId,
  value,
  children,
}: Children & { label: string; value: ComponentChildren; testId?: string }) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd>
        <span class="figure-value" data-testid={testId}>
          {value}
        </span>
        {children !== undefined && <span class="figure-note">{children}</span>}
      </dd>
    </div>
  );
}

/** Money inside running text or a list. */
export function Sum({ minor, currency }: { minor: string | bigint; currency: string }) {
  return <Bdi class="sum">{signedMoney(minor, currency)}</Bdi>;
}

/** A list with its empty, waiting and failed states, and the way to its next page. */
export function PagedList<T>({
  pages,
  keyOf,
  draw,
  empty,
  testId,
}: {
  pages: Pages<T>;
  keyOf: (item: T) => string;
  draw: (item: T) => ComponentChildren;
  empty: { readonly icon: IconName; readonly title: string; readonly text: string };
  testId: string;
}) {
  const { items, code } = pages;
  return (
    <>
      {code !== null && (
        <ErrorNotice code={code}>
          <AgainButton busy={false} onClick={items === null ? pages.reload : pages.more} />
        </ErrorNotice>
      )}
      {items === null && code === null && <Skeleton lines={5} />}
      {items !== null && items.length === 0 && (
        <Empty icon={empty.icon} title={empty.title}>
          {empty.text}
        </Empty>
      )}
      {items !== null && items.length > 0 && (
        <ul class="list" data-testid={testId}>
          {items.map((item) => (
            <li key={keyOf(item)}>{draw(item)}</li>
          ))}
        </ul>
      )}
      {pages.hasMore && code === null && (
        <Button kind="plain" busy={pages.busy} onClick={pages.more} testId={`${testId}-more`}>
          {t('office.more')}
        </Button>
      )}
    </>
  );
}

/** A question before what has consequences; the answer that does nothing is the first that the keyboard meets. */
export function Confirm({
  title,
  text,
  yes,
  busy,
  code,
  isFinal = true,
  onYes,
  onNo,
  testId,
  children,
}: Children & {
  title: string;
  text: string;
  yes: string;
  busy: boolean;
  code: string | null;
  /** Cannot be undone: its button warns. */
  isFinal?: boolean;
  onYes: () => void;
  onNo: () => void;
  testId: string;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current?.showModal();
    // It goes by being taken away, not by being closed, and the browser then leaves the focus nowhere.
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby={`${testId}-title`}
      data-testid={testId}
      onCancel={(event) => {
        event.preventDefault();
        if (!busy) onNo();
      }}
    >
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          onYes();
        }}
      >
        <h2 id={`${testId}-title`}>{title}</h2>
        <p>{text}</p>
        {children}
        {code !== null && <ErrorNotice code={code} />}
        <div class="button-row dialog-actions">
          <Button kind="plain" disabled={busy} onClick={onNo} testId={`${testId}-no`}>
            {t('common.cancel')}
          </Button>
          <Button kind={isFinal ? 'danger' : 'primary'} type="submit" busy={busy} testId={`${testId}-yes`}>
            {yes}
          </Button>
        </div>
      </form>
    </dialog>
  );
}
