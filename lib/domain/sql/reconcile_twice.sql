INSERT INTO reconcile_twice
SELECT hashtextextended(b.number, 0)
FROM reconcile_bill b
WHERE b.kind <> 'flow'
GROUP BY 1
HAVING count(*) > 1
