/**
 * When keys belong on the screen: a finger, or a kiosk, at a field, and no keyboard in use. Owns that decision; never the
 * keys themselves.
 */
import { useEffect, useState } from 'react';
import type { RendererResult } from '../../ipc/renderer-contract.ts';
import { isTypedField } from './edit-field.ts';

export type WindowMode = RendererResult<'window.info'>['mode'];

/** A tap on a button takes the focus from the field first: the keys leave after the tap has landed where it was aimed. */
const LEAVE_AFTER_MS = 160;

export interface TypedField {
  /** The field that keys on the screen would type into; undefined while there are to be none. */
  field: HTMLInputElement | undefined;
  hide: () => void;
}

export function useTypedField(mode: WindowMode): TypedField {
  const [field, setField] = useState<HTMLInputElement>();
  useEffect(() => watchFields(mode, setField), [mode]);
  useEffect(() => {
    if (field === undefined) return;
    // A field may vanish with its screen, without losing the focus first.
    const observer = new MutationObserver(() => {
      if (!field.isConnected) setField(undefined);
    });
    observer.observe(document.body, { childList: true, subtree: true });
    return () => observer.disconnect();
  }, [field]);
  return { field, hide: () => setField(undefined) };
}

function watchFields(mode: WindowMode, show: (field: HTMLInputElement | undefined) => void): () => void {
  let byTouch = mode === 'kiosk';
  let leaving: number | undefined;
  const stay = (): void => window.clearTimeout(leaving);
  const offer = (target: EventTarget | null): void => {
    if (!isTypedField(target)) return;
    stay();
    show(byTouch ? target : undefined);
  };
  const pointed = (event: PointerEvent): void => {
    byTouch = mode === 'kiosk' || event.pointerType === 'touch';
  };
  const clicked = (event: MouseEvent): void => {
    // A tap into the field that has the focus already moves no focus. Only now, because the screens give way to the keys,
    // and the rest of the tap would land where the field no longer is.
    if (event.target === document.activeElement) offer(event.target);
  };
  const focused = (event: FocusEvent): void => offer(event.target);
  const left = (): void => {
    stay();
    leaving = window.setTimeout(() => {
      if (!isTypedField(document.activeElement)) show(undefined);
    }, LEAVE_AFTER_MS);
  };
  const keyed = (event: KeyboardEvent): void => {
    // Whoever has a keyboard needs no second one, until a finger asks again.
    if (!event.isTrusted || !isTypedField(event.target)) return;
    byTouch = false;
    show(undefined);
  };
  document.addEventListener('pointerdown', pointed, true);
  document.addEventListener('click', clicked);
  document.addEventListener('focusin', focused);
  document.addEventListener('focusout', left);
  document.addEventListener('keydown', keyed, true);
  offer(document.activeElement);
  return () => {
    stay();
    document.removeEventListener('pointerdown', pointed, true);
    document.removeEventListener('click', clicked);
    document.removeEventListener('focusin', focused);
    document.removeEventListener('focusout', left);
    document.removeEventListener('keydown', keyed, true);
  };
}
