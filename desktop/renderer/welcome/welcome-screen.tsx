/** A device without a shop: the three ways in, and the steps behind each. Owns which step is on; each step owns itself. */
import { UnstyledButton } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useAgent } from '../agent/connection.ts';
import { useLanguage } from '../language/use-language.ts';
import { Icon, type IconName, Mark } from '../look/icons.tsx';
import { StateWord } from '../look/panel.tsx';
import { useStart } from '../look/use-start.ts';
import { LanguageMenu } from './language-menu.tsx';
import { CreateKioskStep } from './create-kiosk-step.tsx';
import { EnrolStep } from './enrol-step.tsx';
import { OtpStep, type Registration } from './otp-step.tsx';
import { RegisterStep } from './register-step.tsx';
import { SignInStep } from './sign-in-step.tsx';
import classes from './welcome.module.css';

type Step =
  | { name: 'choose' }
  | { name: 'code' }
  | { name: 'signIn' }
  | { name: 'register' }
  | { name: 'otp'; registration: Registration }
  | { name: 'create' };

export function WelcomeScreen(): ReactElement {
  const { state } = useAgent();
  const [step, setStep] = useState<Step>(state.merchant === null ? { name: 'choose' } : { name: 'create' });
  const choose = (): void => setStep({ name: 'choose' });
  const create = (): void => setStep({ name: 'create' });
  return (
    <div className={classes.welcome} data-testid="screen-welcome" data-step={step.name}>
      <Brand />
      <main className={classes.main}>
        {step.name === 'choose' && <ChooseStep signedIn={state.merchant !== null} onStep={setStep} />}
        {step.name === 'code' && <EnrolStep onBack={choose} />}
        {step.name === 'signIn' && <SignInStep onBack={choose} onSignedIn={create} />}
        {step.name === 'register' && (
          <RegisterStep onBack={choose} onSent={(registration) => setStep({ name: 'otp', registration })} />
        )}
        {step.name === 'otp' && (
          <OtpStep
            registration={step.registration}
            onBack={() => setStep({ name: 'register' })}
            onVerified={create}
          />
        )}
        {step.name === 'create' && <CreateKioskStep onBack={choose} />}
      </main>
    </div>
  );
}

function Brand(): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const features: { icon: IconName; words: string }[] = [
    { icon: 'offline', words: t('welcome.feature1') },
    { icon: 'shield', words: t('welcome.feature2') },
    { icon: 'upload', words: t('welcome.feature3') },
  ];
  const cloud = state.cloud.state;
  return (
    <aside className={classes.brand}>
      <Weave />
      <div className={classes.brandName}>
        <Mark size={52} />
        <strong>{t('app.name')}</strong>
      </div>
      <p className={classes.tagline}>{t('app.tagline')}</p>
      <ul className={classes.features}>
        {features.map((feature) => (
          <li key={feature.icon}>
            <Icon name={feature.icon} size={24} />
            {feature.words}
          </li>
        ))}
      </ul>
      <div className={classes.brandFoot}>
        <StateWord
          tone={cloud === 'online' ? 'good' : cloud === 'offline' ? 'warn' : 'calm'}
          icon={cloud === 'offline' ? 'offline' : cloud === 'online' ? 'online' : 'refresh'}
          testId="cloud-state"
        >
          {t(
            cloud === 'online'
              ? 'bar.cloudOnline'
              : cloud === 'offline'
                ? 'bar.cloudOffline'
                : 'bar.cloudConnecting',
          )}
        </StateWord>
        <LanguageMenu />
      </div>
    </aside>
  );
}

/** A woven mat, drawn by its threads: the ground on which a market is laid out. */
function Weave(): ReactElement {
  return (
    <svg className={classes.weave} aria-hidden="true" width="100%" height="100%">
      <defs>
        <pattern
          id="weave"
          width="48"
          height="48"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <path
            d="M4 12h16M28 12h16M4 36h16M28 36h16M12 4v4M12 16v16M36 16v16M36 40v4M12 40v4M36 4v4"
            stroke="#ffffff"
            strokeWidth="3"
            strokeLinecap="round"
            opacity="0.07"
          />
        </pattern>
      </defs>
      <rect width="100%" height="100%" fill="url(#weave)" />
    </svg>
  );
}

function ChooseStep({ signedIn, onStep }: { signedIn: boolean; onStep: (step: Step) => void }): ReactElement {
  const { t } = useLanguage();
  const { state } = useAgent();
  const start = useStart();
  return (
    <div className={classes.step}>
      <h1 className={classes.title} ref={start} tabIndex={-1}>
        {t('welcome.title')}
      </h1>
      <p className={classes.body}>{t('welcome.body')}</p>
      {state.cloud.state === 'offline' && (
        <p className={classes.warning} role="status">
          <Icon name="offline" size={22} />
          {t('welcome.offline')}
        </p>
      )}
      <div className={classes.choices}>
        <Choice
          testId="choose-code"
          icon="key"
          title={t('welcome.enterCode')}
          hint={t('welcome.enterCodeHint')}
          onClick={() => onStep({ name: 'code' })}
        />
        {signedIn ? (
          <Choice
            testId="choose-create"
            icon="plus"
            title={t('createKiosk.submit')}
            hint={t('createKiosk.body')}
            onClick={() => onStep({ name: 'create' })}
          />
        ) : (
          <>
            <Choice
              testId="choose-sign-in"
              icon="user"
              title={t('welcome.signIn')}
              hint={t('welcome.signInHint')}
              onClick={() => onStep({ name: 'signIn' })}
            />
            <Choice
              testId="choose-register"
              icon="shop"
              title={t('welcome.register')}
              hint={t('welcome.registerHint')}
              onClick={() => onStep({ name: 'register' })}
            />
          </>
        )}
      </div>
    </div>
  );
}

interface ChoiceProps {
  testId: string;
  icon: IconName;
  title: string;
  hint: string;
  onClick: () => void;
}

function Choice({ testId, icon, title, hint, onClick }: ChoiceProps): ReactElement {
  return (
    <UnstyledButton className={classes.choice} data-testid={testId} onClick={onClick}>
      <span className={classes.choiceIcon}>
        <Icon name={icon} size={28} />
      </span>
      <span className={classes.choiceText}>
        <strong>{title}</strong>
        <span>{hint}</span>
      </span>
      <Icon name="forward" size={24} />
    </UnstyledButton>
  );
}
