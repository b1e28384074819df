-- $1 what tells somebody: writes to other systems that tell them and have not been sent yet
SELECT count(*) FROM diner.intent i WHERE i.status = 'pending' AND i.body ~ $1
