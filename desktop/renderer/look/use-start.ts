/** Where a screen begins, for whoever moves by keyboard or listens. */
import { type RefObject, useEffect, useRef } from 'react';

/**
 * For a heading with `tabIndex={-1}`. It takes the focus when the part that had it went with the screen before: the next Tab goes on from
 * here, and not from the first button of the window. Focus that is somewhere stays there.
 */
export function useStart(): RefObject<HTMLHeadingElement | null> {
  const start = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (isFocusLost()) start.current?.focus({ preventScroll: true });
  }, []);
  return start;
}

export function isFocusLost(): boolean {
  return document.activeElement === null || document.activeElement === document.body;
}
