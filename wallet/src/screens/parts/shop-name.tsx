/** A shop's name as its certificate gives it, cleaned: kept apart from the sentence around it, and never nothing. */
import { t } from '../../i18n/translate.ts';

export function ShopName({ name, class: look }: { name: string; class?: string }) {
  return (
    <bdi class={look === undefined ? 'shop-name' : `shop-name ${look}`}>
      {name === '' ? t('confirm.no_name') : name}
    </bdi>
  );
}
