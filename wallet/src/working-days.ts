/** Days on which banks work, by this phone's calendar. Knows Saturdays and Sundays; holidays are each country's own. */

/** The same hour, so many working days later. */
export function workingDaysAfter(ms: number, days: number): number {
  const date = new Date(ms);
  for (let left = days; left > 0; ) {
    date.setDate(date.getDate() + 1);
    if (date.getDay() !== 0 && date.getDay() !== 6) left -= 1;
  }
  return date.getTime();
}

export function endOfDay(ms: number): number {
  const date = new Date(ms);
  date.setDate(date.getDate() + 1);
  return date.setHours(0, 0, 0, 0);
}
