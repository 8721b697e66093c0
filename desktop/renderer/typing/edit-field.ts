/**
 * What a key on the screen does to a field: insert, delete, go on. Owns the edit and tells it to the page as a keyboard's
 * would be told; never decides what a key means.
 */

const TYPED = new Set(['text', 'tel', 'password', 'search', 'email']);

/** A field that a person types into, and that brings no keys of its own. */
export function isTypedField(target: EventTarget | null): target is HTMLInputElement {
  return (
    target instanceof HTMLInputElement &&
    TYPED.has(target.type) &&
    !target.readOnly &&
    !target.disabled &&
    target.closest('[data-own-keys]') === null
  );
}

/** Puts text where the caret is. A tone or vowel sign joins the letter before it. */
export function insertText(field: HTMLInputElement, text: string): void {
  const { start, end } = selectionOf(field);
  const room = field.maxLength < 0 ? Number.POSITIVE_INFINITY : field.maxLength;
  const before = field.value.slice(0, start);
  const joined = (before + text).normalize('NFC');
  if (joined.length + field.value.length - end > room) return;
  // Only what changed is replaced, so that the caret stays where the typing is.
  const from = commonStart(before, joined);
  field.setRangeText(joined.slice(from), from, end, 'end');
  tell(field, 'insertText', text);
}

/** Removes the selection, or the character before the caret. */
export function deleteBack(field: HTMLInputElement): void {
  const { start, end } = selectionOf(field);
  if (end === 0) return;
  const last = [...field.value.slice(0, start)].at(-1)?.length ?? 0;
  field.setRangeText('', start === end ? start - last : start, end, 'end');
  tell(field, 'deleteContentBackward', null);
}

/** The field after this one in its form. */
export function nextField(field: HTMLInputElement): HTMLInputElement | undefined {
  const fields = [...(field.form?.elements ?? [])].filter(isTypedField);
  return fields[fields.indexOf(field) + 1];
}

/** As the return key of a keyboard: on to the next field, from the last one the form is sent. */
export function enter(field: HTMLInputElement): 'next' | 'sent' {
  const next = nextField(field);
  if (next !== undefined) {
    next.focus();
    return 'next';
  }
  const submit = field.form?.querySelector<HTMLButtonElement>('button[type=submit]');
  // A form that is not complete yet has its button off; there is nothing to send then.
  if (submit?.disabled === false) field.form?.requestSubmit(submit);
  return 'sent';
}

function selectionOf(field: HTMLInputElement): { start: number; end: number } {
  const end = field.selectionEnd ?? field.value.length;
  return { start: field.selectionStart ?? end, end };
}

function commonStart(left: string, right: string): number {
  let index = 0;
  while (index < left.length && left[index] === right[index]) index += 1;
  return index;
}

function tell(field: HTMLInputElement, inputType: string, data: string | null): void {
  field.dispatchEvent(new InputEvent('input', { bubbles: true, inputType, data }));
}
