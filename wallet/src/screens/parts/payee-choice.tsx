/**
 * Where money that goes offline can be spent: in every shop, or in one alone, perhaps at one till. Draws the choice; what
 * a code says about its shop is read elsewhere.
 */
import { useEffect, useId, useState } from 'preact/hooks';
import { t } from '../../i18n/translate.ts';
import type { ErrorCode } from '../../pay/codes.ts';
import type { KnownShop } from '../../pay/known-shops.ts';
import type { Payee } from '../../store/schema.ts';
import { useWallet } from './context.ts';
import { lazy } from './lazy.tsx';
import { Bdi, Button, ErrorNotice, useAction } from './ui.tsx';

const Scanner = lazy(
  () => import('../../scan/scanner.tsx'),
  (module) => module.Scanner,
);

/** What is chosen. `payee` is undefined while one shop was asked for and none is picked yet. */
export interface PayeeChoice {
  readonly onlyOne: boolean;
  readonly shop: KnownShop | null;
  readonly onlyTill: boolean;
}

export const EVERY_SHOP: PayeeChoice = { onlyOne: false, shop: null, onlyTill: false };

export function payeeOf({ onlyOne, shop, onlyTill }: PayeeChoice): Payee | null | undefined {
  if (!onlyOne) return null;
  if (shop === null) return undefined;
  const lock = { merchantId: shop.merchantId, kioskId: onlyTill ? shop.kioskId : null };
  return { lock, name: shop.name };
}

type Props = {
  readonly choice: PayeeChoice;
  readonly onChange: (choice: PayeeChoice) => void;
  readonly currency: string;
};

export function PayeeChoiceField({ choice, onChange, currency }: Props) {
  return (
    <fieldset class="choices" data-testid="payee-choice">
      <legend>{t('payee.label')}</legend>
      <Option
        name="payee"
        checked={!choice.onlyOne}
        onPick={() => onChange(EVERY_SHOP)}
        title={t('payee.every')}
        text={t('payee.every_text')}
        testId="payee-every"
      />
      <Option
        name="payee"
        checked={choice.onlyOne}
        onPick={() => onChange({ ...choice, onlyOne: true })}
        title={t('payee.one')}
        text={t('payee.one_text')}
        testId="payee-one"
      />
      {choice.onlyOne && <ShopPicker choice={choice} onChange={onChange} currency={currency} />}
    </fieldset>
  );
}

function ShopPicker({ choice, onChange, currency }: Props) {
  const { wallet } = useWallet();
  const [paid, setPaid] = useState<readonly KnownShop[]>([]);
  const [scans, setScans] = useState(false);
  const [camera, setCamera] = useState<ErrorCode | null>(null);
  const action = useAction();
  useEffect(() => {
    let isGone = false;
    wallet.shopsPaid().then(
      (shops) => !isGone && setPaid(shops),
      // Without trust there is no shop to offer; the scanner says why when it is used.
      () => undefined,
    );
    return () => {
      isGone = true;
    };
  }, [wallet]);
  const pick = (shop: KnownShop) => onChange({ ...choice, shop });
  const read = (text: string) =>
    action.run(async () => {
      pick(await wallet.shopOfCode(text));
      setScans(false);
    });
  const { shop } = choice;
  const isKnown = paid.some((one) => one.merchantId === shop?.merchantId);
  const shown = (shop === null || isKnown ? paid : [shop, ...paid]).filter(
    (one) => one.currency === currency,
  );
  return (
    <div class="choices-inner" role="group" aria-label={t('payee.which')}>
      {shown.map((one) => (
        <Option
          key={one.merchantId}
          name="payee-shop"
          checked={one.merchantId === shop?.merchantId}
          onPick={() => pick(one)}
          title={one.name === '' ? t('confirm.no_name') : one.name}
          text={<Bdi>{one.phone}</Bdi>}
          testId="payee-shop"
        />
      ))}
      {shown.length === 0 && !scans && <p class="muted">{t('payee.none_paid')}</p>}
      {scans && camera === null && <Scanner paused={action.busy} onText={read} onProblem={setCamera} />}
      {camera !== null && <ErrorNotice code={camera} />}
      {action.code !== null && <ErrorNotice code={action.code} />}
      <Button
        kind="plain"
        icon={scans ? 'close' : 'scan'}
        onClick={() => {
          setCamera(null);
          setScans(!scans);
        }}
        testId="payee-scan"
      >
        {t(scans ? 'common.cancel' : 'payee.scan')}
      </Button>
      {shop !== null && (
        <Option
          type="checkbox"
          name="payee-till"
          checked={choice.onlyTill}
          onPick={() => onChange({ ...choice, onlyTill: !choice.onlyTill })}
          title={t('payee.till')}
          text={t('payee.till_text')}
          testId="payee-till"
        />
      )}
    </div>
  );
}

type OptionProps = {
  readonly type?: 'radio' | 'checkbox';
  readonly name: string;
  readonly checked: boolean;
  readonly onPick: () => void;
  readonly title: string;
  readonly text: preact.ComponentChildren;
  readonly testId: string;
};

function Option({ type = 'radio', name, checked, onPick, title, text, testId }: OptionProps) {
  const id = useId();
  return (
    <label class="choice" for={id}>
      <input id={id} type={type} name={name} checked={checked} onChange={onPick} data-testid={testId} />
      <span class="choice-text">
        <bdi class="choice-title">{title}</bdi>
        <span class="muted">{text}</span>
      </span>
    </label>
  );
}
