-- $1 id (0: a new one), $2 phone, $3 unionid, $4 appid and $5 openid: how many others have one of them
SELECT (SELECT count(*) FROM app.members m
        WHERE m.id <> $1::bigint
          AND (m.phone = $2
               OR (m.unionid = $3 AND NOT EXISTS (SELECT FROM app.members o
                                                  WHERE o.id = $1::bigint AND o.unionid IS NOT NULL))))
       + (SELECT count(*) FROM app.member_identities i
          WHERE i.appid = $4 AND i.openid = $5 AND app.member_root(i.member_id) <> $1::bigint)
