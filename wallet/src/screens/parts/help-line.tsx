/** The code behind a sentence, and whom to ask with it: the operator's contact, where the operator has named one. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { t } from '../../i18n/translate.ts';

/** Whom to ask; null where the operator has named nobody. */
export const SupportContact = createContext<string | null>(null);

/** Needs a human being at the operator's: nothing that the person can do on this screen ends it. */
const ASK_OPERATOR: readonly string[] = [
  'allowance_denied',
  'trust_root_changed',
  'certificate_differs_from_order',
  'internal_error',
  'debt_unpaid',
];

export function HelpLine({ code }: { code: string }) {
  const contact = useContext(SupportContact);
  return (
    <>
      {contact !== null && ASK_OPERATOR.includes(code) && (
        <p data-testid="support-contact">
          {t('common.support')} <Contact text={contact} />
        </p>
      )}
      <p class="error-code">
        {t('common.code')} <bdi data-testid="error-code">{code}</bdi>
      </p>
    </>
  );
}

/** A number to call, an address to write to or to open; anything else is read. */
function Contact({ text }: { text: string }) {
  const address = addressOf(text);
  if (address === null) return <bdi>{text}</bdi>;
  return (
    <a href={address} rel="noopener noreferrer">
      <bdi dir="ltr">{text}</bdi>
    </a>
  );
}

function addressOf(text: string): string | null {
  if (/^https:\/\/\S+$/.test(text)) return text;
  if (/^[^\s@:/?]+@[^\s@:/?]+$/.test(text)) return `mailto:${text}`;
  return /^\+?[0-9][0-9 ()-]{2,30}$/.test(text) ? `tel:${text.replaceAll(/[^+0-9]/g, '')}` : null;
}
