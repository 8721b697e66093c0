/** Digits that two people compare: large and in groups for the eyes, one by one for a screen reader. Left to right always. */
export function Digits({ value, testId }: { value: string; testId: string }) {
  const groups = value.length > 4 ? (value.match(/.{1,3}/g) ?? [value]) : [value];
  return (
    <span class="confirm-code">
      <bdi dir="ltr" aria-hidden="true" data-testid={testId} data-digits={value}>
        {groups.join('\u00a0')}
      </bdi>
      <span class="sr-only">{[...value].join(' ')}</span>
    </span>
  );
}
