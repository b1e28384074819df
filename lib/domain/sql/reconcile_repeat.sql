-- Rows of numbers that the bill has more than once are counted.
UPDATE reconcile_bill b
SET nth = n.nth
FROM (SELECT t.ctid AS place, row_number() OVER (PARTITION BY t.kind, t.number ORDER BY t.file, t.line) AS nth
      FROM reconcile_bill t
      WHERE t.kind <> 'flow' AND hashtextextended(t.number, 0) IN (SELECT hash FROM reconcile_twice)) n
WHERE b.ctid = n.place AND n.nth > 1
