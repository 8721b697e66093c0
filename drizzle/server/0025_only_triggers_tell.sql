-- Everybody may execute a new function, and these write as their owner: the application's role could have told a merchant's
-- programs of payments that never were. Triggers that stand ask for no such right.
REVOKE EXECUTE ON FUNCTION webhook_tell(uuid, text, text, jsonb), webhook_tell_sales(), webhook_tell_double_spend(),
  webhook_tell_payout(), webhook_tell_refund(), webhook_tell_kiosk() FROM PUBLIC;
