/**
 * Bars of money by day. The picture is for eyes; the same figures stand in a table below it, for everybody else and for whoever wants
 * them exactly. Never: the only place where a figure can be read.
 */
import { money } from '@tikiwallet/wallet/look';
import type { SalesDay } from '@tikiwallet/server/contract';
import { useState } from 'preact/hooks';
import { t } from '../i18n/words.ts';
import { dayLabel, longDay } from './days.ts';
import { niceTop, share } from './scale.ts';
import { Sum } from './pieces.tsx';

const HEIGHT = 100;

/** At the scale: the currency stands above it, and a phone's width belongs to the bars. */
const figure = (minor: bigint, currency: string) => money(minor, currency).replace(currency, '').trim();

export function BarChart({ days, currency }: { days: readonly SalesDay[]; currency: string }) {
  const [picked, setPicked] = useState<number | null>(null);
  const top = niceTop(days.map((day) => BigInt(day.settledMinor)));
  const last = days.length - 1;
  const shown = days[picked ?? last];
  return (
    <figure class="chart">
      <figcaption class="chart-caption" aria-live="off">
        {shown !== undefined && (
          <>
            <span class="muted">{longDay(shown.day)}</span>
            <span class="chart-reading">
              <Sum minor={shown.settledMinor} currency={currency} />
              <span class="muted">{t('sales.count', { count: shown.settledCount })}</span>
              {shown.refundedCount > 0 && (
                <span class="chart-back">
                  {t('sales.given_back')} <Sum minor={shown.refundedMinor} currency={currency} />
                </span>
              )}
            </span>
          </>
        )}
      </figcaption>
      <div class="chart-body" aria-hidden="true">
        <div class="chart-scale">
          {[top, top / 2n, 0n].map((minor, index) => (
            <bdi key={index} dir="ltr">
              {figure(minor, currency)}
            </bdi>
          ))}
        </div>
        <svg
          class="chart-bars"
          viewBox={`0 0 ${String(days.length * 10)} ${String(HEIGHT)}`}
          preserveAspectRatio="none"
          onPointerLeave={() => setPicked(null)}
        >
          {[0, HEIGHT / 2].map((y) => (
            <line key={y} class="chart-line" x1="0" x2={days.length * 10} y1={y} y2={y} />
          ))}
          {days.map((day, index) => (
            <Bar
              key={day.day}
              index={index}
              day={day}
              top={top}
              isPicked={index === (picked ?? last)}
              onPick={() => setPicked(index)}
            />
          ))}
        </svg>
        <div class="chart-days">
          {pickLabels(days).map((day) => (
            <span key={day}>{dayLabel(day)}</span>
          ))}
        </div>
      </div>
      <ul class="chart-legend" aria-hidden="true">
        <li class="legend-settled">{t('sales.settled')}</li>
        <li class="legend-back">{t('sales.given_back')}</li>
      </ul>
      <details class="disclosure">
        <summary>{t('sales.as_table')}</summary>
        <div class="table-wrap" tabIndex={0} role="region" aria-label={t('sales.as_table')}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t('sales.day')}</th>
                <th scope="col">{t('sales.settled')}</th>
                <th scope="col">{t('sales.number')}</th>
                <th scope="col">{t('sales.given_back')}</th>
                <th scope="col">{t('sales.not_paid')}</th>
              </tr>
            </thead>
            <tbody>
              {days.toReversed().map((day) => (
                <tr key={day.day}>
                  <th scope="row">{dayLabel(day.day)}</th>
                  <td>
                    <Sum minor={day.settledMinor} currency={currency} />
                  </td>
                  <td>{day.settledCount}</td>
                  <td>
                    <Sum minor={day.refundedMinor} currency={currency} />
                  </td>
                  <td>
                    <Sum minor={day.unpaidMinor} currency={currency} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

function Bar({
  index,
  day,
  top,
  isPicked,
  onPick,
}: {
  index: number;
  day: SalesDay;
  top: bigint;
  isPicked: boolean;
  onPick: () => void;
}) {
  const height = share(BigInt(day.settledMinor), top) * HEIGHT;
  const back = Math.min(height, share(BigInt(day.refundedMinor), top) * HEIGHT);
  const x = index * 10 + 1.5;
  return (
    <g class={isPicked ? 'bar bar-picked' : 'bar'} onPointerEnter={onPick} onClick={onPick}>
      {/* The whole column answers the finger, not only the bar. */}
      <rect class="bar-ground" x={index * 10} y="0" width="10" height={HEIGHT} />
      <rect class="bar-settled" x={x} y={HEIGHT - height} width="7" height={height} />
      {back > 0 && <rect class="bar-back" x={x} y={HEIGHT - back} width="7" height={back} />}
    </g>
  );
}

/** The first, the middle and the last day: more would not fit the smallest phone. */
function pickLabels(days: readonly SalesDay[]): readonly string[] {
  const all = days.map(({ day }) => day);
  if (all.length <= 3) return all;
  return [all[0] ?? '', all[Math.floor((all.length - 1) / 2)] ?? '', all.at(-1) ?? ''];
}
