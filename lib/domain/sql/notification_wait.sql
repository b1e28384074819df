-- $1 channels: ms until the first of those that a rate or their receiver holds back may go on, of
-- those that have something due; -1: there is none.
SELECT coalesce(min(greatest(1, extract(epoch FROM c.free_at - clock_timestamp()) * 1000)), -1)::bigint
FROM app.notification_channels c
WHERE c.channel = ANY ($1::text[])
  AND EXISTS (SELECT FROM app.notifications n
              WHERE n.channel = c.channel AND n.state IN ('queued', 'failed')
                AND n.next_at <= clock_timestamp())
