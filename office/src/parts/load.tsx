/** What a screen shows of the cloud: asked when it is drawn and again when told; the old answer stays until the new one is there. */
import { ErrorNotice, Skeleton, WalletError } from '@tikiwallet/wallet/look';
import type { ComponentChildren } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import { AgainButton } from './pieces.tsx';

export interface Loaded<T> {
  readonly value: T | null;
  /** Of the last try. */
  readonly code: string | null;
  readonly busy: boolean;
  readonly reload: () => void;
  readonly set: (value: T) => void;
  /** As it is by then: for an answer that may come after another one. */
  readonly change: (work: (value: T) => T) => void;
}

/** @param name asks again when it changes; answers to an older question are thrown away. */
export function useLoad<T>(name: string, ask: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ value: T | null; code: string | null; busy: boolean }>({
    value: null,
    code: null,
    busy: true,
  });
  const latestRef = useRef(0);
  const askRef = useRef(ask);
  askRef.current = ask;
  const reload = useCallback(() => {
    const turn = ++latestRef.current;
    setState((before) => ({ ...before, busy: true }));
    askRef.current().then(
      (value) => {
        if (turn === latestRef.current) setState({ value, code: null, busy: false });
      },
      (error: unknown) => {
        if (!(error instanceof WalletError)) console.error(error);
        const code = error instanceof WalletError ? error.code : 'unknown';
        if (turn === latestRef.current) setState((before) => ({ ...before, code, busy: false }));
      },
    );
  }, []);
  useEffect(() => reload(), [name, reload]);
  const set = useCallback((value: T) => {
    latestRef.current += 1;
    setState({ value, code: null, busy: false });
  }, []);
  const change = useCallback((work: (value: T) => T) => {
    latestRef.current += 1;
    setState(({ value }) => ({ value: value === null ? null : work(value), code: null, busy: false }));
  }, []);
  return { ...state, reload, set, change };
}

/** Whether its place is as large as it will be: what stands below is drawn from then on, so that nothing jumps. */
export function isThere(
  of: { readonly code: string | null } & ({ readonly value: unknown } | { readonly items: unknown }),
): boolean {
  return of.code !== null || ('value' in of ? of.value : of.items) !== null;
}

/** The answer, or the place where it will stand, or why there is none and the way to try again. */
export function Shown<T>({
  of,
  lines = 4,
  children,
}: {
  of: Loaded<T>;
  lines?: number;
  children: (value: T) => ComponentChildren;
}) {
  return (
    <>
      {of.code !== null && (
        <ErrorNotice code={of.code}>
          <AgainButton busy={of.busy} onClick={of.reload} />
        </ErrorNotice>
      )}
      {of.value !== null && children(of.value)}
      {of.value === null && of.code === null && (
        <div role="status">
          <span class="sr-only">{t('common.loading')}</span>
          <Skeleton lines={lines} />
        </div>
      )}
    </>
  );
}

export interface Pages<T> {
  readonly items: readonly T[] | null;
  readonly code: string | null;
  readonly busy: boolean;
  readonly hasMore: boolean;
  readonly more: () => void;
  readonly reload: () => void;
}

/** A list that comes a page at a time. */
export function usePages<T>(
  name: string,
  ask: (
    cursor: string | null,
  ) => Promise<{ readonly items: readonly T[]; readonly nextCursor: string | null }>,
): Pages<T> {
  const [rest, setRest] = useState<{
    name: string;
    items: readonly T[];
    cursor: string | null;
    busy: boolean;
    code: string | null;
  } | null>(null);
  const first = useLoad(name, async () => {
    const page = await ask(null);
    setRest(null);
    return { name, ...page };
  });
  const shown = first.value?.name === name ? first.value : null;
  const later = rest?.name === name ? rest : null;
  const cursor = later === null ? (shown?.nextCursor ?? null) : later.cursor;
  const more = () => {
    if (cursor === null || later?.busy === true) return;
    const items = later?.items ?? [];
    setRest({ name, items, cursor, busy: true, code: null });
    ask(cursor).then(
      (page) =>
        setRest({ name, items: [...items, ...page.items], cursor: page.nextCursor, busy: false, code: null }),
      (error: unknown) => {
        const code = error instanceof WalletError ? error.code : 'unknown';
        setRest({ name, items, cursor, busy: false, code });
      },
    );
  };
  return {
    items: shown === null ? null : [...shown.items, ...(later?.items ?? [])],
    code: first.code ?? later?.code ?? null,
    busy: later?.busy ?? false,
    hasMore: cursor !== null,
    more,
    reload: first.reload,
  };
}
