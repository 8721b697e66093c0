/** What came of a provider's event; kept with it for audits. */
export type EventOutcome =
  | 'credited'
  | 'closed'
  | 'taken_back'
  | 'given_back'
  | 'recorded'
  | 'already_handled'
  | 'nothing_to_do'
  | 'refused';
