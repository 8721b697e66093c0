/**
 * The keys on the screen, for tills without a keyboard: below the screens, which give way, so that no field is ever
 * behind them. Owns which keys are shown; the edits themselves are made in edit-field.ts.
 */
import { type ReactElement, type ReactNode, useEffect, useMemo, useState } from 'react';
import { KeyboardReact } from 'react-simple-keyboard';
import 'react-simple-keyboard/build/css/index.css';
import { useLanguage } from '../language/use-language.ts';
import { iconMarkup } from '../look/icons.tsx';
import { deleteBack, enter, insertText, nextField } from './edit-field.ts';
import { fieldKind, isShifted, type LayerName, layerAfter, layoutFor } from './layouts.ts';
import { useTypedField, type WindowMode } from './typed-field.ts';
import './screen-keyboard.css';

/** The screens, and below them the keys while somebody needs them. */
export function WithScreenKeyboard({
  mode,
  children,
}: {
  mode: WindowMode;
  children: ReactNode;
}): ReactElement {
  const { field, hide } = useTypedField(mode);
  const { language } = useLanguage();
  return (
    <div className="tiki-shell" data-typing={field !== undefined || undefined}>
      <div className="tiki-screens">{children}</div>
      {field !== undefined && (
        <ScreenKeyboard key={`${language} ${fieldKind(field)}`} field={field} onHide={hide} />
      )}
    </div>
  );
}

function ScreenKeyboard({ field, onHide }: { field: HTMLInputElement; onHide: () => void }): ReactElement {
  const { t, language } = useLanguage();
  const kind = fieldKind(field);
  const { layers, first } = useMemo(() => layoutFor(language, kind), [language, kind]);
  const [layer, setLayer] = useState<LayerName>(() => startLayer(field, first));
  const [letters, setLetters] = useState<'letters' | 'latin'>(first === 'latin' ? 'latin' : 'letters');
  const display = displayOf(t, nextField(field) === undefined);
  useEffect(() => {
    // After the screens have given way, so that it is their new height that counts.
    const frame = requestAnimationFrame(() => field.scrollIntoView({ block: 'center' }));
    return () => cancelAnimationFrame(frame);
  }, [field]);

  const press = (key: string): void => {
    const next = layerAfter(key, layer, letters);
    if (next !== undefined) {
      if (key === '{script}') setLetters(next === 'latin' ? 'latin' : 'letters');
      return setLayer(next);
    }
    if (key === '{hide}') return onHide();
    if (key === '{bksp}') return deleteBack(field);
    if (key === '{enter}') {
      if (enter(field) === 'sent') onHide();
      return;
    }
    insertText(field, key === '{space}' ? ' ' : key);
    // A capital comes alone. After a vowel its tone may follow; after the tone, or a consonant, a plain letter.
    if (/^[\p{M}đ]$/iu.test(key)) setLayer(letters);
    else if (layer === 'marksShift') setLayer('marks');
    else if (isShifted(layer)) setLayer(letters);
  };
  return (
    <div
      className="tiki-keyboard"
      data-testid="screen-keyboard"
      data-layer={layer}
      dir="ltr"
      role="group"
      aria-label={t('keyboard.label')}
      // The field keeps the focus, and with it the caret.
      onPointerDown={(event) => event.preventDefault()}
      onMouseDown={(event) => event.preventDefault()}
    >
      <KeyboardReact
        layout={layers}
        layoutName={layer}
        display={display}
        buttonAttributes={[
          ...labelsOf(t, display),
          { attribute: 'aria-pressed', value: String(isShifted(layer)), buttons: '{shift}' },
        ]}
        onKeyPress={press}
        useButtonTag
        preventMouseDownDefault
        disableCaretPositioning
        // It keeps a text of its own, which nobody needs: a password has no business there.
        maxLength={1}
        theme="tiki-keys"
      />
    </div>
  );
}

/** A name begins with a capital. */
function startLayer(field: HTMLInputElement, first: LayerName): LayerName {
  return first === 'letters' && fieldKind(field) === 'words' && field.value === '' ? 'shift' : first;
}

type Translate = ReturnType<typeof useLanguage>['t'];

function displayOf(t: Translate, isLast: boolean): Record<string, string> {
  return {
    '{shift}': iconMarkup('shift'),
    '{bksp}': iconMarkup('backspace'),
    '{hide}': iconMarkup('hideKeys'),
    '{space}': t('keyboard.space'),
    '{enter}': isLast ? t('keyboard.done') : t('keyboard.next'),
    '{digits}': '123',
    '{symbols}': '#+=',
    '{letters}': t('keyboard.lettersSign'),
    '{script}': t('keyboard.scriptSign'),
    '{marks}': 'ă â',
    '\u0300': 'à',
    '\u0309': 'ả',
    '\u0303': 'ã',
    '\u0301': 'á',
    '\u0323': 'ạ',
  };
}

/** Keys without words get some; keys with a sign keep it in their name, for whoever says aloud what is to be tapped. */
function labelsOf(
  t: Translate,
  display: Record<string, string>,
): { attribute: string; value: string; buttons: string }[] {
  const drawn = {
    '{shift}': t('keyboard.shift'),
    '{bksp}': t('keyboard.delete'),
    '{hide}': t('keyboard.hide'),
  };
  const signs = {
    '{digits}': t('keyboard.digits'),
    '{symbols}': t('keyboard.symbols'),
    '{letters}': t('keyboard.letters'),
    '{script}': t('keyboard.script'),
    '{marks}': t('keyboard.marks'),
  };
  return [
    ...Object.entries(drawn),
    ...Object.entries(signs).map(([key, words]) => [key, `${display[key] ?? ''}: ${words}`] as const),
  ].map(([buttons, value]) => ({ attribute: 'aria-label', value, buttons }));
}
