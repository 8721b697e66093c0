/** The frame around every page: whose office this is, its areas, and the person's own choices. */
import {
  Icon,
  type IconName,
  LanguagePicker,
  Logo,
  Notice,
  parseRoute,
  SupportContact,
  useRoute,
} from '@tikiwallet/wallet/look';
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import { useOffice } from '../office.ts';

export interface AreaLink {
  readonly to: string;
  readonly icon: IconName;
  readonly label: string;
}

function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

export function Shell({
  name,
  areas,
  children,
}: {
  name: string;
  areas: readonly AreaLink[];
  children: ComponentChildren;
}) {
  const { office, state } = useOffice();
  const route = useRoute();
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const close = () => setOpen(false);
    addEventListener('hashchange', close);
    return () => removeEventListener('hashchange', close);
  }, []);
  const current = route.name === '' ? (areas[0]?.to ?? '') : parseRoute(location.hash).name;
  return (
    <div class="office">
      <a class="skip" href="#main" onClick={skipToMain}>
        {t('common.skip')}
      </a>
      <header class="office-top">
        <span class="brand">
          <Logo size={32} />
          <span class="office-name" dir="auto">
            {name}
          </span>
        </span>
        <button
          type="button"
          class="button button-plain menu-button"
          aria-expanded={isOpen}
          aria-controls="areas"
          data-testid="menu"
          onClick={() => setOpen(!isOpen)}
        >
          <Icon name={isOpen ? 'close' : 'activity'} />
          <span>{t('office.menu')}</span>
        </button>
      </header>
      <nav
        id="areas"
        class={isOpen ? 'office-nav office-nav-open' : 'office-nav'}
        aria-label={t('common.navigation')}
      >
        {areas.map(({ to, icon, label }) => (
          <a key={to} class="tab" href={`#/${to}`} aria-current={to === current ? 'page' : undefined}>
            <Icon name={icon} />
            <span>{label}</span>
          </a>
        ))}
        <div class="office-person">
          <LanguagePicker />
          <p class="muted office-who">
            <bdi>{state.user?.username}</bdi> <bdi dir="ltr">{state.user?.phone}</bdi>
          </p>
          <button
            type="button"
            class="button button-plain"
            data-testid="sign-out"
            onClick={() => void office.signOut()}
          >
            <Icon name="lock" size={22} />
            <span>{t('office.sign_out')}</span>
          </button>
        </div>
      </nav>
      <main id="main" tabIndex={-1} class="office-main">
        <SupportContact.Provider value={state.config?.supportContact ?? null}>
          {children}
        </SupportContact.Provider>
        {!state.reachable && (
          <div class="office-offline">
            <Notice tone="warn" icon="offline" role="status">
              <p>{t('error.network_unreachable')}</p>
            </Notice>
          </div>
        )}
      </main>
    </div>
  );
}
