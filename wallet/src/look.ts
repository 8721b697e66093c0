/**
 * The door to what the wallet and the other pages of this server share: the pieces of screens, sentences and figures, and the
 * way to the cloud. Never: lets out keys, payments or the store.
 */
export { ApiClient, type CallOptions, type SessionState } from './api/client.ts';
export { ApiError } from './api/problems.ts';
export { WalletError } from './pay/codes.ts';
export {
  dateTime,
  dayHeading,
  money,
  parseTyped,
  relative,
  shortWhen,
  signedMoney,
  time,
} from './i18n/format.ts';
export { directionOf, type Key, type Locale, LOCALES } from './i18n/locales.ts';
export {
  alsoSay,
  initialLocale,
  localeState,
  sentenceFor,
  setLocale,
  speak,
  startLocale,
  t,
} from './i18n/translate.ts';
export { chooseScheme, chosenScheme, SCHEMES, type Scheme } from './scheme.ts';
export { AmountField, quickPicks, useAmount } from './screens/parts/amount-field.tsx';
export { CodeField, ResendCode } from './screens/parts/code-field.tsx';
export { SupportContact } from './screens/parts/help-line.tsx';
export { Icon, type IconName, Logo } from './screens/parts/icons.tsx';
export { LanguagePicker } from './screens/parts/language-picker.tsx';
export { lazy } from './screens/parts/lazy.tsx';
export { QrCode } from './screens/parts/qr.tsx';
export { go, parseRoute, type Route, useRoute } from './screens/parts/router.ts';
export {
  Bdi,
  Button,
  Empty,
  ErrorNotice,
  Field,
  Money,
  Notice,
  PasswordField,
  Row,
  Skeleton,
  Spinner,
  useAction,
} from './screens/parts/ui.tsx';
export { Observable, useObservable } from './wallet-state.ts';
